"""Frames: kept by stream, camera and number, once and for ever, and joined to the load they show."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice

from sqlalchemy import Select, and_, bindparam, func, insert, select, true
from sqlalchemy.orm import Session

from loadlens.serving.lanes import Visit, visit_of
from loadlens.serving.load_errors import MOST_MISSING, ConflictError
from loadlens.serving.store import journal
from loadlens.serving.store.retention_tables import LetGoFrame
from loadlens.serving.store.row_facts import bulk_facts
from loadlens.serving.store.tables import Load, LoadFrame, StoredFrame, now

# A frame is hardly ever older than the last few loads of its lane; one that is stays without a load.
_VISITS = 20

_LAST_NUMBER = 2**31 - 1
# A camera may begin anywhere up to here, such as with the seconds of the clock; beyond it has to count on.
LEAPS_UP_TO, _COUNTS_ON = 2_000_000_000, 1_000_000

SAME_FRAME = and_(
    LoadFrame.stream == StoredFrame.stream, LoadFrame.camera == StoredFrame.camera, LoadFrame.seq == StoredFrame.seq
)
LET_GO = and_(
    LetGoFrame.stream == StoredFrame.stream, LetGoFrame.camera == StoredFrame.camera, LetGoFrame.seq == StoredFrame.seq
)
# What every frame needs is said without the ORM and made once: that costs a fifth.
_DIGEST = select(StoredFrame.sha256).where(
    StoredFrame.stream == bindparam("stream"),
    StoredFrame.camera == bindparam("camera"),
    StoredFrame.seq == bindparam("seq"),
)
_SAME_CAMERA = select(LoadFrame.seq, LoadFrame.load_id).where(
    LoadFrame.stream == bindparam("stream"), LoadFrame.camera == bindparam("camera")
)
_LOWER = _SAME_CAMERA.where(LoadFrame.seq < bindparam("seq")).order_by(LoadFrame.seq.desc()).limit(1)
_HIGHER = _SAME_CAMERA.where(LoadFrame.seq > bindparam("seq")).order_by(LoadFrame.seq).limit(1)
_STORE = insert(StoredFrame)
_JOIN = insert(LoadFrame)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a frame has its number: stream (`load:<id>` or `lane:<id>`), camera, seq."""

    stream: str
    camera: str
    seq: int

    def __str__(self) -> str:
        return f"{self.camera}/{self.seq} of {self.stream.replace(':', ' ', 1)}"


@dataclass(frozen=True, slots=True)
class Shot:
    """A frame as it arrived: when it was taken (by the camera's clock, by ours), its digest, its size in pixels."""

    captured_at: str
    taken_at: str
    sha256: str
    width: int
    height: int
    why_kept: str | None = None


# A frame that belongs to a load: its number, and the load.
Joined = tuple[int, str]


def is_stored(session: Session, place: Place, sha256: str) -> bool:
    """Whether exactly this frame is stored; ConflictError where another one is."""
    where = {"stream": place.stream, "camera": place.camera, "seq": place.seq}
    known = session.connection().execute(_DIGEST, where).scalar()
    if known is None:
        return False
    if known != sha256:
        raise ConflictError(f"frame {place} is stored with other bytes; number it anew")
    return True


def is_shown(session: Session, sha256: str) -> bool:
    """Whether any frame has these bytes."""
    return session.scalars(select(StoredFrame.seq).where(StoredFrame.sha256 == sha256).limit(1)).first() is not None


def store(session: Session, place: Place, shot: Shot) -> StoredFrame:
    """Add a frame that is not stored yet. Its bytes must be durable already."""
    row = {
        "stream": place.stream,
        "camera": place.camera,
        "seq": place.seq,
        "captured_at": shot.captured_at,
        "taken_at": shot.taken_at,
        "sha256": shot.sha256,
        "width": shot.width,
        "height": shot.height,
        "why_kept": shot.why_kept,
        "created_at": now(),
    }
    session.connection().execute(_STORE, row)
    return StoredFrame(**row)


def newest(session: Session, stream: str, camera: str) -> StoredFrame | None:
    """The frame of a camera with the highest number; None where it has sent none."""
    query = select(StoredFrame).where(StoredFrame.stream == stream, StoredFrame.camera == camera)
    return session.scalars(query.order_by(StoredFrame.seq.desc()).limit(1)).first()


def load_of(session: Session, place: Place) -> str | None:
    """The load that a stored frame belongs to; None while it waits."""
    joined = session.get(LoadFrame, (place.stream, place.camera, place.seq))
    return joined.load_id if joined else None


def join(session: Session, load: Load, frame: StoredFrame, *, late: bool) -> None:
    """Let a frame belong to a load."""
    place = {"stream": frame.stream, "camera": frame.camera, "seq": frame.seq}
    session.connection().execute(_JOIN, place | {"load_id": load.id, "late": late})


def neighbours(session: Session, frame: StoredFrame) -> tuple[Joined | None, Joined | None]:
    """The frames of the nearest lower and higher number of the same camera that belong to a load."""
    where = {"stream": frame.stream, "camera": frame.camera, "seq": frame.seq}
    lower, higher = (session.connection().execute(query, where).first() for query in (_LOWER, _HIGHER))
    return lower, higher


def load_for(
    session: Session, lane: str, frame: StoredFrame, around: tuple[Joined | None, Joined | None], lead_s: float
) -> Load | None:
    """The load of its lane that a frame belongs to, `around` which those others are numbered; None: it waits."""
    lead = timedelta(seconds=lead_s)
    before, after = (joined and joined[1] for joined in around)
    if before is not None:
        # A camera counts on, which is the rule: then the other loads of the lane need not be looked at.
        load = session.get_one(Load, before)
        if visit_of(None, [_visit(load)], lead, before=before, after=after) is not None:
            return load
    newest = select(Load).where(Load.lane == lane).order_by(Load.created_at.desc(), Load.id.desc()).limit(_VISITS)
    loads = {load.id: load for load in session.scalars(newest)}
    visits = [_visit(load) for load in reversed(loads.values())]
    captured = datetime.fromisoformat(frame.taken_at) if _believed(frame, lead_s) else None
    found = visit_of(captured, visits, lead, before=before, after=after)
    return None if found is None else loads[found.load_id]


def that_wait() -> Select[StoredFrame]:
    """The frames that belong to no load and that one may still claim."""
    query = select(StoredFrame).outerjoin(LoadFrame, SAME_FRAME).outerjoin(LetGoFrame, LET_GO)
    return query.where(LoadFrame.load_id.is_(None), LetGoFrame.seq.is_(None))


def let_go_since(session: Session, lane: str, since: str) -> int:
    """How many frames of a lane were taken since a moment and let go before a load had claimed them."""
    query = select(func.count()).select_from(StoredFrame).join(LetGoFrame, LET_GO)
    return session.scalars(query.where(StoredFrame.stream == f"lane:{lane}", StoredFrame.taken_at >= since)).one()


def waiting(session: Session, lane: str, *, since: str, lead_s: float) -> Sequence[StoredFrame]:
    """The frames of a lane that wait, taken no earlier than `lead_s` before `since`."""
    earliest = (datetime.fromisoformat(since) - timedelta(seconds=lead_s)).isoformat()
    query = that_wait().where(StoredFrame.stream == f"lane:{lane}", StoredFrame.taken_at >= earliest)
    found = session.scalars(query.order_by(StoredFrame.camera, StoredFrame.seq))
    return [frame for frame in found if _believed(frame, lead_s)]


def _believed(frame: StoredFrame, lead_s: float) -> bool:
    """Whether the time of a frame may decide: nothing is taken long after it has arrived."""
    taken, arrived = (datetime.fromisoformat(moment) for moment in (frame.taken_at, frame.created_at))
    return taken <= arrived + timedelta(seconds=lead_s)


def cameras(session: Session, load_id: str) -> Sequence[str]:
    """The cameras that have frames of a load, by name."""
    query = select(LoadFrame.camera).where(LoadFrame.load_id == load_id).distinct().order_by(LoadFrame.camera)
    return session.scalars(query).all()


def of_camera(
    session: Session, load_id: str, camera: str, *, after: int = -1, limit: int | None = None
) -> Sequence[StoredFrame]:
    """The frames of one camera of a load by number, beginning behind `after`."""
    query = select(StoredFrame).join(LoadFrame, SAME_FRAME)
    query = query.where(LoadFrame.load_id == load_id, LoadFrame.camera == camera, LoadFrame.seq > after)
    return session.scalars(query.order_by(LoadFrame.seq).limit(limit)).all()


def nearest(session: Session, load_id: str, camera: str, taken_at: str) -> StoredFrame | None:
    """The frame of one camera of a load that was taken nearest to a moment; None where it has none."""
    query = select(StoredFrame).join(LoadFrame, SAME_FRAME)
    query = query.where(LoadFrame.load_id == load_id, LoadFrame.camera == camera)
    earlier = query.where(StoredFrame.taken_at <= taken_at).order_by(
        StoredFrame.taken_at.desc(), StoredFrame.seq.desc()
    )
    later = query.where(StoredFrame.taken_at > taken_at).order_by(StoredFrame.taken_at, StoredFrame.seq)
    found = [frame for ends in (earlier, later) if (frame := session.scalars(ends.limit(1)).first()) is not None]
    at = datetime.fromisoformat(taken_at)
    return min(found, key=lambda frame: abs(datetime.fromisoformat(frame.taken_at) - at), default=None)


def of_digest(session: Session, load_id: str, sha256: str) -> StoredFrame | None:
    """The frame of a load with these bytes; the first where there are several."""
    query = select(StoredFrame).join(LoadFrame, SAME_FRAME)
    query = query.where(LoadFrame.load_id == load_id, StoredFrame.sha256 == sha256)
    return session.scalars(query.order_by(StoredFrame.taken_at, StoredFrame.camera).limit(1)).first()


def first_seq(session: Session, load: Load, camera: str) -> int:
    """The number of a camera's first frame of a load: 0 on the load's own stream, the lowest there is on a lane."""
    if load.lane is None:
        return 0
    query = select(func.min(LoadFrame.seq)).where(LoadFrame.load_id == load.id, LoadFrame.camera == camera)
    return session.scalars(query).one() or 0


def count(
    session: Session, load_id: str, camera: str | None = None, *, up_to: int = _LAST_NUMBER, late: bool = False
) -> int:
    """How many frames a load has, of one camera or all, numbered no higher than `up_to`; `late`: that came late."""
    query = select(func.count()).where(LoadFrame.load_id == load_id, LoadFrame.seq <= up_to)
    query = query if camera is None else query.where(LoadFrame.camera == camera)
    return session.scalars(query.where(LoadFrame.late) if late else query).one()


def seal(session: Session, load: Load, *, late: bool = False, actor: str) -> None:
    """Write into the journal which frames a load has; with `late` only those that came after its close."""
    # Without the ORM: nobody else can write meanwhile, and a load may have many thousands.
    joined = select(*LoadFrame.__table__.columns)
    stored = select(*StoredFrame.__table__.columns).join(LoadFrame, SAME_FRAME)
    which = and_(LoadFrame.load_id == load.id, LoadFrame.late if late else true())
    facts = []
    for kind, query in ((StoredFrame, stored), (LoadFrame, joined)):
        rows = session.execute(query.where(which).order_by(LoadFrame.camera, LoadFrame.seq))
        facts.append(bulk_facts(kind, [row._asdict() for row in rows]))
    if facts[0]["values"]:
        journal.append(session, "frames.sealed", f"load:{load.id}", {"rows": facts}, actor)


def ungraded(session: Session, load_ids: Sequence[str], watched: Mapping[str, Mapping[str, int]]) -> tuple[int, float]:
    """How many frames of these loads are numbered above the last one of their camera that was watched.

    `watched` are those numbers by load and camera. Also the age of the oldest such frame in seconds; 0 without one.
    """
    number, oldest = 0, None
    for load_id in load_ids:
        last = watched.get(load_id, {})
        for camera in cameras(session, load_id):
            query = select(func.count(), func.min(StoredFrame.created_at)).join(LoadFrame, SAME_FRAME)
            query = query.where(LoadFrame.load_id == load_id, LoadFrame.camera == camera)
            found, since = session.execute(query.where(LoadFrame.seq > last.get(camera, -1))).one()
            number += found
            oldest = min(filter(None, (oldest, since)), default=None)
    return number, 0.0 if oldest is None else (datetime.now(UTC) - datetime.fromisoformat(oldest)).total_seconds()


def gaps(session: Session, load: Load, camera: str, last: int) -> list[int]:
    """The numbers from a camera's first frame of a load up to `last` that are not here; the first MOST_MISSING of them,
    since whoever counts otherwise than from 0 may name a last one in the billions."""
    query = select(LoadFrame.seq).where(LoadFrame.load_id == load.id, LoadFrame.camera == camera)
    stored = set(session.scalars(query))
    first = 0 if load.lane is None else min(stored, default=last)
    return list(islice((seq for seq in range(first, last + 1) if seq not in stored), MOST_MISSING))


def next_seq(session: Session, stream: str, camera: str) -> int:
    """The number behind the highest that a camera has used in a stream. ConflictError where there is none."""
    highest = _highest(session, stream, camera)
    if highest == _LAST_NUMBER:
        raise ConflictError(f"camera {camera} has used the last number there is, {highest}; give it another name")
    return highest + 1


def check_leaves_numbers(session: Session, place: Place) -> None:
    """ConflictError for a frame whose number leaps so far that its camera would hardly have a next one."""
    if place.seq <= LEAPS_UP_TO:
        return
    highest = _highest(session, place.stream, place.camera)
    if place.seq - highest > _COUNTS_ON:
        raise ConflictError(
            f"frame {place} leaves its camera hardly a number, {_LAST_NUMBER} is the last; count on from {highest + 1}"
        )


def _highest(session: Session, stream: str, camera: str) -> int:
    """The highest number that a camera has used in a stream; -1 where it has used none."""
    query = select(func.max(StoredFrame.seq)).where(StoredFrame.stream == stream, StoredFrame.camera == camera)
    highest = session.scalars(query).one()
    return -1 if highest is None else highest


def _visit(load: Load) -> Visit:
    closed = None if load.closed_at is None else datetime.fromisoformat(load.closed_at)
    return Visit(load.id, datetime.fromisoformat(load.created_at), closed)


def passed_over(
    session: Session, frame: StoredFrame, around: tuple[Joined | None, Joined | None], load_id: str
) -> list[StoredFrame]:
    """Frames that wait between `frame`, which belongs to a load, and one of its neighbours `around` that does too."""
    found: list[StoredFrame] = []
    for other in around:
        if other is None or other[1] != load_id or abs(other[0] - frame.seq) == 1:
            continue
        low, high = sorted((other[0], frame.seq))
        between = that_wait().where(StoredFrame.stream == frame.stream, StoredFrame.camera == frame.camera)
        found += session.scalars(between.where(StoredFrame.seq > low, StoredFrame.seq < high))
    return found
