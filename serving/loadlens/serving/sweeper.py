"""Looks again and again for what did not happen: loads that nobody closed, trucks that left unweighed, silent
cameras, lost scales, silent rooms.

It tells a person and moves nothing: no load is closed and no money settled because time has passed.
"""

import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from loadlens.serving.lifecycle import ASSESSED, OPEN, allows
from loadlens.serving.loads import Loads
from loadlens.serving.records import cameras, devices, loads, rooms, statements
from loadlens.serving.records.kept_answers import forget_old
from loadlens.serving.records.weights import weighings
from loadlens.serving.settings import Settings
from loadlens.serving.store.errors import OUTAGES
from loadlens.serving.store.journal import SYSTEM
from loadlens.serving.store.tables import Load, LoadFlag, Weight

log = logging.getLogger("loadlens.sweeper")

# Assessed, and the truck may still have to be weighed empty.
_STILL_HERE = tuple(state for state in ASSESSED if state != "emptied")


class Sweeper:
    """A thread that sweeps every `sweep_every_s`; several servers may sweep one database."""

    def __init__(self, records: Loads, settings: Settings) -> None:
        self._records = records
        self._settings = settings
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="sweeper", daemon=True)

    def start(self) -> None:
        """Sweep at once, then every so often."""
        self._thread.start()

    def stop(self) -> None:
        """End after the sweep in hand."""
        self._ended.set()
        self._thread.join()

    @property
    def problem(self) -> str | None:
        """Why nobody is told of what did not happen; None where all is well."""
        return None if self._thread.is_alive() else "looking for lost cameras has ended; see the log, then restart"

    def _run(self) -> None:
        while True:
            try:
                self._sweep(datetime.now(UTC))
            except OUTAGES as error:
                log.warning("sweeping waits for the records: %s", error)
            if self._ended.wait(self._settings.sweep_every_s):
                return

    def _sweep(self, at: datetime) -> None:
        settings = self._settings
        silent, lost = timedelta(seconds=settings.camera_silent_s), timedelta(seconds=settings.device_lost_s)
        self._do(partial(cameras.miss_silent, before=_text(at - silent)))
        self._do(partial(devices.miss, before=_text(at - lost)))
        self._do(partial(rooms.miss_silent, at=at))
        self._do(partial(self._flag_unanswered, at=at))
        self._do(partial(forget_old, at=at))
        with _one_duty():
            for load_id in self._unclosed(at):
                self._do(partial(self._flag_unclosed, load_id=load_id))
        with _one_duty():
            for load_id in self._unweighed(at):
                self._do(partial(self._flag_unweighed, load_id=load_id))

    def _do(self, duty: Callable[[Session], object]) -> None:
        """Do one thing in a transaction of its own."""
        with _one_duty(), self._records.writing() as session:
            duty(session)

    def _unclosed(self, at: datetime) -> Sequence[str]:
        before = _text(at - timedelta(hours=self._settings.unclosed_after_h))
        return self._unnoted("never_closed", Load.status.in_(OPEN), Load.created_at < before)

    def _unweighed(self, at: datetime) -> Sequence[str]:
        before = _text(at - timedelta(hours=self._settings.unweighed_after_h))
        weighed = select(Weight.id).where(Weight.load_id == Load.id, Weight.kind == "tare").exists()
        return self._unnoted("tare_missing", Load.status.in_(_STILL_HERE), Load.closed_at < before, ~weighed)

    def _unnoted(self, code: str, *which: ColumnElement[bool]) -> Sequence[str]:
        """The loads of which this was not noted yet; read apart, since most sweeps have nothing to write of them."""
        noted = select(LoadFlag.code).where(LoadFlag.load_id == Load.id, LoadFlag.code == code).exists()
        with self._records.reading() as session:
            return session.scalars(select(Load.id).where(*which, ~noted).order_by(Load.created_at)).all()

    def _flag_unclosed(self, session: Session, load_id: str) -> None:
        load, hours = loads.find(session, load_id), self._settings.unclosed_after_h
        if load.status in OPEN:
            why = f"nobody has closed this load within {hours:g} h of its arrival; close it, or cancel it"
            loads.flag(session, load, "never_closed", "review", why)

    def _flag_unweighed(self, session: Session, load_id: str) -> None:
        load, hours = loads.find(session, load_id), self._settings.unweighed_after_h
        if load.status not in _STILL_HERE or "tare" in weighings(session, load_id):
            return
        why = f"the truck was not weighed empty within {hours:g} h of the close; find its tare, or cancel the load"
        loads.flag(session, load, "tare_missing", "review", why)
        if self._records.standards.find(session, load) is not None:
            self._records.reassess(session, load, reason="tare missing", actor=SYSTEM)
        elif allows(load.status, "flag"):  # nothing can be assessed by a standard that is gone, but a person can look
            loads.move(session, load, "flag", actor=SYSTEM, reason=why)

    def _flag_unanswered(self, session: Session, at: datetime) -> None:
        days = self._settings.dispute_answer_days
        for dispute in statements.unanswered(session, _text(at - timedelta(days=days))):
            why = f"dispute {dispute.id} was not answered within {days:g} days; it is open until a manager answers it"
            loads.flag(session, loads.find(session, dispute.load_id), "dispute_unanswered", "review", why)


@contextmanager
def _one_duty() -> Iterator[None]:
    """Where this fails, all else is done nevertheless; an outage ends the sweep, and the next one tries again."""
    try:
        yield
    except OUTAGES:
        raise
    except Exception:  # the thread has no caller, and a camera that is lost must not go unnoticed for this
        log.exception("something could not be swept")


def _text(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds")
