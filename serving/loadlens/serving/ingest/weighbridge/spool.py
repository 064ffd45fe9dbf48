"""Readings that wait for the server, in an SQLite file: what `add` has returned for survives a power cut."""

import json
import sqlite3
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any


class SpoolError(Exception):
    """The spool cannot be opened; the message says why."""


class ReadingSpool:
    """Readings in the order they were added; any thread may call any method."""

    def __init__(self, file: Path) -> None:
        """Open or make the spool. Raises SpoolError."""
        self._lock = threading.Lock()
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            self._database = sqlite3.connect(file, isolation_level=None, check_same_thread=False, timeout=10)
            for statement in (
                "PRAGMA journal_mode = WAL",
                "PRAGMA synchronous = FULL",
                "CREATE TABLE IF NOT EXISTS waiting (place INTEGER PRIMARY KEY, id TEXT UNIQUE, reading TEXT)",
                "CREATE TABLE IF NOT EXISTS refused (id TEXT PRIMARY KEY, reading TEXT, reason TEXT)",
            ):
                self._database.execute(statement)
        except (OSError, sqlite3.Error) as error:
            raise SpoolError(f"{file}: cannot be used as a spool ({error})") from error

    def close(self) -> None:
        """Let go of the file."""
        self._database.close()

    def add(self, reading: Mapping[str, Any]) -> None:
        """Keep a reading; one whose id waits already is known. Raises sqlite3.Error where the disk refuses."""
        self._do("INSERT OR IGNORE INTO waiting (id, reading) VALUES (?, ?)", reading["id"], json.dumps(reading))

    def oldest(self) -> dict[str, Any] | None:
        """The reading that has waited longest."""
        rows = self._do("SELECT reading FROM waiting ORDER BY place LIMIT 1")
        return json.loads(rows[0][0]) if rows else None

    def done(self, reading_id: str) -> None:
        """The server has it."""
        self._do("DELETE FROM waiting WHERE id = ?", reading_id)

    def postpone(self, reading_id: str) -> None:
        """Let all others that wait go before this one."""
        self._do("UPDATE waiting SET place = (SELECT max(place) + 1 FROM waiting) WHERE id = ?", reading_id)

    def refused(self, reading: Mapping[str, Any], reason: str) -> None:
        """The server will never take it; it is kept aside for a person."""
        self._do("INSERT OR REPLACE INTO refused VALUES (?, ?, ?)", reading["id"], json.dumps(reading), reason)
        self.done(reading["id"])

    def __len__(self) -> int:
        return int(self._do("SELECT count(*) FROM waiting")[0][0])

    def _do(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        with self._lock:
            return self._database.execute(statement, values).fetchall()
