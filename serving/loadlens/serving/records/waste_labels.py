"""Labels on record: what stands on each, every print and why it was printed again, and which are void.

They stand in the journal alone, so nothing of them is ever edited; a container has one label.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from loadlens.serving.load_errors import ConflictError, UnacceptableError, UnknownLoadError
from loadlens.serving.store import journal
from loadlens.serving.store.database import begins_with
from loadlens.serving.store.tables import JournalRecord
from loadlens.serving.store.waste_tables import WasteContainer
from loadlens.waste.codes import WasteCode
from loadlens.waste.identity import Identity, IdentityError, parse_identity, scheme_for

MADE, PRINTED, VOIDED = "waste.label_made", "waste.label_printed", "waste.label_voided"


@dataclass(frozen=True, slots=True)
class LabelOnRecord:
    """The text of a label, its prints, and when, by whom and why it was declared void (null where it was not)."""

    text: Mapping[str, Any]
    prints: list[dict[str, Any]] = field(default_factory=list)
    void: dict[str, Any] | None = None


def next_identity(session: Session, unit: str, entry: WasteCode, day: date) -> str:
    """The first identity of this unit, waste and day that is free. Raises UnacceptableError where none is left.

    The caller's transaction must be one that writes: writers take turns, so nobody else takes it meanwhile.
    """
    compose = scheme_for(entry.list_id).compose
    first = compose(Identity(unit, entry.code, day, 1))
    # All before the serial number: 1 in the plain scheme, 001 in the other. The day before it may end with a 1 too.
    prefix = first[: -1 if "." in first else -3]
    query = select(WasteContainer.identity).where(begins_with(WasteContainer.identity, prefix))
    taken = [parse_identity(identity)[1].serial for identity in session.scalars(query)]
    try:
        return compose(Identity(unit, entry.code, day, max(taken, default=0) + 1))
    except IdentityError as error:
        raise UnacceptableError(str(error)) from None


def make(session: Session, identity: str, text: Mapping[str, Any], actor: str) -> None:
    """Keep what stands on the label of a new container."""
    journal.append(session, MADE, f"waste:{identity}", text, actor)


def find(session: Session, identity: str) -> LabelOnRecord:
    """The label of a container; UnknownLoadError where none was made here."""
    query = select(JournalRecord).where(
        JournalRecord.subject == f"waste:{identity}", JournalRecord.kind.in_((MADE, PRINTED, VOIDED))
    )
    found: LabelOnRecord | None = None
    for record in session.scalars(query.order_by(JournalRecord.seq)):
        body = json.loads(record.body)
        if record.kind == MADE:
            found = LabelOnRecord(body)
        elif found is not None:
            said = {"at": record.at, "actor": record.actor, **body}
            found = _with(found, record.kind, said)
    if found is None:
        raise UnknownLoadError(f"no label of container {identity!r} was made here")
    return found


def _with(label: LabelOnRecord, kind: str, said: dict[str, Any]) -> LabelOnRecord:
    if kind == VOIDED:
        return LabelOnRecord(label.text, label.prints, said)
    return LabelOnRecord(label.text, [*label.prints, said], label.void)


def newest_text(session: Session, list_id: str, code: str) -> Mapping[str, Any] | None:
    """What stood on the newest label under a code that is not void: the next one says nearly the same."""
    query = select(WasteContainer.identity).where(WasteContainer.list_id == list_id, WasteContainer.code == code)
    for identity in session.scalars(query.order_by(WasteContainer.at.desc(), WasteContainer.identity.desc()).limit(5)):
        try:
            label = find(session, identity)
        except UnknownLoadError:
            continue  # it came by a workbook
        if label.void is None:
            return label.text
    return None


def record_print(session: Session, identity: str, *, kind: str, sha256: str, reason: str, actor: str) -> None:
    """Record that a label was printed. A second print needs a reason; a void label is not printed."""
    label = find(session, identity)
    if label.void is not None:
        raise ConflictError(f"the label of {identity} is void since {label.void['at']}: {label.void['reason']}")
    if label.prints and not reason.strip():
        raise UnacceptableError(f"the label of {identity} was printed before; say why it is printed again")
    body = {"kind": kind, "sha256": sha256, "reason": reason}
    journal.append(session, PRINTED, f"waste:{identity}", body, actor)


def void(session: Session, identity: str, *, reason: str, actor: str) -> None:
    """Declare a label void: whoever scans it is told so. Declaring it twice changes nothing."""
    if find(session, identity).void is None:
        body = {"reason": reason, "on": datetime.now(UTC).date().isoformat()}
        journal.append(session, VOIDED, f"waste:{identity}", body, actor)
