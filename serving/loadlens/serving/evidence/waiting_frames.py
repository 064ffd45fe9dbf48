"""Frames that no load has claimed are let go when they are old: their bytes only, on record, and none claims them then.

A load that comes to a lane claims what was taken shortly before; one that was there claims what was taken since it was
closed, if it is taken up again. So a frame stays while a load may still come for it, and as long as the load before it
is not over for the days of the policy.
"""

import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Engine, Select, and_, func, insert, or_, select
from sqlalchemy.orm import Session

from loadlens.serving.evidence.blob_check import DROPPED
from loadlens.serving.evidence.deleting import delete_all
from loadlens.serving.records.frames import LET_GO, SAME_FRAME, that_wait
from loadlens.serving.records.loads import was_over
from loadlens.serving.store.blobs import Blobs
from loadlens.serving.store.database import read_session, write_session
from loadlens.serving.store.journal import SYSTEM, append
from loadlens.serving.store.retention_tables import LetGoFrame
from loadlens.serving.store.row_facts import bulk_facts
from loadlens.serving.store.tables import Lane, Load, LoadFrame, StoredFrame

# So many frames of a camera are looked through at a time: a stop need not wait for years of them.
_WINDOW = 5000
# So many are let go with one record: whoever brings frames has to wait for it.
_A_RECORD = 500


@dataclass(frozen=True, slots=True)
class _Age:
    """What is old: a frame that arrived before `until`, behind a load that was over before `over`."""

    until: str
    over: str
    why: str


@dataclass(frozen=True, slots=True)
class _Window:
    """The frames of a camera of a lane numbered from `first` to `last`."""

    lane: str
    camera: str
    first: int
    last: int


def let_waiting_go(
    engine: Engine, blobs: Blobs, *, days: int, lead_s: float, now: datetime, stopped: threading.Event | None = None
) -> int:
    """Let go of the frames without a load that are `days` old at `now`, or until `stopped`; returns how many.

    `lead_s`: a load claims what was taken up to so many seconds before it was opened.
    """
    stopped = stopped or threading.Event()
    over = now - timedelta(days=days)
    # No frame is believed to be taken later than the lead after it arrived.
    until = min(over, now - timedelta(seconds=2 * lead_s))
    why = f"frames that belong to no load are kept for {days} days, also after the end of the load before them"
    age = _Age(_text(until), _text(over), why)
    done = 0
    for window in _windows(engine):
        with read_session(engine) as session:
            due = session.scalars(_due(window, age)).all()
        for first in range(0, len(due), _A_RECORD):
            if stopped.is_set():
                return done
            count, digests = _record(engine, window, age, due[first : first + _A_RECORD])
            delete_all(engine, blobs, digests, _unneeded, stopped)
            done += count
        if stopped.is_set():
            return done
    return done


def _record(engine: Engine, window: _Window, age: _Age, some: Sequence[int]) -> tuple[int, list[str]]:
    """Put on record which of these frames are let go; how many are, and the pictures that no other frame needs."""
    with write_session(engine) as session:
        due = session.execute(_due(window, age).add_columns(StoredFrame.sha256).where(StoredFrame.seq.in_(some))).all()
        if not due:
            return 0, []
        stream = f"lane:{window.lane}"
        rows = [{"stream": stream, "camera": window.camera, "seq": seq} for seq, _ in due]
        session.execute(insert(LetGoFrame), rows)
        digests = _unneeded(session, sorted({sha256 for _, sha256 in due}))
        body = {"what": "frames", "blobs": digests, "why": age.why, "rows": [bulk_facts(LetGoFrame, rows)]}
        append(session, DROPPED, stream, body, SYSTEM)
    return len(rows), digests


def _unneeded(session: Session, digests: Sequence[str]) -> list[str]:
    """Which of these pictures no load and no waiting frame shows."""
    shown = select(StoredFrame.sha256).outerjoin(LoadFrame, SAME_FRAME).outerjoin(LetGoFrame, LET_GO)
    needed = or_(LoadFrame.load_id.is_not(None), LetGoFrame.seq.is_(None))
    kept = set(session.scalars(shown.where(StoredFrame.sha256.in_(digests), needed)))
    return [sha256 for sha256 in digests if sha256 not in kept]


def _due(window: _Window, age: _Age) -> Select[int]:
    """The numbers of the frames of a window that no load has claimed and none will."""
    before = (
        select(Load.id)
        .where(Load.lane == window.lane, Load.created_at <= StoredFrame.taken_at)
        .order_by(Load.created_at.desc(), Load.id.desc())
        .limit(1)
        .correlate(StoredFrame)
        .scalar_subquery()
    )
    may_come_back = select(Load.id).where(Load.id == before, ~was_over(age.over)).exists()
    query = that_wait().with_only_columns(StoredFrame.seq).where(_of(window.lane, window.camera))
    query = query.where(StoredFrame.seq.between(window.first, window.last), StoredFrame.created_at < age.until)
    return query.where(~may_come_back).order_by(StoredFrame.seq)


def _windows(engine: Engine) -> Iterator[_Window]:
    """All frames of all lanes, camera by camera."""
    with read_session(engine) as session:
        lanes = session.scalars(select(Lane.id).order_by(Lane.id)).all()
    for lane in lanes:
        camera, first = _next_camera(engine, lane, ""), 0
        while camera is not None:
            last = _last_of_window(engine, lane, camera, first)
            if last is None:
                camera, first = _next_camera(engine, lane, camera), 0
            else:
                yield _Window(lane, camera, first, last)
                first = last + 1


def _next_camera(engine: Engine, lane: str, after: str) -> str | None:
    # One after the other by the index: to ask for all of them at once reads every frame.
    query = select(func.min(StoredFrame.camera)).where(StoredFrame.stream == f"lane:{lane}", StoredFrame.camera > after)
    with read_session(engine) as session:
        return session.scalars(query).one()


def _last_of_window(engine: Engine, lane: str, camera: str, first: int) -> int | None:
    """The number of the last frame of the window that begins at a number; None where no frame is left."""
    some = select(StoredFrame.seq).where(_of(lane, camera), StoredFrame.seq >= first)
    some = some.order_by(StoredFrame.seq).limit(_WINDOW)
    with read_session(engine) as session:
        last: int | None = session.scalars(select(func.max(some.subquery().c.seq))).one()
    return last


def _of(lane: str, camera: str) -> ColumnElement[bool]:
    return and_(StoredFrame.stream == f"lane:{lane}", StoredFrame.camera == camera)


def _text(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds")
