"""The books of the waste ledger: what entries touch is read at once, and what was accepted is written at once."""

import json
from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import bindparam, delete, func, insert, select, update
from sqlalchemy.orm import Session

from loadlens.serving.records import waste_ages
from loadlens.serving.records.waste_entries import among
from loadlens.serving.records.waste_events import described, tell
from loadlens.serving.store import journal
from loadlens.serving.store.row_facts import bulk_facts
from loadlens.serving.store.tables import now
from loadlens.serving.store.waste_tables import WasteBalance, WasteContainer, WasteEntry, WastePosting, WasteStock
from loadlens.waste.ledger import OUTSIDE, Entry

UNIT_LENGTH = 18
_AGED = update(WasteStock).where(WasteStock.container == bindparam("of")).values(since=bindparam("came"))
_GONE = delete(WasteStock).where(WasteStock.container == bindparam("gone"), WasteStock.place == bindparam("left"))
_Key = tuple[str, str, str, str, str]


class Books:
    """Takes entries one after another into stock and balances. Writers take turns, so nothing changes in between."""

    def __init__(self, session: Session, entries: Sequence[Entry]) -> None:
        """Read what these entries touch: no others may be taken."""
        names = {posting.container for entry in entries for posting in entry.postings}
        self._session = session
        self._taken: list[tuple[Entry, str]] = []
        self._wastes: dict[str, tuple[str, str]] = {}
        self._stock: dict[tuple[str, str], int] = {}
        self._since: dict[str, str] = {}
        self._balances: dict[_Key, WasteBalance] = {}
        for condition in among(WasteContainer.identity, names):
            found = select(WasteContainer.identity, WasteContainer.list_id, WasteContainer.code).where(condition)
            self._wastes |= {row.identity: (row.list_id, row.code) for row in session.execute(found)}
        for condition in among(WasteStock.container, names):
            held = select(WasteStock.container, WasteStock.place, WasteStock.grams, WasteStock.since).where(condition)
            for container, place, grams, since in session.execute(held):
                self._stock[container, place] = grams
                self._since[container] = since
        for condition in among(WasteBalance.code, {code for _, code in self._wastes.values()}):
            kept = session.scalars(select(WasteBalance).where(condition))
            self._balances |= {(row.unit, row.place, row.list_id, row.code, row.year): row for row in kept}
        self._written = dict(self._stock)

    def accept(self, entry: Entry, by: str) -> str | None:
        """Take an entry, which `by` puts in, or say why it cannot be taken now. Call `write` before all is done."""
        changes: defaultdict[tuple[str, str], int] = defaultdict(int)
        for posting in entry.postings:
            changes[posting.container, posting.place] += posting.grams
        if absent := sorted({container for container, _ in changes if container not in self._wastes}):
            return f"container {absent[0]} is not registered"
        for (container, place), grams in changes.items():
            there = self._stock.get((container, place), 0)
            if place not in OUTSIDE and there + grams < 0:
                return f"container {container} holds {there} g at {place}, and {-grams} g would leave it"
        for (container, place), grams in changes.items():
            if grams:
                self._change(container, place, grams, entry.at)
        self._taken.append((entry, by))
        return None

    def write(self, *, one_by_one: bool = True) -> None:
        """Write what was taken, each entry with its record in the journal; other systems are told of it one by one."""
        if not self._taken:
            return
        first = (self._session.scalar(select(func.max(WasteEntry.number))) or 0) + 1
        rows = [_row(number, entry) for number, (entry, _) in enumerate(self._taken, first)]
        postings = [_postings(row["number"], entry) for row, (entry, _) in zip(rows, self._taken, strict=True)]
        self._session.execute(insert(WasteEntry), rows)
        self._session.execute(insert(WastePosting), [line for lines in postings for line in lines])
        changed = waste_ages.touched(self._session, (entry for entry, _ in self._taken))
        ages = waste_ages.since(self._session, changed)
        self._since |= ages
        self._write_stock()
        if ages:
            self._session.connection().execute(_AGED, [{"of": one, "came": since} for one, since in ages.items()])
        records = []
        for row, lines, (entry, by) in zip(rows, postings, self._taken, strict=True):
            body = {"stage": entry.stage, "rows": [bulk_facts(WasteEntry, [row]), bulk_facts(WastePosting, lines)]}
            records.append(journal.New("waste.entered", f"waste:{entry.id}", body, by))
        journal.append_all(self._session, records)
        if one_by_one:
            for row, (entry, _) in zip(rows, self._taken, strict=True):
                tell(self._session, "waste.entered", {"number": row["number"], **described(entry)})
        self._taken.clear()

    def _write_stock(self) -> None:
        changed = {key: grams for key, grams in self._stock.items() if self._written.get(key, 0) != grams}
        here = [
            {"container": container, "place": place, "grams": grams, "since": self._since[container]}
            for (container, place), grams in changed.items()
            if grams
        ]
        known = self._written.keys()
        if new := [row for row in here if (row["container"], row["place"]) not in known]:
            self._session.execute(insert(WasteStock), new)
        if kept := [row for row in here if (row["container"], row["place"]) in known]:
            self._session.execute(update(WasteStock), kept)
        if gone := [{"gone": container, "left": place} for (container, place), grams in changed.items() if not grams]:
            self._session.connection().execute(_GONE, gone)
        self._written = {key: grams for key, grams in self._stock.items() if grams}

    def _change(self, container: str, place: str, grams: int, at: datetime) -> None:
        balance = self._balance(container, place, year_of(at) if place in OUTSIDE else "")
        balance.grams += grams
        if place in OUTSIDE:
            return
        before = self._stock.get((container, place), 0)
        self._stock[container, place] = before + grams
        balance.containers += (before + grams > 0) - (before > 0)

    def _balance(self, container: str, place: str, year: str) -> WasteBalance:
        list_id, code = self._wastes[container]
        unit = container[:UNIT_LENGTH]
        key = (unit, place, list_id, code, year)
        if key not in self._balances:
            about = {"unit": unit, "place": place, "list_id": list_id, "code": code, "year": year}
            row = WasteBalance(**about, grams=0, containers=0)
            self._balances[key] = row
            self._session.add(row)
        return self._balances[key]


def year_of(at: datetime) -> str:
    """The year that balances keep what goes outside by: that of UTC."""
    return at.astimezone(UTC).isoformat()[:4]


def _row(number: int, entry: Entry) -> dict[str, Any]:
    return {
        "number": number,
        "id": entry.id,
        "stage": entry.stage,
        "made_at": entry.at.astimezone(UTC).isoformat(),
        "actor": entry.actor,
        "batch": entry.batch,
        "reason": entry.reason,
        "takes_back": entry.takes_back,
        "particulars": json.dumps(dict(entry.particulars), sort_keys=True, ensure_ascii=False),
        "at": now(),
    }


def _postings(number: int, entry: Entry) -> list[dict[str, Any]]:
    return [
        {"number": number, "line": line, "container": one.container, "place": one.place, "grams": one.grams}
        for line, one in enumerate(entry.postings)
    ]
