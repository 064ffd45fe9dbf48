"""Loads: opened, moved from state to state, closed, found again."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, tzinfo

from sqlalchemy import ColumnElement, and_, delete, func, select
from sqlalchemy.orm import Session

from loadlens.serving import lifecycle
from loadlens.serving.lifecycle import Event, TransitionError
from loadlens.serving.load_errors import ConflictError, FramesMissingError, UnknownLoadError
from loadlens.serving.records import frames
from loadlens.serving.records.weights import weighings
from loadlens.serving.store import journal
from loadlens.serving.store.journal import SYSTEM
from loadlens.serving.store.queue_tables import LoadResult
from loadlens.serving.store.tables import Lane, Load, LoadFlag, LoadWord, StoredFrame, Transition, now


@dataclass(frozen=True, slots=True)
class Particulars:
    """What is known of a load when its truck arrives. `standard` is the id of an installed standard."""

    standard: str
    declared: str | None = None
    lane: str | None = None
    supplier: str | None = None
    plate: str | None = None
    note: str | None = None


def find(session: Session, load_id: str) -> Load:
    """The load of this id; UnknownLoadError where there is none."""
    load = session.get(Load, load_id)
    if load is None:
        raise UnknownLoadError(f"there is no load {load_id!r}")
    return load


def open_load(session: Session, load_id: str, about: Particulars, *, lead_s: float, actor: str) -> tuple[Load, bool]:
    """Open a load; the second value is False where exactly this load was there already.

    On a lane it takes the frames that wait there, if they are not older than `lead_s` seconds.
    """
    load = session.get(Load, load_id)
    if load is not None:
        if _particulars(load) != about:
            raise ConflictError(f"load {load_id} exists with other particulars; choose another id")
        return load, False
    if about.lane is not None:
        check_lane_is_free(session, about.lane)
    load = Load(
        id=load_id,
        standard=about.standard,
        declared=about.declared,
        lane=about.lane,
        supplier=about.supplier,
        plate=about.plate,
        note=about.note,
        status="arrived",
        created_at=now(),
    )
    session.add(load)
    session.flush()
    _index_words(session, load)
    arrival = Transition(load_id=load_id, event="arrive", source=None, target="arrived", actor=actor, reason="")
    session.add(arrival)
    journal.append(session, "load.opened", f"load:{load_id}", {}, actor, rows=[load, arrival])
    take_waiting(session, load, since=load.created_at, lead_s=lead_s, actor=actor)
    return load, True


def take_waiting(session: Session, load: Load, *, since: str, lead_s: float, actor: str) -> None:
    """Join the frames that wait on the load's lane, taken no earlier than `lead_s` before `since`."""
    waiting = frames.waiting(session, load.lane, since=since, lead_s=lead_s) if load.lane else ()
    for frame in waiting:
        join(session, load, frame, actor=actor)


def join(session: Session, load: Load, frame: StoredFrame, *, actor: str) -> None:
    """A frame belongs to a load, in whatever state that is: nothing that was seen is left out silently."""
    frames.join(session, load, frame, late=load.status not in lifecycle.OPEN)
    if frame.taken_at != frame.captured_at:
        why = f"the clock of camera {frame.camera} was wrong; the server's own was used to tell which load it showed"
        flag(session, load, "clock_wrong", "review", why)
    if lifecycle.allows(load.status, "unload"):
        move(session, load, "unload", actor=actor)
    elif lifecycle.allows(load.status, "late_frames"):
        move(session, load, "late_frames", actor=actor, reason=f"frame {frame.camera}/{frame.seq}")
    elif load.status == "settled":
        why = f"frames of camera {frame.camera} came after the load was settled; they are kept and decide nothing"
        flag(session, load, "frames_after_settlement", "review", why)


def find_lane(session: Session, lane: str) -> Lane:
    """The lane of this id; UnknownLoadError where there is none."""
    found = session.get(Lane, lane)
    if found is None:
        raise UnknownLoadError(f"there is no lane {lane!r}; a manager makes it with PUT /v1/lanes/{lane}")
    return found


def check_lane_is_free(session: Session, lane: str) -> None:
    """Raise where there is no such lane (UnknownLoadError) or a load is open on it (ConflictError)."""
    find_lane(session, lane)
    if (other := open_on(session, lane)) is not None:
        raise ConflictError(f"load {other.id} is still open on lane {lane}; close or cancel it first")


def open_on(session: Session, lane: str) -> Load | None:
    """The load that is open on a lane."""
    return session.scalars(select(Load).where(Load.lane == lane, Load.status.in_(lifecycle.OPEN))).first()


def move(session: Session, load: Load, event: Event, *, actor: str, reason: str = "") -> None:
    """Let an event happen to a load, and the weighings that waited for it. ConflictError where it cannot happen."""
    check_move(load, event)
    source = load.status
    target = load.status = lifecycle.next_state(source, event)
    step = Transition(load_id=load.id, event=event, source=source, target=target, actor=actor, reason=reason)
    session.add(step)
    journal.append(
        session, "load.transition", f"load:{load.id}", {"event": event, "status": target}, actor, rows=[step]
    )
    if (result := session.get(LoadResult, load.id)) is not None:
        result.waiting = target == "flagged"
    known = weighings(session, load.id)
    follow = lifecycle.pending(target, gross="gross" in known, tare="tare" in known)
    if follow is not None:
        move(session, load, follow, actor=actor)


def check_move(load: Load, event: Event) -> None:
    """Raise ConflictError where an event cannot happen to a load."""
    try:
        lifecycle.next_state(load.status, event)
    except TransitionError as error:
        raise ConflictError(f"load {load.id}: {error}") from None


def close(session: Session, load_id: str, last_seq: Mapping[str, int], *, actor: str) -> Load:
    """Take no more frames; a load that failed to be graded is given another try. Closing twice changes nothing."""
    load = find(session, load_id)
    if load.status == "cancelled":
        raise ConflictError(f"load {load_id} is cancelled; a manager may re-open it")
    if not lifecycle.allows(load.status, "close"):
        return load
    if missing := {
        camera: gap for camera, last in last_seq.items() if (gap := frames.gaps(session, load, camera, last))
    }:
        raise FramesMissingError(missing)
    load.failure = None
    load.closed_at = load.closed_at or now()
    frames.seal(session, load, actor=actor)
    move(session, load, "close", actor=actor)
    return load


def amend(
    session: Session,
    load: Load,
    correct: Mapping[str, str | None],
    *,
    actor: str,
    reason: str,
    clock: tzinfo | None = None,
) -> list[str]:
    """Correct what was said when the truck came, by the names of `Particulars`; returns the names that changed.

    Another declared grade decides about money: once the load was assessed a person has to look (again). `clock` is the
    yard's time zone, in which that is told; None: that of this machine.
    """
    was = asdict(_particulars(load))
    changed = [name for name in correct if was[name] != correct[name]]
    if not changed:
        return []
    check_move(load, "amend")
    for name in changed:
        setattr(load, name, correct[name])
    session.flush()
    session.execute(delete(LoadWord).where(LoadWord.load_id == load.id))
    _index_words(session, load)
    before = {name: was[name] for name in changed}
    journal.append(session, "load.amended", f"load:{load.id}", {"before": before}, actor, rows=[load])
    told = [f"{name} was {was[name]!r} and is {correct[name]!r}" for name in changed]
    if "declared" in changed and load.status in lifecycle.ASSESSED:
        # With the moment: a figure that goes back and forth is looked at every time.
        at = datetime.now(UTC).astimezone(clock).isoformat(sep=" ", timespec="milliseconds")
        why = f"{actor} corrected the declared grade from {was['declared']} to {correct['declared']} at {at}"
        flag(session, load, "declared_corrected", "review", why, actor=actor)
    move(session, load, "amend", actor=actor, reason=f"{reason} ({'; '.join(told)})")
    return changed


def reopen(session: Session, load: Load, *, lead_s: float, actor: str, reason: str) -> None:
    """Take a load up again; on a lane it also takes what was taken since it was closed and belongs to no other."""
    if load.lane is not None:
        check_lane_is_free(session, load.lane)
    closed, load.closed_at, load.failure = load.closed_at, None, None
    move(session, load, "reopen", actor=actor, reason=reason)
    since, lead_s = (closed, 0) if closed else (load.created_at, lead_s)
    if load.lane is not None and (gone := frames.let_go_since(session, load.lane, since)):
        why = f"frames that lane {load.lane} took after this load was closed were let go when they were old ({gone})"
        flag(session, load, "frames_let_go", "review", why)
    take_waiting(session, load, since=since, lead_s=lead_s, actor=actor)


def flag(session: Session, load: Load, code: str, level: str, why: str, *, actor: str = SYSTEM) -> bool:
    """Note a reason to look that the pictures do not show; False where it is noted already."""
    if session.get(LoadFlag, (load.id, code, why)) is not None:
        return False
    noted = LoadFlag(load_id=load.id, code=code, why=why, level=level)
    session.add(noted)
    journal.append(session, "load.flagged", f"load:{load.id}", {"code": code, "level": level}, actor, rows=[noted])
    return True


def flags(session: Session, load_id: str) -> list[LoadFlag]:
    """The noted flags of a load, oldest first."""
    return list(session.scalars(select(LoadFlag).where(LoadFlag.load_id == load_id).order_by(LoadFlag.at)))


def transitions(session: Session, load_id: str) -> list[Transition]:
    """The life of a load so far, oldest first."""
    return list(session.scalars(select(Transition).where(Transition.load_id == load_id).order_by(Transition.id)))


def unfinished(session: Session) -> list[str]:
    """The loads that are open or being graded, oldest first."""
    states = (*lifecycle.OPEN, "closed")
    return list(session.scalars(select(Load.id).where(Load.status.in_(states)).order_by(Load.created_at)))


def was_over(until: str) -> ColumnElement[bool]:
    """Whether a load is over and was so before `until`: for a query that has `Load`."""
    end = select(func.max(Transition.at)).where(Transition.load_id == Load.id).correlate(Load).scalar_subquery()
    return and_(Load.status.in_(lifecycle.OVER), end < until)


def _particulars(load: Load) -> Particulars:
    return Particulars(load.standard, load.declared, load.lane, load.supplier, load.plate, load.note)


def _index_words(session: Session, load: Load) -> None:
    session.add_all(LoadWord(word=word, created_at=load.created_at, load_id=load.id) for word in _words(load))


def _words(load: Load) -> set[str]:
    texts = (load.id, load.plate, load.supplier, load.note)
    return {word for text in texts if text for word in (text.casefold(), *text.casefold().split())}
