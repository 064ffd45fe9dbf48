"""The waste ledger's records: entries are accepted in turn, wait for what they need, and are never edited.

What waits for something that will never come is withdrawn by a person; the journal keeps the entry and the reason.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, case, func, insert, select
from sqlalchemy.orm import Session

from loadlens.serving.load_errors import ConflictError, UnacceptableError, UnknownLoadError
from loadlens.serving.records import waste_entries
from loadlens.serving.records.waste_books import Books
from loadlens.serving.records.waste_entries import WITHDRAWN
from loadlens.serving.records.waste_events import tell
from loadlens.serving.store import journal
from loadlens.serving.store.row_facts import bulk_facts
from loadlens.serving.store.tables import JournalRecord, now
from loadlens.serving.store.waste_tables import WaitingEntry, WasteBalance, WasteContainer, WasteEntry, WasteStock
from loadlens.waste.identification import Identification
from loadlens.waste.ledger import (
    HANDED_OVER,
    OUTSIDE,
    PRODUCTION,
    TREATED,
    WEIGHING,
    Entry,
    LedgerError,
    Posting,
    counter,
)

_TOLD = ("list_id", "edition", "code", "name", "litres")
_LABELLED, _IDENTIFIED = "waste.labelled", "waste.identified"


@dataclass(frozen=True, slots=True)
class Answers:
    """What became of entries that were sent: ids that are accepted now, were known before, wait, or were withdrawn.

    The last two with why.
    """

    accepted: list[str]
    known: list[str] = field(default_factory=list)
    waiting: dict[str, str] = field(default_factory=dict)
    withdrawn: dict[str, str] = field(default_factory=dict)


def keep_identification(session: Session, found: Identification, actor: str) -> None:
    """Keep what a photo was found to show; the same answer about the same photo is kept once."""
    if _suggested(session, found.digest) is None:
        body = found.to_plain(found.photo_sha256) | {"model": found.model_sha256}
        journal.append(session, _IDENTIFIED, f"waste-identification:{found.digest}", body, actor)


def identification_behind(session: Session, identity: str) -> str | None:
    """The identification that whoever confirmed the code of a container named; None where there was none."""
    label = _body(session, f"waste:{identity}", _LABELLED)
    return None if label is None else label.get("identification")


def register(
    session: Session, container: WasteContainer, *, by: str | None = None, identification: str | None = None
) -> bool:
    """Keep a new container; False where exactly this one is known. ConflictError where another has its identity.

    `by` is who puts it in, where that is not who confirmed its code; `identification` the digest of what a photo
    suggested. UnacceptableError where that is not known.
    """
    suggested = _suggested(session, identification) if identification else None
    if identification and suggested is None:
        raise UnacceptableError(f"there is no identification {identification}; send the photo to /v1/waste/identify")
    known = session.get(WasteContainer, container.identity)
    if known is not None:
        if any(getattr(known, field) != getattr(container, field) for field in _TOLD):
            raise ConflictError(f"container {container.identity} is known with other particulars; it keeps them")
        if identification and identification != identification_behind(session, container.identity):
            raise ConflictError(f"container {container.identity} was confirmed without this photo; it stays so")
        return False
    session.add(container)
    subject = f"waste:{container.identity}"
    body: dict[str, Any] = {"code": container.code}
    if suggested is not None:
        # Beside each other: what the photo suggested, and whether the person who confirms chose one of its codes.
        chosen = any((one["list"], one["code"]) == (container.list_id, container.code) for one in suggested["codes"])
        body |= {"identification": identification, "was_suggested": chosen}
    journal.append(session, _LABELLED, subject, body, by or container.actor, rows=[container])
    tell(session, _LABELLED, {name: getattr(container, name) for name in ("identity", *_TOLD)})
    return True


def register_new(session: Session, containers: Sequence[WasteContainer], *, by: str) -> None:
    """Keep many containers at once, none of which is known; `by` is who puts them in."""
    columns = [column.name for column in WasteContainer.__table__.columns]
    rows = [{name: getattr(one, name) for name in columns} | {"at": now()} for one in containers]
    if not rows:
        return
    session.execute(insert(WasteContainer), rows)
    records = [
        journal.New(
            _LABELLED,
            f"waste:{row['identity']}",
            {"code": row["code"], "rows": [bulk_facts(WasteContainer, [row])]},
            by,
        )
        for row in rows
    ]
    journal.append_all(session, records)


def find(session: Session, identity: str) -> WasteContainer:
    """The container of this identity; UnknownLoadError where there is none."""
    found = session.get(WasteContainer, identity)
    if found is None:
        raise UnknownLoadError(f"there is no container {identity!r}; register it first")
    return found


def post(session: Session, entries: Sequence[Entry]) -> Answers:
    """Accept entries that may have been made offline, in any order, some twice; what must wait is kept and tried again.

    Raises ConflictError, and changes nothing, where one id comes with two contents.
    """
    answers = Answers([])
    ids = [entry.id for entry in entries]
    known, withdrawn = waste_entries.known(session, ids), waste_entries.withdrawals(session, ids)
    fresh: dict[str, Entry] = {}
    for entry in entries:
        same = known.get(entry.id) or fresh.get(entry.id)
        if same is None:
            fresh[entry.id] = entry
        elif same != entry:
            raise ConflictError(f"entry {entry.id} is known with other contents; give the new one a number of its own")
        elif entry.id in withdrawn:
            answers.withdrawn[entry.id] = withdrawn[entry.id]["reason"]
        else:
            answers.known.append(entry.id)
    books = Books(session, list(fresh.values()))
    for entry in fresh.values():
        if why := books.accept(entry, entry.actor):
            session.add(WaitingEntry(id=entry.id, entry=waste_entries.to_json(entry), why=why))
        else:
            answers.accepted.append(entry.id)
    books.write()
    answers.accepted.extend(_retry(session))
    waiting = {row.id: row.why for row in session.scalars(select(WaitingEntry))}
    answers.waiting.update({entry.id: waiting[entry.id] for entry in entries if entry.id in waiting})
    answers.known[:] = [id_ for id_ in answers.known if id_ not in waiting]
    return answers


def take_over(session: Session, entries: Sequence[Entry], *, by: str) -> dict[str, str]:
    """Accept the entries of another ledger, in whatever order; returns, by id, why the others cannot be.

    Nothing of it waits: the caller undoes everything where anything is left. `by` is who takes it over.
    """
    undone = [entry.takes_back for entry in entries if entry.takes_back]
    known = waste_entries.known(session, [*(entry.id for entry in entries), *undone])
    refused = {
        entry.id: f"entry {entry.id} is known with other contents"
        for entry in entries
        if entry.id in known and known[entry.id] != entry
    }
    back = {entry_id: _taken_back_by(session, entry_id) for entry_id in undone}
    left = [entry for entry in entries if entry.id not in known]
    books = Books(session, left)
    while left:
        waiting = []
        for entry in left:
            if (why := _no_correction(entry, known, back) or books.accept(entry, by)) is not None:
                refused[entry.id] = why
                waiting.append(entry)
                continue
            refused.pop(entry.id, None)
            known[entry.id] = entry
            if entry.takes_back:
                back[entry.takes_back] = entry.id
        if len(waiting) == len(left):
            break
        left = waiting
    books.write(one_by_one=False)
    if not refused:
        _retry(session)
    return refused


def _no_correction(entry: Entry, known: Mapping[str, Entry], back: Mapping[str, str | None]) -> str | None:
    """Why an entry cannot take back what it says it does; None where it can, or takes back nothing."""
    if entry.takes_back is None:
        return None
    undone = known.get(entry.takes_back)
    if undone is None:
        return f"there is no accepted entry {entry.takes_back!r} to take back"
    if undone.takes_back is not None:
        return f"entry {undone.id} is itself a correction; enter what is right anew instead"
    if sorted(map(_reversed, entry.postings)) != sorted(map(_plain, undone.postings)):
        return f"it does not take back what entry {entry.takes_back} did, posting by posting"
    if back[entry.takes_back]:
        return f"entry {entry.takes_back} was taken back already"
    return None


def _plain(posting: Posting) -> tuple[str, str, int]:
    return posting.container, posting.place, posting.grams


def _reversed(posting: Posting) -> tuple[str, str, int]:
    return posting.container, posting.place, -posting.grams


def take_back(session: Session, entry_id: str, *, new_id: str, actor: str, reason: str) -> Answers:
    """Undo an accepted entry by a counter-entry. ConflictError where it was undone before or its mass has gone on."""
    entry = waste_entries.accepted(session, [entry_id]).get(entry_id)
    if entry is None:
        raise UnknownLoadError(f"there is no accepted entry {entry_id!r}")
    known = waste_entries.known(session, [new_id]).get(new_id)
    if known is not None and (known.takes_back, known.reason) == (entry_id, reason):
        return Answers([], known=[new_id])
    undone = _taken_back_by(session, entry_id)
    if undone is not None:
        raise ConflictError(f"entry {entry_id} was taken back by {undone} already")
    try:
        back = counter(entry, new_id=new_id, at=datetime.now(UTC), actor=actor, reason=reason)
    except LedgerError as error:
        raise ConflictError(str(error)) from None
    if known is not None:
        raise ConflictError(f"entry {new_id} is known with other contents; give the correction another id")
    books = Books(session, [back])
    if why := books.accept(back, actor):
        raise ConflictError(f"{why}; take back the later entries first")
    books.write()
    return Answers([new_id, *_retry(session)])


def _taken_back_by(session: Session, entry_id: str) -> str | None:
    return session.scalars(select(WasteEntry.id).where(WasteEntry.takes_back == entry_id)).first()


def withdraw(session: Session, entry_id: str, *, actor: str, reason: str) -> Answers:
    """Let an entry wait no longer, whose time will never come. Its id stays used; what is right is entered anew.

    One that was withdrawn before stays so for its first reason. ConflictError where it was accepted.
    """
    row = session.get(WaitingEntry, entry_id)
    if row is not None:
        body = {"entry": json.loads(row.entry), "waited_for": row.why, "since": row.at, "reason": reason}
        journal.append(session, WITHDRAWN, f"waste:{entry_id}", body, actor)
        session.delete(row)
        tell(session, WITHDRAWN, {"id": entry_id, "reason": reason})
        return Answers([], withdrawn={entry_id: reason})
    if (withdrawn := waste_entries.withdrawals(session, [entry_id]).get(entry_id)) is not None:
        return Answers([], withdrawn={entry_id: withdrawn["reason"]})
    if waste_entries.accepted(session, [entry_id]):
        raise ConflictError(f"entry {entry_id} was accepted; take it back by a correction")
    raise UnknownLoadError(f"there is no entry {entry_id!r} that waits")


def whereabouts(session: Session, identity: str) -> dict[str, int]:
    """Grams of a container by place on site."""
    query = select(WasteStock.place, WasteStock.grams).where(WasteStock.container == identity)
    return {row.place: row.grams for row in session.execute(query.order_by(WasteStock.place))}


def stock(session: Session, *, place: str | None, code: str | None) -> list[dict[str, Any]]:
    """What is on site by place and code: grams and the number of containers."""
    query = (
        select(
            WasteBalance.place,
            WasteBalance.list_id,
            WasteBalance.code,
            func.sum(WasteBalance.grams).label("grams"),
            func.sum(WasteBalance.containers).label("containers"),
        )
        .where(WasteBalance.grams > 0, WasteBalance.place.not_in(OUTSIDE))
        .group_by(WasteBalance.place, WasteBalance.list_id, WasteBalance.code)
        .order_by(WasteBalance.place, WasteBalance.list_id, WasteBalance.code)
    )
    if place is not None:
        query = query.where(WasteBalance.place == place)
    if code is not None:
        query = query.where(WasteBalance.code == code)
    return [
        {**row._mapping, "grams": int(row.grams), "containers": int(row.containers)} for row in session.execute(query)
    ]


def balances(session: Session, *, unit: str | None, code: str | None) -> list[dict[str, Any]]:
    """By unit and code: produced + weighing + repacked = treated + handed over + stock, in grams."""

    def at(condition: ColumnElement[bool]) -> Any:
        return func.coalesce(func.sum(case((condition, WasteBalance.grams), else_=0)), 0)

    place = WasteBalance.place
    keys = (WasteBalance.unit, WasteBalance.list_id, WasteBalance.code)
    query = (
        select(
            *keys,
            (-at(place == PRODUCTION)).label("produced"),
            (-at(place == WEIGHING)).label("weighing"),
            func.sum(WasteBalance.grams).label("repacked"),
            at(place == TREATED).label("treated"),
            at(place == HANDED_OVER).label("handed_over"),
            at(place.not_in(OUTSIDE)).label("stock"),
            func.sum(WasteBalance.containers).label("containers"),
        )
        .group_by(*keys)
        .order_by(*keys)
    )
    if unit is not None:
        query = query.where(WasteBalance.unit == unit)
    if code is not None:
        query = query.where(WasteBalance.code == code)
    rows = [row._asdict() for row in session.execute(query)]
    return [{name: value if isinstance(value, str) else int(value) for name, value in row.items()} for row in rows]


def _retry(session: Session) -> list[str]:
    """Accept what waited for what has just come; returns its ids."""
    done: list[str] = []
    left = waste_entries.waiting(session)
    books = Books(session, [entry for _, entry in left])
    while left:
        still = []
        for row, entry in left:
            why = books.accept(entry, entry.actor)
            if why is None:
                done.append(row.id)
                session.delete(row)
            else:
                row.why = why
                still.append((row, entry))
        if len(still) == len(left):
            break
        left = still
    books.write()
    return done


def _suggested(session: Session, identification: str) -> dict[str, Any] | None:
    """What the journal says of an identification."""
    return _body(session, f"waste-identification:{identification}", _IDENTIFIED)


def _body(session: Session, subject: str, kind: str) -> dict[str, Any] | None:
    """What the journal says first of something; None where it says nothing."""
    query = select(JournalRecord.body).where(JournalRecord.subject == subject, JournalRecord.kind == kind)
    body = session.scalars(query.order_by(JournalRecord.seq)).first()
    return None if body is None else json.loads(body)
