"""Who grades which load, where several processes work on one database.

A load is watched and graded by the process that took its lease. A process shows that it lives by a beat, a number that
it makes grow; no clocks are compared between machines. Whoever sees a beat stand still for long enough takes the loads
of that process. That two watch a load for a while, since one was thought dead, costs work and nothing else: a load is
graded in one transaction, which only the first of them finds undone.
"""

import os
import socket
import time
import uuid
from typing import Protocol

from sqlalchemy import Engine, delete, select
from sqlalchemy.orm import Session

from loadlens.serving.store.database import write_session
from loadlens.serving.store.lease_tables import GraderRow, Lease

_BEAT_EVERY_S = 1.0
# A turn of the grader, with a model on a slow machine and a store that is asked twice, must not look like death.
_DEAD_AFTER_S = 15.0


class Leases(Protocol):
    """What a grader asks; from its one thread, where nothing else is said."""

    @property
    def look_every_s(self) -> float | None:
        """How often to look for frames that came in through other processes; None: none can."""

    def keep(self) -> None:
        """Show that we live, and learn who else does. To be called often."""

    def take(self, load_id: str) -> bool:
        """Whether the load is ours to grade; takes its lease where it is free."""

    def others(self) -> frozenset[str]:
        """The loads that other processes grade. May be called from any thread."""

    def let_go(self, load_id: str) -> None:
        """The load needs no more grading."""

    def end(self) -> None:
        """Leave everything to the others."""


class Alone:
    """The leases of a server that has its database to itself: every load is its own."""

    look_every_s = None

    def keep(self) -> None:
        """See Leases."""

    def take(self, load_id: str) -> bool:  # noqa: ARG002
        """See Leases."""
        return True

    def others(self) -> frozenset[str]:
        """See Leases."""
        return frozenset()

    def let_go(self, load_id: str) -> None:
        """See Leases."""

    def end(self) -> None:
        """See Leases."""


class SharedLeases:
    """The leases of one process among several."""

    look_every_s = 0.5

    def __init__(self, engine: Engine, *, dead_after_s: float = _DEAD_AFTER_S) -> None:
        self.name = f"{socket.gethostname()}-{os.getpid()}-{uuid.uuid4().hex[:8]}"
        self._engine = engine
        self._dead_after_s = dead_after_s
        self._kept_at = float("-inf")
        self._seen: dict[str, tuple[int, float]] = {}
        self._held: dict[str, str] = {}

    def keep(self) -> None:
        """See Leases."""
        at = time.monotonic()
        if at - self._kept_at < _BEAT_EVERY_S:
            return
        if at - self._kept_at > self._dead_after_s / 2:
            self._seen.clear()  # who was away, as when the database was, cannot tell who else was
        with write_session(self._engine) as session:
            self._beat(session)
            self._bury(session, at)
            self._held = {lease.load_id: lease.grader for lease in session.scalars(select(Lease))}
        self._kept_at = time.monotonic()

    def take(self, load_id: str) -> bool:
        """See Leases."""
        if load_id not in self._held:
            with write_session(self._engine) as session:
                lease = session.get(Lease, load_id)
                if lease is None:
                    if session.get(GraderRow, self.name) is None:
                        return False  # thought dead since the last beat; the next one mends it
                    lease = Lease(load_id=load_id, grader=self.name)
                    session.add(lease)
                self._held[load_id] = lease.grader
        return self._held[load_id] == self.name

    def others(self) -> frozenset[str]:
        """See Leases."""
        return frozenset(load_id for load_id, grader in list(self._held.items()) if grader != self.name)

    def let_go(self, load_id: str) -> None:
        """See Leases."""
        if self._held.pop(load_id, None) == self.name:
            with write_session(self._engine) as session:
                session.execute(delete(Lease).where(Lease.load_id == load_id, Lease.grader == self.name))

    def end(self) -> None:
        """See Leases."""
        with write_session(self._engine) as session:
            _remove(session, [self.name])
        self._held.clear()

    def _beat(self, session: Session) -> None:
        # Not there: the first beat, or others thought us dead, and our loads are theirs now.
        me = session.get(GraderRow, self.name) or GraderRow(id=self.name, beat=0)
        me.beat += 1
        session.add(me)

    def _bury(self, session: Session, at: float) -> None:
        beats = {row.id: row.beat for row in session.scalars(select(GraderRow)) if row.id != self.name}
        self._seen = {
            name: self._seen[name] if self._seen.get(name, (None,))[0] == beat else (beat, at)
            for name, beat in beats.items()
        }
        _remove(session, [name for name, (_, since) in self._seen.items() if at - since > self._dead_after_s])


def _remove(session: Session, names: list[str]) -> None:
    if not names:
        return
    session.execute(delete(Lease).where(Lease.grader.in_(names)))
    session.execute(delete(GraderRow).where(GraderRow.id.in_(names)))
