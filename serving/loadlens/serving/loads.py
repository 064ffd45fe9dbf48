"""The records of a yard and what changes them: every method is one transaction and may be called from any thread.

What is done inside a transaction lies in `records`; here is what opens one, and what needs the blobs or standards.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo

from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from loadlens.grading.observation import LoadObservation
from loadlens.serving.lifecycle import ASSESSED, OPEN, Event, allows
from loadlens.serving.load_errors import ConflictError
from loadlens.serving.records import (
    assessments,
    cameras,
    frames,
    grabs,
    loads,
    readings,
    results,
    rooms,
    statements,
    watching,
    weights,
)
from loadlens.serving.records.assessments import Drawn
from loadlens.serving.records.frames import Place, Shot
from loadlens.serving.records.loads import Particulars
from loadlens.serving.records.readings import Use
from loadlens.serving.records.standards import Standards
from loadlens.serving.records.statements import Reason, Said, Shown
from loadlens.serving.records.weights import Kind, Weighed
from loadlens.serving.store.blobs import Blobs
from loadlens.serving.store.database import read_session, write_session
from loadlens.serving.store.errors import StoreUnavailableError
from loadlens.serving.store.journal import SYSTEM
from loadlens.serving.store.tables import Lane, Load, Reading, Statement


@dataclass(frozen=True, slots=True)
class Arrival:
    """A frame that arrived, who sent it, and whether its very bytes were kept before, of another one."""

    place: Place
    shot: Shot
    actor: str
    was_kept: bool = False


@dataclass(frozen=True, slots=True)
class Kept:
    """A frame that is kept: its digest, whether it is new, and which load it belongs to, if any yet."""

    sha256: str
    is_new: bool
    load_id: str | None


class Loads:
    """The records of one site."""

    def __init__(self, engine: Engine, blobs: Blobs, default_standard: str, frames_before_load_s: float) -> None:
        self.blobs = blobs
        self.engine = engine
        self.standards = Standards(blobs, default_standard)
        self.lead_s = frames_before_load_s

    def close_database(self) -> None:
        """Let go of its connections."""
        self.engine.dispose()

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """A transaction that only reads."""
        with read_session(self.engine) as session:
            yield session

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """A transaction that writes: committed at its end, undone where an error leaves it."""
        with write_session(self.engine) as session:
            yield session

    def check_database(self) -> None:
        """Raise where the database does not answer."""
        with self.reading() as session:
            session.execute(select(1))

    def open(self, session: Session, load_id: str, about: Particulars, *, actor: str) -> tuple[Load, bool]:
        """Open a load; the second value is False where exactly this load was there already."""
        load, is_new = loads.open_load(session, load_id, about, lead_s=self.lead_s, actor=actor)
        if is_new and load.lane is not None:
            lead = timedelta(seconds=self.lead_s)
            since = (datetime.fromisoformat(load.created_at) - lead).isoformat()
            for alarm in readings.alarms_before(session, load.lane, since):
                readings.flag_radiation(session, load, alarm)
            for health in cameras.of_lane(session, load.lane):
                if health.state != "ok":
                    cameras.miss(session, health)
        return load, is_new

    def take_reading(self, session: Session, reading: Reading, *, actor: str) -> tuple[bool, Use | None]:
        """Record what a device said, and what follows by the rule of its lane; whether it is new, and its use."""
        if not readings.add(session, reading, actor=actor):
            return False, None
        rooms.judge(session, reading)
        if (flagged := readings.radiation(session, reading)) is not None:
            self.reassess(session, flagged, reason="radiation", actor=actor)
        grabbed = grabs.load_of(session, reading, self.lead_s)
        if grabbed is not None and self._weighs_by_grabs(session, grabbed):
            if grabbed.status == "settled":
                grabs.note_late(session, grabbed, reading)
            self.reassess(session, grabbed, reason="grab weighed", actor=actor)
        use = readings.use_of(session, reading, self.lead_s)
        if use is None:
            return True, None
        load = loads.find(session, use.load_id)
        if not self._can_weigh(session, load, use):
            return True, None
        self.weigh(session, load, use.kind, use.weighed, actor=actor)
        return True, use

    def _can_weigh(self, session: Session, load: Load, use: Use) -> bool:
        """Whether a reading may become a weight by itself: where it may not, what the scale said is on record all the
        same, and a person says what it is."""
        if load.status in ASSESSED and self.standards.find(session, load) is None:
            return False
        return weights.can_be(session, load.id, use.kind, use.weighed)

    def _weighs_by_grabs(self, session: Session, load: Load) -> bool:
        standard = self.standards.find(session, load)
        return standard is not None and standard.rules.layer_weight == "grab_mass"

    def reassess(self, session: Session, load: Load, *, reason: str, actor: str) -> None:
        """Assess a load anew because something else is known of it now, if it has an assessment that counts."""
        if load.status not in ASSESSED:
            return  # a standard that this server no longer has must not keep a radiation alarm out
        assessments.reassess(session, load, self.standards.of(session, load), reason=reason, actor=actor)

    def weigh(self, session: Session, load: Load, kind: Kind, weighed: Weighed, *, actor: str) -> bool:
        """Record a weighing; False where it says what is known already.

        A truck is often weighed empty after its load was graded: then the load is assessed anew, as its next version.
        """
        if weights.is_known(session, load.id, kind, weighed):
            return False
        if load.status in ("settled", "cancelled"):
            raise ConflictError(f"load {load.id} is {load.status}; a manager has to re-open it before it is weighed")
        weights.add(session, load.id, kind, weighed, actor=actor)
        if weights.both(session, load.id) is not None:
            self.reassess(session, load, reason=f"{kind} weighed", actor=actor)
        else:
            results.weighed(session, load)
        event: Event = "weigh_gross" if kind == "gross" else "weigh_tare"
        if allows(load.status, event):
            loads.move(session, load, event, actor=actor)
        return True

    def amend(
        self,
        session: Session,
        load: Load,
        correct: Mapping[str, str | None],
        *,
        actor: str,
        reason: str,
        clock: tzinfo | None = None,
    ) -> None:
        """Correct what was said when the truck came; another declared grade makes the next assessment, and a person is
        told when by the yard's `clock` (None: this machine's)."""
        if "declared" in loads.amend(session, load, correct, actor=actor, reason=reason, clock=clock):
            self.reassess(session, load, reason="declared grade corrected", actor=actor)

    def state(
        self, session: Session, load: Load, shown: Shown, said: Said, reason: Reason | None, *, actor: str
    ) -> Statement:
        """Record that the supplier confirms what he was shown or, with a reason, disputes it: that makes the next
        assessment, which says so, and a person has to look."""
        statement = statements.add(session, load, shown, said, reason, actor=actor)
        if reason is not None:
            self.reassess(session, load, reason="disputed", actor=actor)
        return statement

    def keep_frames(self, arrivals: Sequence[Arrival]) -> list[Kept]:
        """Record frames whose bytes are durable: all of them, in the order given, or, raising, none."""
        # A session forgets a row that nobody holds, and would read it anew for every frame.
        owners: dict[str, Load | Lane] = {}
        with self.writing() as session:
            return [self._keep_frame(session, arrival, owners) for arrival in arrivals]

    def _keep_frame(self, session: Session, arrival: Arrival, owners: dict[str, Load | Lane]) -> Kept:
        place, shot = arrival.place, arrival.shot
        if frames.is_stored(session, place, shot.sha256):
            return Kept(shot.sha256, False, frames.load_of(session, place))
        owner = owners[place.stream] = owners.get(place.stream) or owner_of(session, place)
        check_takes(owner, shot.taken_at)
        # Nobody lets go of bytes while we write. Before, only those of a frame on record can have been: where there is
        # none, a store that cannot tell what it had need not be asked while others wait to write.
        if arrival.was_kept and frames.is_shown(session, shot.sha256) and not self.blobs.exists(shot.sha256):
            raise StoreUnavailableError("the bytes of a frame were let go of while it was sent again; send it anew")
        frame = frames.store(session, place, shot)
        if isinstance(owner, Load):
            loads.join(session, owner, frame, actor=arrival.actor)
            return Kept(shot.sha256, True, owner.id)
        around = frames.neighbours(session, frame)
        load = frames.load_for(session, owner.id, frame, around, self.lead_s)
        if load is None:
            return Kept(shot.sha256, True, None)
        owners[f"load:{load.id}"] = load
        for joined in (frame, *frames.passed_over(session, frame, around, load.id)):
            loads.join(session, load, joined, actor=arrival.actor)
        return Kept(shot.sha256, True, load.id)

    def graded(
        self, load_id: str, observation: LoadObservation, pictures: Mapping[int, Drawn], trace: str, watched: int
    ) -> bool:
        """Record what was seen of a closed load and assess it; `pictures` are what is kept of it by layer, `trace` is
        the digest of what was watched of it.

        False, and nothing recorded, where the load has other frames by now than the `watched` ones.
        """
        with self.writing() as session:
            load = loads.find(session, load_id)
            if load.status != "closed" or frames.count(session, load_id) != watched:
                return False
            standard = self.standards.of(session, load)
            assessments.record_watching(session, load, standard, observation, pictures, trace=trace)
            return True

    def failed(self, load_id: str, why: str) -> None:
        """Record that a closed load could not be graded; nothing where another process has graded it by now."""
        with self.writing() as session:
            load = loads.find(session, load_id)
            if load.status == "closed":
                load.failure = why
                loads.move(session, load, "fail", actor=SYSTEM, reason=why)

    def unwatched(self, load_id: str, why: str) -> None:
        """Raise the alarm of an open load that cannot be watched; nothing where it is not open any more."""
        with self.writing() as session:
            watching.miss(session, loads.find(session, load_id), why)


def owner_of(session: Session, place: Place) -> Load | Lane:
    """The load or the lane of a stream; UnknownLoadError where it is not there."""
    kind, _, owner = place.stream.partition(":")
    return loads.find_lane(session, owner) if kind == "lane" else loads.find(session, owner)


def check_takes(owner: Load | Lane, taken_at: str) -> None:
    """Raise ConflictError where a load takes no frame that was taken then; a lane takes all."""
    if isinstance(owner, Lane):
        return
    load = owner
    if load.lane is not None:
        raise ConflictError(f"load {load.id} is on lane {load.lane}; send its frames to /v1/lanes/{load.lane}/frames")
    if load.status not in OPEN and (load.status == "cancelled" or (load.closed_at or "") < taken_at):
        raise ConflictError(f"load {load.id} is {load.status} and takes no more frames")
