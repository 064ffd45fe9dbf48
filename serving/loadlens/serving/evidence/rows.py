"""The rows of the database against the journal, and the other way round.

What the journal says is put into a file beside memory, because a year of frames is too much for it.
"""

import json
import sqlite3
from collections.abc import Iterator
from typing import Any

from sqlalchemy import Table, and_, func, or_, select
from sqlalchemy.orm import Session

from loadlens.serving.canonical import canonical_json
from loadlens.serving.evidence.chain import Record
from loadlens.serving.evidence.finding import Finding
from loadlens.serving.lifecycle import OPEN
from loadlens.serving.records.frames import SAME_FRAME
from loadlens.serving.store.row_facts import VOUCHED, fact
from loadlens.serving.store.tables import Base, Load, LoadFrame, StoredFrame, Transition

_AT_ONCE = 1000
_LOOK = "SELECT seq, facts FROM said WHERE tab = ? AND key = ?"
# States in which frames that came late are not sealed: they are when the load was graded with them.
_TAKING_LATE = ("closed", "failed", "settled")


class RowCheck:
    """Shown every record, then the database."""

    def __init__(self) -> None:
        self._said = sqlite3.connect("")  # a file without a name, which SQLite removes itself
        self._said.execute("CREATE TABLE said (tab, key, seq, facts, PRIMARY KEY (tab, key)) WITHOUT ROWID")
        self.rows = 0

    def close(self) -> None:
        """Let go of the file."""
        self._said.close()

    def see(self, record: Record) -> Iterator[Finding]:
        """Take note of the rows that a record stands for."""
        try:
            for facts in json.loads(record.body).get("rows", ()):
                table = Base.metadata.tables[facts["table"]]
                for values in facts["values"]:
                    row = dict(zip(facts["columns"], values, strict=True))
                    entry = (table.name, _key(table, row), record.seq, canonical_json(row))
                    self._said.execute("INSERT OR REPLACE INTO said VALUES (?, ?, ?, ?)", entry)
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            yield Finding(record.place, f"its rows cannot be read ({type(error).__name__}: {error})")

    def check(self, session: Session) -> Iterator[Finding]:
        """What is wrong with the rows of the database."""
        named = {name for (name,) in self._said.execute("SELECT DISTINCT tab FROM said")}
        for table in Base.metadata.sorted_tables:
            if table.name in named or table.name in VOUCHED:
                yield from self._check_table(session, table)
        yield from _check_status(session)
        for name, key, seq in self._said.execute("SELECT tab, key, seq FROM said ORDER BY seq, tab, key"):
            yield Finding(_place(name, key), f"is missing; journal record {seq} stands for it")

    def _check_table(self, session: Session, table: Table) -> Iterator[Finding]:
        waiting = _unsealed(session) if table.name in ("frames", "load_frames") else frozenset()
        query = select(table).order_by(*table.primary_key).execution_options(yield_per=_AT_ONCE)
        for row in session.execute(query).mappings():
            self.rows += 1
            now = {column: fact(value) for column, value in row.items()}
            key = _key(table, now)
            said = self._said.execute(_LOOK, (table.name, key)).fetchone()
            if said is None:
                if key not in waiting:
                    yield Finding(_place(table.name, key), "no journal record stands for it: it was put in")
                continue
            seq, facts = said[0], json.loads(said[1])
            yield from _differences(_place(table.name, key), now, facts, seq)
            self._said.execute("DELETE FROM said WHERE tab = ? AND key = ?", (table.name, key))


def _differences(place: str, now: dict[str, Any], said: dict[str, Any], seq: int) -> Iterator[Finding]:
    for column, value in said.items():
        if now.get(column) != value:
            yield Finding(place, f"{column} is {_shown(now.get(column))}, journal record {seq} says {_shown(value)}")


def _shown(value: Any) -> str:
    return f"text of SHA-256 {value['sha256']}" if isinstance(value, dict) else repr(value)


def _key(table: Table, row: dict[str, Any]) -> str:
    return canonical_json([row[column.name] for column in table.primary_key])


def _place(table: str, key: str) -> str:
    return f"{table} {' / '.join(str(part) for part in json.loads(key))}"


def _check_status(session: Session) -> Iterator[Finding]:
    """A load's status may change; its transitions, which may not, say what it is."""
    newest = select(func.max(Transition.id)).where(Transition.load_id == Load.id).correlate(Load).scalar_subquery()
    query = select(Load.id, Load.status, Transition.target).join(Transition, Transition.id == newest)
    for load_id, status, target in session.execute(query.where(Load.status != Transition.target)):
        yield Finding(f"loads {load_id}", f"status is {status!r}, but its last transition led to {target!r}")


def _unsealed(session: Session) -> frozenset[str]:
    """The keys of the frames that no record stands for yet: they wait for a load, or their load for its end."""
    unfinished = or_(Load.status.in_((*OPEN, "cancelled")), and_(LoadFrame.late, Load.status.in_(_TAKING_LATE)))
    query = (
        select(StoredFrame.stream, StoredFrame.camera, StoredFrame.seq)
        .outerjoin(LoadFrame, SAME_FRAME)
        .outerjoin(Load, Load.id == LoadFrame.load_id)
        .where(or_(LoadFrame.load_id.is_(None), unfinished))
    )
    return frozenset(canonical_json(list(row)) for row in session.execute(query))
