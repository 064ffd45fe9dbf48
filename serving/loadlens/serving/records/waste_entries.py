"""The entries of the waste ledger as they are on record: accepted, waiting, or withdrawn."""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from loadlens.serving.store.tables import JournalRecord
from loadlens.serving.store.waste_tables import WaitingEntry, WasteEntry, WastePosting
from loadlens.waste.ledger import Entry, Posting

WITHDRAWN = "waste.withdrawn"
# What one statement asks for: databases take so many values, not any number.
_AT_ONCE = 500


def among(column: InstrumentedAttribute[Any], values: Iterable[Any]) -> Iterator[ColumnElement[bool]]:
    """That a column has one of these values, in as many conditions as statements are needed."""
    found = sorted(set(values))
    for begin in range(0, len(found), _AT_ONCE):
        yield column.in_(found[begin : begin + _AT_ONCE])


def accepted(session: Session, ids: Iterable[str]) -> dict[str, Entry]:
    """The accepted entries among these ids, by id."""
    return {
        entry.id: entry
        for condition in among(WasteEntry.id, ids)
        for _, entry in _read(session, session.scalars(select(WasteEntry).where(condition)).all())
    }


def withdrawals(session: Session, ids: Iterable[str]) -> dict[str, dict[str, Any]]:
    """What the journal says of the withdrawals among these ids, by id."""
    found: dict[str, dict[str, Any]] = {}
    for condition in among(JournalRecord.subject, (f"waste:{one}" for one in ids)):
        query = select(JournalRecord.subject, JournalRecord.body).where(condition, JournalRecord.kind == WITHDRAWN)
        for row in session.execute(query.order_by(JournalRecord.seq)):
            found.setdefault(row.subject.removeprefix("waste:"), json.loads(row.body))
    return found


def known(session: Session, ids: Sequence[str]) -> dict[str, Entry]:
    """The entries among these ids that were accepted, wait, or were withdrawn, by id."""
    waiting_ones = {
        row.id: from_plain(json.loads(row.entry))
        for condition in among(WaitingEntry.id, ids)
        for row in session.scalars(select(WaitingEntry).where(condition))
    }
    withdrawn = {id_: from_plain(body["entry"]) for id_, body in withdrawals(session, ids).items()}
    return accepted(session, ids) | withdrawn | waiting_ones


def history(session: Session, identity: str) -> list[Entry]:
    """The entries that touched a container, in the order of their acceptance."""
    numbers = select(WastePosting.number).where(WastePosting.container == identity).distinct()
    query = select(WasteEntry).where(WasteEntry.number.in_(numbers)).order_by(WasteEntry.number)
    return [entry for _, entry in _read(session, session.scalars(query).all())]


def entries(session: Session, *, after: int, limit: int, newest_first: bool = False) -> list[tuple[int, Entry]]:
    """Accepted entries with their numbers, behind `after` in the order asked for; newest first, 0 begins at the end."""
    number = WasteEntry.number
    query = select(WasteEntry).order_by(number.desc() if newest_first else number).limit(limit)
    if not newest_first:
        query = query.where(number > after)
    elif after:
        query = query.where(number < after)
    return _read(session, session.scalars(query).all())


def waiting(session: Session) -> list[tuple[WaitingEntry, Entry]]:
    """The entries that wait, oldest first."""
    rows = session.scalars(select(WaitingEntry).order_by(WaitingEntry.at, WaitingEntry.id))
    return [(row, from_plain(json.loads(row.entry))) for row in rows]


def to_json(entry: Entry) -> str:
    """An entry as the row of one that waits keeps it."""
    return json.dumps({**asdict(entry), "at": entry.at.astimezone(UTC).isoformat()}, ensure_ascii=False)


def from_plain(data: dict[str, Any]) -> Entry:
    """The entry of what `to_json` wrote."""
    postings = tuple(Posting(**posting) for posting in data["postings"])
    return Entry(**{**data, "at": datetime.fromisoformat(data["at"]), "postings": postings})


def _read(session: Session, rows: Sequence[WasteEntry]) -> list[tuple[int, Entry]]:
    """Rows as numbers and entries, in the same order; their postings are read together."""
    postings: defaultdict[int, list[Posting]] = defaultdict(list)
    for condition in among(WastePosting.number, (row.number for row in rows)):
        lines = select(WastePosting.number, WastePosting.container, WastePosting.place, WastePosting.grams)
        for line in session.execute(lines.where(condition).order_by(WastePosting.number, WastePosting.line)):
            postings[line.number].append(Posting(line.container, line.place, line.grams))
    return [(row.number, _entry(row, postings[row.number])) for row in rows]


def _entry(row: WasteEntry, postings: Sequence[Posting]) -> Entry:
    return Entry(
        id=row.id,
        stage=row.stage,  # type: ignore[arg-type]  # written from an Entry
        at=datetime.fromisoformat(row.made_at),
        actor=row.actor,
        postings=tuple(postings),
        batch=row.batch,
        reason=row.reason,
        takes_back=row.takes_back,
        particulars=json.loads(row.particulars),
    )
