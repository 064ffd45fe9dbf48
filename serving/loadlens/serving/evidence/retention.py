"""What is let go when it is old: pictures only, by a policy, on record; every row and every digest stays.

Here are the pictures of loads; `waiting_frames` has those that no load has claimed. Nothing is let go of a load that is
not over, or that somebody may still ask about: one with a hazard or a stop flag, a dispute, a review that did not
simply accept, or one that was taken up again. A picture that another load shows too stays with it.
"""

import json
import logging
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Literal

from sqlalchemy import ColumnElement, Engine, Select, and_, or_, select, union
from sqlalchemy.orm import Session, aliased

from loadlens.serving.evidence.blob_check import DROPPED
from loadlens.serving.evidence.deleting import delete_all
from loadlens.serving.evidence.waiting_frames import let_waiting_go
from loadlens.serving.records.frames import SAME_FRAME
from loadlens.serving.records.loads import was_over
from loadlens.serving.records.statements import DISPUTED
from loadlens.serving.store.blobs import Blobs
from loadlens.serving.store.database import writing
from loadlens.serving.store.errors import StoreError
from loadlens.serving.store.journal import SYSTEM, append
from loadlens.serving.store.retention_tables import LetGoFrame
from loadlens.serving.store.tables import (
    Hazard,
    JournalRecord,
    LayerMapKept,
    Load,
    LoadFlag,
    LoadFrame,
    Picture,
    Review,
    StoredFrame,
    Transition,
)

log = logging.getLogger("loadlens.retention")

What = Literal["frames", "drawings"]
_EVERY_S = 3600


@dataclass(frozen=True, slots=True)
class Policy:
    """For how many days after a load's end its pictures are kept, by kind; None is for ever."""

    frames: int | None
    drawings: int | None

    def days(self, what: What) -> int | None:
        """The days of one kind."""
        return self.frames if what == "frames" else self.drawings


def let_go(
    engine: Engine, blobs: Blobs, policy: Policy, now: datetime, stopped: threading.Event | None = None
) -> dict[What, int]:
    """Let go of all that the policy allows at `now`, or until `stopped`; returns of how many loads, by kind."""
    kinds: tuple[What, ...] = ("frames", "drawings")
    stopped = stopped or threading.Event()
    done = dict.fromkeys(kinds, 0)
    for what in kinds:
        days = policy.days(what)
        if days is None:
            continue
        while not stopped.is_set() and _let_one_go(engine, blobs, what, days=days, now=now, stopped=stopped):
            done[what] += 1
    return done


def _let_one_go(
    engine: Engine, blobs: Blobs, what: What, *, days: int, now: datetime, stopped: threading.Event
) -> bool:
    """Let go of the pictures of one load; False where none is due.

    Each load has a transaction of its own: the write lock is held for one only, and several servers may be at it.
    """
    until = (now - timedelta(days=days)).isoformat(timespec="milliseconds")
    with Session(writing(engine)) as session, session.begin():
        load_id = session.scalars(_due(what, until).limit(1)).first()
        if load_id is None:
            return False
        digests = sorted(session.scalars(_shown_by_none_but(load_id, what)))
        body = {"what": what, "blobs": digests, "why": f"{what} are kept for {days} days after a load's end"}
        append(session, DROPPED, f"load:{load_id}", body, SYSTEM)
    delete_all(engine, blobs, digests, partial(_still_unshared, load_id=load_id, what=what), stopped)
    return True


def _still_unshared(session: Session, digests: Sequence[str], *, load_id: str, what: What) -> Sequence[str]:
    own = _shown_by_none_but(load_id, what).subquery()
    return session.scalars(select(own.c.sha256).where(own.c.sha256.in_(digests))).all()


def _due(what: What, until: str) -> Select[str]:
    """The loads that were over before `until`, of which nothing of this kind was let go yet and nobody may ask."""
    due = (was_over(until), ~was_let_go(what), *_nobody_asks())
    return select(Load.id).where(*due).order_by(Load.id)


def was_let_go(what: What) -> ColumnElement[bool]:
    """Whether something of this kind was let go of a load: for a query that has `Load`."""
    gone = select(JournalRecord.seq).where(
        JournalRecord.subject == "load:" + Load.id,
        JournalRecord.kind == DROPPED,
        JournalRecord.body.contains(f'"what":"{what}"'),
    )
    return gone.correlate(Load).exists()


def _nobody_asks() -> list[ColumnElement[bool]]:
    reasons = (
        select(Hazard.load_id).where(Hazard.load_id == Load.id),
        select(LoadFlag.load_id).where(
            LoadFlag.load_id == Load.id, or_(LoadFlag.level == "stop", LoadFlag.code == DISPUTED)
        ),
        select(Review.id).where(Review.load_id == Load.id, Review.decision != "accept"),
        select(Transition.id).where(Transition.load_id == Load.id, Transition.event == "reopen"),
    )
    return [~reason.exists() for reason in reasons]


def let_go_of(session: Session, load_id: str, what: What | None = None) -> frozenset[str]:
    """The digests of the pictures of a load that the policy let go, of one kind or both."""
    bodies = select(JournalRecord.body).where(JournalRecord.subject == f"load:{load_id}", JournalRecord.kind == DROPPED)
    said = [json.loads(body) for body in session.scalars(bodies)]
    return frozenset(sha256 for body in said if what in (None, body["what"]) for sha256 in body["blobs"])


def _shown_by_none_but(load_id: str, what: What) -> Select[str]:
    """The digests of the pictures of a load that no other load and no waiting frame shows."""
    if what == "drawings":
        return select(union(*(_own(table, load_id) for table in (Picture, LayerMapKept))).subquery().c.sha256)
    shown, joined, gone = aliased(StoredFrame), aliased(LoadFrame), aliased(LetGoFrame)
    waits = joined.load_id.is_(None) & gone.seq.is_(None)
    shared = (
        select(shown.sha256)
        .outerjoin(joined, _same(joined, shown))
        .outerjoin(gone, _same(gone, shown))
        .where(shown.sha256 == StoredFrame.sha256, or_(waits, joined.load_id != load_id))
        .correlate(StoredFrame)
    )
    own = select(StoredFrame.sha256).distinct().join(LoadFrame, SAME_FRAME).where(LoadFrame.load_id == load_id)
    return own.where(~shared.exists())


def _same(one: Any, other: Any) -> ColumnElement[bool]:
    return and_(one.stream == other.stream, one.camera == other.camera, one.seq == other.seq)


def _own(table: type[Picture] | type[LayerMapKept], load_id: str) -> Select[str]:
    other = aliased(table)
    elsewhere = select(other.sha256).where(other.load_id != load_id)
    return select(table.sha256).where(table.load_id == load_id, table.sha256.not_in(elsewhere))


class Retention:
    """A thread that lets go of what the policy allows, once an hour; for `lead_s` see `let_waiting_go`."""

    def __init__(self, engine: Engine, blobs: Blobs, policy: Policy, lead_s: float) -> None:
        self._engine, self._blobs, self._policy, self._lead_s = engine, blobs, policy, lead_s
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="retention", daemon=True)

    def start(self) -> None:
        """Begin, at once with what is due."""
        self._thread.start()

    def stop(self) -> None:
        """End after the load in hand."""
        self._stopped.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopped.is_set():
            try:
                self._let_go(datetime.now(UTC))
            except StoreError as error:  # it will answer again; what is due stays due
                log.warning("nothing was let go: %s", error)
            except Exception:  # the thread has no caller, and a disk would fill up unnoticed
                log.exception("old pictures could not be let go")
            self._stopped.wait(_EVERY_S)

    def _let_go(self, now: datetime) -> None:
        done = let_go(self._engine, self._blobs, self._policy, now, self._stopped)
        log.info("pictures let go: frames of %d loads, drawings of %d", done["frames"], done["drawings"])
        if (days := self._policy.frames) is not None:
            loose = let_waiting_go(
                self._engine, self._blobs, days=days, lead_s=self._lead_s, now=now, stopped=self._stopped
            )
            log.info("frames let go that belonged to no load: %d", loose)
