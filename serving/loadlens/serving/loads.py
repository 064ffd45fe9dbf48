"""The loads of a yard: what may be done to a load in which state, and its records."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from importlib import metadata
from typing import Any, Literal

from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session

from loadlens.grading.assessment import assess_load
from loadlens.grading.observation import LoadObservation
from loadlens.grading.quantity import Mass
from loadlens.grading.standard import Standard, list_standards, load_standard
from loadlens.grading.weighing import Weights, WeightsError
from loadlens.serving.canonical import canonical_json
from loadlens.serving.load_errors import ConflictError, FramesMissingError, UnacceptableError, UnknownLoadError
from loadlens.serving.observation_json import from_json, to_json
from loadlens.serving.store.blobs import Blobs
from loadlens.serving.store.database import writing
from loadlens.serving.store.journal import SYSTEM, append
from loadlens.serving.store.tables import Assessment, Load, Picture, StoredFrame, Weight, now

Kind = Literal["gross", "tare"]


@dataclass(frozen=True, slots=True)
class FrameFacts:
    """A frame as it arrived: when it was taken (ISO 8601, UTC) and how large it is in pixels."""

    captured_at: str
    width: int
    height: int


class Loads:
    """The records of one site. Every method is one transaction and may be called from any thread."""

    def __init__(self, engine: Engine, blobs: Blobs, default_standard: str) -> None:
        self.blobs = blobs
        self.engine = engine
        default = load_standard(default_standard)
        self.standards = {standard.id: standard for standard in (*list_standards(), default)}
        self._default = default.id

    def close_database(self) -> None:
        """Let go of its connections."""
        self.engine.dispose()

    @contextmanager
    def _reading(self) -> Iterator[Session]:
        with Session(self.engine, expire_on_commit=False) as session:
            yield session

    @contextmanager
    def _writing(self) -> Iterator[Session]:
        with Session(writing(self.engine), expire_on_commit=False) as session, session.begin():
            yield session

    def check_database(self) -> None:
        """Raise where the database does not answer."""
        with self._reading() as session:
            session.execute(select(1))

    def create(self, load_id: str, *, declared: str | None, standard: str | None) -> tuple[Load, bool]:
        """Open a load; the second value is False where exactly this load was there already."""
        chosen = standard or self._default
        if chosen not in self.standards:
            raise UnacceptableError(f"no standard {chosen!r}; there are {', '.join(sorted(self.standards))}")
        with self._writing() as session:
            load = session.get(Load, load_id)
            if load is None:
                load = Load(id=load_id, declared=declared, standard=chosen)
                session.add(load)
                append(session, "load.opened", subject(load_id), {}, SYSTEM, rows=[load])
                return load, True
            if (load.declared, load.standard) != (declared, chosen):
                raise ConflictError(f"load {load_id} exists with another declared grade or standard; choose another id")
            return load, False

    def load(self, load_id: str) -> Load:
        """The load of this id; UnknownLoadError where there is none."""
        with self._reading() as session:
            return _load(session, load_id)

    def all(self, status: str | None = None, limit: int = 100) -> Sequence[Load]:
        """The newest loads, newest first."""
        query = select(Load).order_by(Load.created_at.desc(), Load.id).limit(limit)
        with self._reading() as session:
            return session.scalars(query if status is None else query.where(Load.status == status)).all()

    def unfinished(self) -> Sequence[str]:
        """The loads that are open or being graded, oldest first."""
        query = select(Load.id).where(Load.status.in_(("open", "closed"))).order_by(Load.created_at)
        with self._reading() as session:
            return session.scalars(query).all()

    def standard_of(self, load: Load) -> Standard:
        """The standard a load is graded by; ConflictError where this server no longer has it."""
        if load.standard not in self.standards:
            raise ConflictError(
                f"this server no longer has the standard {load.standard}, by which load {load.id} is graded"
            )
        return self.standards[load.standard]

    # Weights.

    def weigh(self, load_id: str, kind: Kind, kg: Decimal, division: Decimal | None) -> bool:
        """Record a weighing; False where it says what is known already.

        A truck is often weighed empty after its load was graded: then the load is assessed anew, as its next version.
        """
        mass, step = f"{kg:f}", None if division is None else f"{division:f}"
        with self._writing() as session:
            load = _load(session, load_id)
            known = _weighings(session, load_id).get(kind)
            if known is not None and (Decimal(known.kg), known.division) == (kg, step):
                return False
            weight = Weight(load_id=load_id, kind=kind, kg=mass, division=step)
            session.add(weight)
            append(session, "weight.recorded", subject(load_id), {}, SYSTEM, rows=[weight])
            try:
                both_known = _weights(session, load_id) is not None
            except WeightsError as error:
                raise UnacceptableError(str(error)) from None
            newest = _newest(session, load_id)
            if newest is not None and both_known:
                self._assess(session, load, from_json(newest.observation), newest.version + 1)
        return True

    def weighings(self, load_id: str) -> dict[str, Weight]:
        """The newest weighing of each kind."""
        with self._reading() as session:
            return _weighings(session, load_id)

    # Frames.

    def known_frame(self, load_id: str, camera: str, seq: int, sha256: str) -> bool:
        """Whether exactly this frame is stored. Raises where the load or the frame refuses it."""
        with self._reading() as session:
            return _is_stored(session, load_id, camera, seq, sha256)

    def add_frame(self, load_id: str, camera: str, seq: int, data: bytes, facts: FrameFacts) -> bool:
        """Keep a frame; returns once it is durable. False where exactly this frame was stored already."""
        sha256 = self.blobs.put(data)
        with self._writing() as session:
            if _is_stored(session, load_id, camera, seq, sha256):
                return False
            first = session.scalars(select(StoredFrame).where(StoredFrame.load_id == load_id).limit(1)).first()
            if first is not None and (first.width, first.height) != (facts.width, facts.height):
                size, asked = f"{first.width} x {first.height}", f"{facts.width} x {facts.height}"
                raise UnacceptableError(f"the frames of load {load_id} are {size} pixels, this one is {asked}")
            session.add(
                StoredFrame(
                    load_id=load_id,
                    camera=camera,
                    seq=seq,
                    captured_at=facts.captured_at,
                    sha256=sha256,
                    width=facts.width,
                    height=facts.height,
                )
            )
        return True

    def frames(self, load_id: str, *, after: int = -1, limit: int | None = None) -> Sequence[StoredFrame]:
        """The frames of a load by number, beginning behind `after`."""
        query = select(StoredFrame).where(StoredFrame.load_id == load_id, StoredFrame.seq > after)
        with self._reading() as session:
            return session.scalars(query.order_by(StoredFrame.seq).limit(limit)).all()

    def count_frames(self, load_id: str, up_to: int = 2**31) -> int:
        """How many frames are stored, of those numbered no higher than `up_to`."""
        query = select(func.count()).where(StoredFrame.load_id == load_id, StoredFrame.seq <= up_to)
        with self._reading() as session:
            return session.scalars(query).one()

    def ungraded(self, watched: Mapping[str, int]) -> tuple[int, float]:
        """How many frames of unfinished loads are numbered above the last one watched, and the oldest's age in s."""
        count, oldest = 0, None
        with self._reading() as session:
            for load_id in session.scalars(select(Load.id).where(Load.status.in_(("open", "closed")))):
                waiting = (StoredFrame.load_id == load_id, StoredFrame.seq > watched.get(load_id, -1))
                found, since = session.execute(
                    select(func.count(), func.min(StoredFrame.created_at)).where(*waiting)
                ).one()
                count += found
                oldest = min(filter(None, (oldest, since)), default=None)
        return count, 0.0 if oldest is None else (datetime.now(UTC) - datetime.fromisoformat(oldest)).total_seconds()

    # The end of a load.

    def close(self, load_id: str, last_seq: Mapping[str, int]) -> Load:
        """Take no more frames; a load that failed to be graded is given another try. Closing twice changes nothing."""
        with self._writing() as session:
            load = _load(session, load_id)
            if load.status not in ("open", "failed"):
                return load
            if missing := {
                camera: gap for camera, last in last_seq.items() if (gap := _gaps(session, load, camera, last))
            }:
                raise FramesMissingError(missing)
            if load.status == "open":
                frames = select(StoredFrame).where(StoredFrame.load_id == load_id).order_by(StoredFrame.seq)
                append(session, "frames.sealed", subject(load_id), {}, SYSTEM, rows=session.scalars(frames).all())
            load.status, load.failure = "closed", None
            load.closed_at = load.closed_at or now()
            return load

    def graded(self, load_id: str, observation: LoadObservation, pictures: Mapping[int, str]) -> None:
        """Record what was seen of a closed load and assess it; `pictures` are digests of blobs by layer."""
        with self._writing() as session:
            load = _load(session, load_id)
            drawn = [Picture(load_id=load_id, layer=layer, sha256=sha) for layer, sha in pictures.items()]
            session.add_all(drawn)
            append(session, "pictures.drawn", subject(load_id), {}, SYSTEM, rows=drawn)
            self._assess(session, load, observation, 1)
            load.status = "graded"

    def failed(self, load_id: str, why: str) -> None:
        """Record that a closed load could not be graded."""
        with self._writing() as session:
            load = _load(session, load_id)
            load.status, load.failure = "failed", why

    def _assess(self, session: Session, load: Load, observation: LoadObservation, version: int) -> None:
        standard = self.standard_of(load)
        assessed = assess_load(observation, standard, weights=_weights(session, load.id), declared=load.declared)
        report = assessed.to_report()
        drawn = set(session.scalars(select(Picture.layer).where(Picture.load_id == load.id)))
        for layer in report["layers"]:
            if layer["index"] in drawn:
                layer["overlay"] = f"/v1/loads/{load.id}/layers/{layer['index']}/overlay.jpg"
        session.add(
            Assessment(
                load_id=load.id, version=version, observation=to_json(observation), report=canonical_json(report)
            )
        )

    def assessment(self, load_id: str) -> Assessment | None:
        """The newest assessment; None while there is none."""
        with self._reading() as session:
            _load(session, load_id)
            return _newest(session, load_id)

    def report(self, load_id: str) -> dict[str, Any]:
        """The report of the newest assessment; ConflictError while there is none."""
        found = self.assessment(load_id)
        if found is None:
            raise ConflictError(f"load {load_id} is not graded yet; close it and wait for its assessment")
        report: dict[str, Any] = json.loads(found.report)
        return report

    def pictures(self, load_id: str) -> dict[int, str]:
        """The digests of the drawn-on pictures by layer."""
        with self._reading() as session:
            _load(session, load_id)
            rows = session.execute(select(Picture.layer, Picture.sha256).where(Picture.load_id == load_id))
            return {row.layer: row.sha256 for row in rows}


def subject(load_id: str) -> str:
    """How the journal names a load."""
    return f"load:{load_id}"


def made_with(standard: Standard) -> dict[str, Any]:
    """What an assessment was computed with beside its observation, for the journal."""
    return {
        "standard": {"id": standard.id, "version": standard.version, "sha256": standard.sha256},
        "software": metadata.version("loadlens"),
    }


def _load(session: Session, load_id: str) -> Load:
    load = session.get(Load, load_id)
    if load is None:
        raise UnknownLoadError(f"there is no load {load_id!r}")
    return load


def _weighings(session: Session, load_id: str) -> dict[str, Weight]:
    query = select(Weight).where(Weight.load_id == load_id).order_by(Weight.id)
    return {weight.kind: weight for weight in session.scalars(query)}


def _weights(session: Session, load_id: str) -> Weights | None:
    """Both weights with the coarser of their divisions; None while one is missing."""
    known = _weighings(session, load_id)
    if len(known) < 2:
        return None
    divisions = [Mass(weight.division) for weight in known.values() if weight.division is not None]
    return Weights(Mass(known["gross"].kg), Mass(known["tare"].kg), max(divisions, default=None))


def _newest(session: Session, load_id: str) -> Assessment | None:
    query = select(Assessment).where(Assessment.load_id == load_id).order_by(Assessment.version.desc()).limit(1)
    return session.scalars(query).first()


def _is_stored(session: Session, load_id: str, camera: str, seq: int, sha256: str) -> bool:
    """Whether exactly this frame is stored; ConflictError where another one is, or none may come any more."""
    load = _load(session, load_id)
    known = session.get(StoredFrame, (load_id, camera, seq))
    if known is not None:
        if known.sha256 != sha256:
            raise ConflictError(f"frame {camera}/{seq} of load {load_id} is stored with other bytes; number it anew")
        return True
    if load.status != "open":
        raise ConflictError(f"load {load_id} is {load.status} and takes no more frames")
    other = select(StoredFrame.camera).where(StoredFrame.load_id == load_id, StoredFrame.camera != camera).limit(1)
    if (first := session.scalars(other).first()) is not None:
        raise ConflictError(
            f"load {load_id} is watched by camera {first!r}, and a load has one camera; send no {camera!r}"
        )
    return False


def _gaps(session: Session, load: Load, camera: str, last: int) -> list[int]:
    query = select(StoredFrame.seq).where(StoredFrame.load_id == load.id, StoredFrame.camera == camera)
    stored = set(session.scalars(query))
    return [seq for seq in range(last + 1) if seq not in stored]
