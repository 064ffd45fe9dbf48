"""The waste ledger's records: entries are accepted in turn, wait for what they need, and are never edited.

What waits for something that will never come is withdrawn by a person; the journal keeps the entry and the reason.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from loadlens.serving.load_errors import ConflictError, UnacceptableError, UnknownLoadError
from loadlens.serving.store import journal
from loadlens.serving.store.tables import JournalRecord
from loadlens.serving.store.waste_tables import WaitingEntry, WasteContainer, WasteEntry, WastePosting, WasteStock
from loadlens.waste.identification import Identification
from loadlens.waste.ledger import OUTSIDE, Entry, LedgerError, Posting, counter

_WITHDRAWN, _LABELLED, _IDENTIFIED = "waste.withdrawn", "waste.labelled", "waste.identified"


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
        told = ("list_id", "edition", "code", "name", "litres")
        if any(getattr(known, field) != getattr(container, field) for field in told):
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
    return True


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
    fresh: list[Entry] = []
    for entry in entries:
        known = _known(session, entry.id) or next((one for one in fresh if one.id == entry.id), None)
        if known is None:
            fresh.append(entry)
        elif known != entry:
            raise ConflictError(f"entry {entry.id} is known with other contents; give the new one a number of its own")
        elif (withdrawn := _withdrawal(session, entry.id)) is not None:
            answers.withdrawn[entry.id] = withdrawn["reason"]
        else:
            answers.known.append(entry.id)
    for entry in fresh:
        if why := _accept(session, entry):
            session.add(WaitingEntry(id=entry.id, entry=_to_json(entry), why=why))
            session.flush()
        else:
            answers.accepted.append(entry.id)
    answers.accepted.extend(_retry(session))
    waiting = {row.id: row.why for row in session.scalars(select(WaitingEntry))}
    answers.waiting.update({entry.id: waiting[entry.id] for entry in entries if entry.id in waiting})
    answers.known[:] = [id_ for id_ in answers.known if id_ not in waiting]
    return answers


def take_over(session: Session, entries: Sequence[Entry], *, by: str) -> dict[str, str]:
    """Accept the entries of another ledger, in whatever order; returns, by id, why the others cannot be.

    Nothing of it waits: the caller undoes everything where anything is left. `by` is who takes it over.
    """
    left = list(entries)
    while True:
        refused = {entry.id: why for entry in left if (why := _take_over(session, entry, by)) is not None}
        if not refused or len(refused) == len(left):
            break
        left = [entry for entry in left if entry.id in refused]
    if not refused:
        _retry(session)
    return refused


def _take_over(session: Session, entry: Entry, by: str) -> str | None:
    known = _known(session, entry.id)
    if known is not None:
        return None if known == entry else f"entry {entry.id} is known with other contents"
    if entry.takes_back is not None:
        undone = _accepted(session, entry.takes_back)
        if undone is None:
            return f"there is no accepted entry {entry.takes_back!r} to take back"
        if sorted(map(_reversed, entry.postings)) != sorted(map(_plain, undone.postings)):
            return f"it does not take back what entry {entry.takes_back} did, posting by posting"
        if session.scalars(select(WasteEntry.id).where(WasteEntry.takes_back == entry.takes_back)).first():
            return f"entry {entry.takes_back} was taken back already"
    return _accept(session, entry, by)


def _plain(posting: Posting) -> tuple[str, str, int]:
    return posting.container, posting.place, posting.grams


def _reversed(posting: Posting) -> tuple[str, str, int]:
    return posting.container, posting.place, -posting.grams


def take_back(session: Session, entry_id: str, *, new_id: str, actor: str, reason: str) -> Answers:
    """Undo an accepted entry by a counter-entry. ConflictError where it was undone before or its mass has gone on."""
    entry = _accepted(session, entry_id)
    if entry is None:
        raise UnknownLoadError(f"there is no accepted entry {entry_id!r}")
    known = _known(session, new_id)
    if known is not None and (known.takes_back, known.reason) == (entry_id, reason):
        return Answers([], known=[new_id])
    undone = session.scalars(select(WasteEntry.id).where(WasteEntry.takes_back == entry_id)).first()
    if undone is not None:
        raise ConflictError(f"entry {entry_id} was taken back by {undone} already")
    try:
        back = counter(entry, new_id=new_id, at=datetime.now(UTC), actor=actor, reason=reason)
    except LedgerError as error:
        raise ConflictError(str(error)) from None
    if known is not None:
        raise ConflictError(f"entry {new_id} is known with other contents; give the correction another id")
    if why := _accept(session, back):
        raise ConflictError(f"{why}; take back the later entries first")
    return Answers([new_id, *_retry(session)])


def withdraw(session: Session, entry_id: str, *, actor: str, reason: str) -> Answers:
    """Let an entry wait no longer, whose time will never come. Its id stays used; what is right is entered anew.

    One that was withdrawn before stays so for its first reason. ConflictError where it was accepted.
    """
    row = session.get(WaitingEntry, entry_id)
    if row is not None:
        body = {"entry": json.loads(row.entry), "waited_for": row.why, "since": row.at, "reason": reason}
        journal.append(session, _WITHDRAWN, f"waste:{entry_id}", body, actor)
        session.delete(row)
        return Answers([], withdrawn={entry_id: reason})
    if (withdrawn := _withdrawal(session, entry_id)) is not None:
        return Answers([], withdrawn={entry_id: withdrawn["reason"]})
    if _accepted(session, entry_id) is not None:
        raise ConflictError(f"entry {entry_id} was accepted; take it back by a correction")
    raise UnknownLoadError(f"there is no entry {entry_id!r} that waits")


def history(session: Session, identity: str) -> list[Entry]:
    """The entries that touched a container, in the order of their acceptance."""
    numbers = select(WastePosting.number).where(WastePosting.container == identity).distinct()
    rows = session.scalars(select(WasteEntry).where(WasteEntry.number.in_(numbers)).order_by(WasteEntry.number))
    return [_entry(session, row) for row in rows]


def entries(session: Session, *, after: int, limit: int) -> list[tuple[int, Entry]]:
    """Accepted entries with their numbers, from the one behind `after` on."""
    query = select(WasteEntry).where(WasteEntry.number > after).order_by(WasteEntry.number).limit(limit)
    return [(row.number, _entry(session, row)) for row in session.scalars(query)]


def waiting(session: Session) -> list[tuple[WaitingEntry, Entry]]:
    """The entries that wait, oldest first."""
    rows = session.scalars(select(WaitingEntry).order_by(WaitingEntry.at, WaitingEntry.id))
    return [(row, _from_plain(json.loads(row.entry))) for row in rows]


def whereabouts(session: Session, identity: str) -> dict[str, int]:
    """Grams of a container by place on site."""
    query = select(WasteStock.place, WasteStock.grams).where(WasteStock.container == identity, WasteStock.grams > 0)
    return {row.place: row.grams for row in session.execute(query.order_by(WasteStock.place))}


def stock(session: Session, *, place: str | None, code: str | None) -> list[dict[str, Any]]:
    """What is on site by place and code: grams and the number of containers."""
    query = (
        select(
            WasteStock.place,
            WasteContainer.list_id,
            WasteContainer.code,
            func.sum(WasteStock.grams).label("grams"),
            func.count().label("containers"),
        )
        .join(WasteContainer, WasteContainer.identity == WasteStock.container)
        .where(WasteStock.grams > 0)
        .group_by(WasteStock.place, WasteContainer.list_id, WasteContainer.code)
        .order_by(WasteStock.place, WasteContainer.list_id, WasteContainer.code)
    )
    if place is not None:
        query = query.where(WasteStock.place == place)
    if code is not None:
        query = query.where(WasteContainer.code == code)
    return [{**row._mapping, "grams": int(row.grams)} for row in session.execute(query)]


def _accept(session: Session, entry: Entry, by: str | None = None) -> str | None:
    """Take an entry into the ledger, or say why it cannot be now. Writers take turns, so nothing changes in between."""
    changes: defaultdict[tuple[str, str], int] = defaultdict(int)
    for posting in entry.postings:
        changes[posting.container, posting.place] += posting.grams
    names = sorted({container for container, _ in changes})
    present = set(session.scalars(select(WasteContainer.identity).where(WasteContainer.identity.in_(names))))
    if absent := [name for name in names if name not in present]:
        return f"container {absent[0]} is not registered"
    inside = {key: grams for key, grams in changes.items() if key[1] not in OUTSIDE and grams}
    rows = {key: session.get(WasteStock, key) for key in inside}
    for (container, place), grams in inside.items():
        row = rows[container, place]
        there = row.grams if row else 0
        if there + grams < 0:
            return f"container {container} holds {there} g at {place}, and {-grams} g would leave it"
    for (container, place), grams in inside.items():
        row = rows[container, place]
        if row is None:
            session.add(WasteStock(container=container, place=place, grams=grams))
        else:
            row.grams += grams
    _write(session, entry, by or entry.actor)
    return None


def _write(session: Session, entry: Entry, by: str) -> None:
    row = WasteEntry(
        id=entry.id,
        stage=entry.stage,
        made_at=entry.at.astimezone(UTC).isoformat(),
        actor=entry.actor,
        batch=entry.batch,
        reason=entry.reason,
        takes_back=entry.takes_back,
        particulars=json.dumps(dict(entry.particulars), sort_keys=True, ensure_ascii=False),
    )
    session.add(row)
    session.flush()
    lines = [
        WastePosting(number=row.number, line=line, container=one.container, place=one.place, grams=one.grams)
        for line, one in enumerate(entry.postings)
    ]
    session.add_all(lines)
    journal.append(session, "waste.entered", f"waste:{entry.id}", {"stage": entry.stage}, by, rows=[row, *lines])


def _retry(session: Session) -> list[str]:
    """Accept what waited for what has just come; returns its ids."""
    done: list[str] = []
    while True:
        before = len(done)
        for row, entry in waiting(session):
            why = _accept(session, entry)
            if why is None:
                done.append(row.id)
                session.delete(row)
            else:
                row.why = why
            session.flush()
        if len(done) == before:
            return done


def _known(session: Session, entry_id: str) -> Entry | None:
    """An entry that waits, was accepted or was withdrawn."""
    if (row := session.get(WaitingEntry, entry_id)) is not None:
        return _from_plain(json.loads(row.entry))
    if (withdrawn := _withdrawal(session, entry_id)) is not None:
        return _from_plain(withdrawn["entry"])
    return _accepted(session, entry_id)


def _withdrawal(session: Session, entry_id: str) -> dict[str, Any] | None:
    """What the journal says of the withdrawal of an entry."""
    return _body(session, f"waste:{entry_id}", _WITHDRAWN)


def _suggested(session: Session, identification: str) -> dict[str, Any] | None:
    """What the journal says of an identification."""
    return _body(session, f"waste-identification:{identification}", _IDENTIFIED)


def _body(session: Session, subject: str, kind: str) -> dict[str, Any] | None:
    """What the journal says first of something; None where it says nothing."""
    query = select(JournalRecord.body).where(JournalRecord.subject == subject, JournalRecord.kind == kind)
    body = session.scalars(query.order_by(JournalRecord.seq)).first()
    return None if body is None else json.loads(body)


def _accepted(session: Session, entry_id: str) -> Entry | None:
    row = session.scalars(select(WasteEntry).where(WasteEntry.id == entry_id)).first()
    return _entry(session, row) if row else None


def _entry(session: Session, row: WasteEntry) -> Entry:
    lines: Iterable[WastePosting] = session.scalars(
        select(WastePosting).where(WastePosting.number == row.number).order_by(WastePosting.line)
    )
    return Entry(
        id=row.id,
        stage=row.stage,  # type: ignore[arg-type]  # written from an Entry
        at=datetime.fromisoformat(row.made_at),
        actor=row.actor,
        postings=tuple(Posting(line.container, line.place, line.grams) for line in lines),
        batch=row.batch,
        reason=row.reason,
        takes_back=row.takes_back,
        particulars=json.loads(row.particulars),
    )


def _to_json(entry: Entry) -> str:
    return json.dumps({**asdict(entry), "at": entry.at.astimezone(UTC).isoformat()}, ensure_ascii=False)


def _from_plain(data: dict[str, Any]) -> Entry:
    postings = tuple(Posting(**posting) for posting in data["postings"])
    return Entry(**{**data, "at": datetime.fromisoformat(data["at"]), "postings": postings})
