"""One device as its reader knows it: what it has said, how its line does, and what of it is kept."""

import base64
import logging
import sqlite3
import threading
import time
import uuid
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from loadlens.serving.ingest.weighbridge.indication import Indication, Reject
from loadlens.serving.ingest.weighbridge.spool import ReadingSpool
from loadlens.serving.ingest.weighbridge.stability import Settling

log = logging.getLogger("loadlens.weighbridge")

# A line that was good a moment ago is not reported for one pause between two frames.
_SILENT_AFTER_S = 3.0


class Device:
    """A scale or another sensor, by its name. Any thread may call any method."""

    def __init__(
        self,
        name: str,
        spool: ReadingSpool,
        settling: Settling,
        *,
        division_kg: Decimal | None = None,
        talks_always: bool = True,
    ) -> None:
        """`division_kg` is the interval of the scale; one that does not talk always may be silent and well."""
        self.name = name
        self._spool = spool
        self._settling = settling
        self._division_kg = division_kg
        self._talks_always = talks_always
        self._lock = threading.Lock()
        self._trouble: str | None = "not connected yet"
        self._heard_at = self._understood_at = float("-inf")
        self.counts: Counter[str] = Counter()

    def connected(self) -> None:
        """The line is open; what comes has to settle anew."""
        with self._lock:
            self._trouble = None
            self._settling.reset()
        log.info("%s: connected", self.name)

    def lost(self, why: str) -> None:
        """The line cannot be used."""
        with self._lock:
            if self._trouble != why:
                log.warning("%s: %s", self.name, why)
            self._trouble = why

    def heard(self) -> None:
        """Something has come, whatever it is."""
        self._heard_at = time.monotonic()

    def shows(self, result: Indication | Reject, *, at: str | None = None, reading_id: str | None = None) -> bool:
        """An indication, or what was none; where with it a weighing has settled, that is kept.

        False where there was one and the disk refused it.
        """
        with self._lock:
            told = self._settling.feed(result)
        if isinstance(result, Indication):
            self._understood_at = time.monotonic()
            self.counts["indications"] += 1
        if isinstance(told, str):
            self.counts[f"refused: {told}"] += 1
        if not isinstance(told, Indication):
            return True
        log.info("%s: weighed %s %s", self.name, f"{told.value:f}", told.unit)
        weighing = {
            "kg": f"{told.kg:f}",
            "division": None if self._division_kg is None else f"{self._division_kg:f}",
            "stable": True,
            "text": f"{told.value:f} {told.unit}",
        }
        return self.keep("weight", weighing, told.raw, at=at, reading_id=reading_id)

    def keep(
        self, kind: str, what: Mapping[str, Any], raw: bytes, *, at: str | None = None, reading_id: str | None = None
    ) -> bool:
        """Put a reading into the spool; what is given as None is left out. False where the disk refused."""
        reading = {
            "id": reading_id or str(uuid.uuid4()),
            "device": self.name,
            "kind": kind,
            "at": at or datetime.now(UTC).isoformat(timespec="milliseconds"),
            "raw": base64.b64encode(raw).decode(),
            **{name: value for name, value in what.items() if value is not None},
        }
        try:
            self._spool.add(reading)
        except sqlite3.Error as error:
            log.error("%s: the spool cannot be written (%s); what is shown will be read again", self.name, error)
            self.counts["not kept"] += 1
            with self._lock:
                self._settling.reset()
            return False
        self.counts[f"kept: {kind}"] += 1
        return True

    def health(self) -> dict[str, Any]:
        """How the line does: ok, lost (cannot be opened), silent, or garbled (nothing that is understood)."""
        now = time.monotonic()
        with self._lock:
            trouble = self._trouble
        if trouble is not None:
            state, why = "lost", trouble
        elif not self._talks_always or now - self._understood_at < _SILENT_AFTER_S:
            state, why = "ok", ""
        elif now - self._heard_at < _SILENT_AFTER_S:
            state, why = "garbled", "nothing that comes is understood; check protocol, speed and parity"
        else:
            state, why = "silent", "nothing comes; check the cable and the indicator's output"
        return {"state": state, "why": why, "counts": dict(self.counts) | {"spooled": len(self._spool)}}
