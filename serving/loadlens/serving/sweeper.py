"""Looks again and again for what did not happen: loads that nobody closed, trucks that left unweighed, silent
cameras, lost scales, silent rooms.

It tells a person and moves nothing: no load is closed and no money settled because time has passed.
"""

import logging
import threading
from datetime import UTC, datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from loadlens.serving.lifecycle import ASSESSED, OPEN
from loadlens.serving.loads import Loads
from loadlens.serving.records import cameras, devices, loads, rooms, statements
from loadlens.serving.records.kept_answers import forget_old
from loadlens.serving.records.weights import weighings
from loadlens.serving.settings import Settings
from loadlens.serving.store.errors import StoreFullError, StoreUnavailableError
from loadlens.serving.store.journal import SYSTEM
from loadlens.serving.store.tables import Load

log = logging.getLogger("loadlens.sweeper")


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

    def _run(self) -> None:
        while True:
            try:
                with self._records.writing() as session:
                    self._sweep(session, datetime.now(UTC))
            except (StoreUnavailableError, StoreFullError) as error:
                log.warning("sweeping waits for the records: %s", error)
            if self._ended.wait(self._settings.sweep_every_s):
                return

    def _sweep(self, session: Session, at: datetime) -> None:
        silent = at - timedelta(seconds=self._settings.camera_silent_s)
        cameras.miss_silent(session, silent.isoformat(timespec="milliseconds"))
        lost = at - timedelta(seconds=self._settings.device_lost_s)
        devices.miss(session, lost.isoformat(timespec="milliseconds"))
        rooms.miss_silent(session, at)
        self._flag_unclosed(session, at)
        self._flag_unweighed(session, at)
        self._flag_unanswered(session, at)
        forget_old(session, at)

    def _flag_unclosed(self, session: Session, at: datetime) -> None:
        hours = self._settings.unclosed_after_h
        query = select(Load).where(Load.status.in_(OPEN), Load.created_at < _before(at, hours))
        for load in session.scalars(query).all():
            why = f"nobody has closed this load within {hours:g} h of its arrival; close it, or cancel it"
            loads.flag(session, load, "never_closed", "review", why)

    def _flag_unweighed(self, session: Session, at: datetime) -> None:
        hours = self._settings.unweighed_after_h
        query = select(Load).where(Load.status.in_(ASSESSED), Load.closed_at < _before(at, hours))
        for load in session.scalars(query.where(Load.status != "emptied")).all():
            if "tare" in weighings(session, load.id):
                continue
            why = f"the truck was not weighed empty within {hours:g} h of the close; find its tare, or cancel the load"
            if loads.flag(session, load, "tare_missing", "review", why):
                self._records.reassess(session, load, reason="tare missing", actor=SYSTEM)

    def _flag_unanswered(self, session: Session, at: datetime) -> None:
        days = self._settings.dispute_answer_days
        for dispute in statements.unanswered(session, _before(at, 24 * days)):
            why = f"dispute {dispute.id} was not answered within {days:g} days; it is open until a manager answers it"
            loads.flag(session, loads.find(session, dispute.load_id), "dispute_unanswered", "review", why)


def _before(at: datetime, hours: float) -> str:
    return (at - timedelta(hours=hours)).isoformat(timespec="milliseconds")
