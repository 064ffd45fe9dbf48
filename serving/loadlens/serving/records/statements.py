"""What a supplier says of a version of his load, and what the yard answers. Appended, never edited.

He confirms or disputes that very version, once; silence is neither, however long it lasts.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import select
from sqlalchemy.orm import Session

from loadlens.serving.load_errors import ConflictError, UnknownLoadError
from loadlens.serving.records import assessments, claims, loads, second_opinions
from loadlens.serving.store import journal
from loadlens.serving.store.tables import DisputeAnswer, JournalRecord, Load, Statement

# The flag of a load that was disputed; its pictures are never let go.
DISPUTED = "disputed"
LINKED = "supplier.linked"
Reason = Literal["weight", "deduction", "price", "grade", "goods", "other"]
Outcome = Literal["changed", "explained"]
# States in which the newest version is what the yard stands by.
_STANDS = ("graded", "reviewed", "emptied", "settled")


@dataclass(frozen=True, slots=True)
class Shown:
    """What a supplier speaks of: a version, the ticket that rests on it if there is one, and the digest of that."""

    version: int
    ticket: int | None
    sha256: str


@dataclass(frozen=True, slots=True)
class Said:
    """Who says something, how, and what in his own words; `via` "link" comes from `address` with `device`."""

    name: str
    text: str
    via: Literal["link", "yard"]
    address: str | None = None
    device: str | None = None


def check_open(session: Session, load: Load, version: int) -> None:
    """Raise ConflictError where this version is not one that can be confirmed or disputed now."""
    if (said := on_version(session, load.id, version)) is not None:
        done = "confirmed" if said.said == "confirm" else "disputed"
        raise ConflictError(f"version {version} of load {load.id} was {done} by {said.name} at {said.at}")
    newest = assessments.newest(session, load.id)
    if newest is not None and newest.version != version:
        raise ConflictError(f"load {load.id} has version {newest.version} by now; look at that one")
    if load.status not in _STANDS:
        raise ConflictError(f"load {load.id} is {load.status}; the yard is looking at it and will send its result")


def open_version(session: Session, load: Load) -> int | None:
    """The version that can be confirmed or disputed now; None where none can."""
    newest = assessments.newest(session, load.id)
    if newest is None:
        return None
    try:
        check_open(session, load, newest.version)
    except ConflictError:
        return None
    return newest.version


def linked(session: Session, load: Load, version: int, until: str, *, actor: str) -> None:
    """Put on record that somebody has a link to a version, and until when."""
    body = {"version": version, "until": until}
    journal.append(session, LINKED, f"load:{load.id}", body, actor)


def links(session: Session, load_id: str) -> list[dict[str, Any]]:
    """The links that were made to versions of a load, oldest first: version, until, who made it and when."""
    query = select(JournalRecord).where(JournalRecord.subject == f"load:{load_id}", JournalRecord.kind == LINKED)
    records = session.scalars(query.order_by(JournalRecord.seq))
    return [{**json.loads(record.body), "actor": record.actor, "at": record.at} for record in records]


def add(session: Session, load: Load, shown: Shown, said: Said, reason: Reason | None, *, actor: str) -> Statement:
    """Record a confirmation or, with a reason, a dispute, which puts the load before a person. Raises ConflictError."""
    check_open(session, load, shown.version)
    statement = Statement(
        load_id=load.id,
        version=shown.version,
        ticket=shown.ticket,
        sha256=shown.sha256,
        said="dispute" if reason else "confirm",
        reason=reason,
        text=said.text,
        name=said.name,
        via=said.via,
        address=said.address,
        device=said.device,
        actor=actor,
    )
    session.add(statement)
    kind = "supplier.disputed" if reason else "supplier.confirmed"
    body = {"version": statement.version, "sha256": statement.sha256}
    journal.append(session, kind, f"load:{load.id}", body, actor, rows=[statement])
    if reason:
        why = f"{said.name} disputes version {statement.version} ({reason}): {said.text}"
        loads.flag(session, load, DISPUTED, "review", why, actor=actor)
        if load.status == "settled":
            loads.move(session, load, "dispute", actor=actor, reason=why)
    return statement


def answer(session: Session, load: Load, number: int, outcome: Outcome, text: str, *, actor: str) -> DisputeAnswer:
    """Record a manager's answer to a dispute. Raises UnknownLoadError, ConflictError.

    "changed" is refused while the newest version says what the disputed one said. A load before which nobody has to
    look for anything else is decided on by that: whoever answers a dispute has looked.
    """
    statement = session.get(Statement, number)
    if statement is None or statement.load_id != load.id or statement.said != "dispute":
        raise UnknownLoadError(f"load {load.id} has no dispute {number}")
    newest = assessments.newest(session, load.id)
    if newest is None:
        raise ConflictError(f"load {load.id} has no assessment")
    disputed = assessments.version(session, load.id, statement.version)
    if outcome == "changed" and _decided(disputed.report) == _decided(newest.report):
        raise ConflictError(
            f"version {newest.version} says what version {disputed.version} said; correct it by a review first, or "
            "answer with an explanation"
        )
    made = DisputeAnswer(
        statement=number, load_id=load.id, outcome=outcome, text=text, version=newest.version, actor=actor
    )
    session.add(made)
    journal.append(session, "dispute.answered", f"load:{load.id}", {"outcome": outcome}, actor, rows=[made])
    waits = second_opinions.asked(session, load.id) is not None or assessments.unseen_flags(session, load.id)
    if load.status == "flagged" and not waits:
        loads.move(session, load, "answer", actor=actor, reason=text)
        claims.end(session, load.id)
    return made


def on_version(session: Session, load_id: str, version: int) -> Statement | None:
    """What the supplier said of one version; None while he has said nothing."""
    query = select(Statement).where(Statement.load_id == load_id, Statement.version == version)
    return session.scalars(query).first()


def of_load(session: Session, load_id: str) -> Sequence[Statement]:
    """All that the supplier said of a load, oldest first."""
    return session.scalars(select(Statement).where(Statement.load_id == load_id).order_by(Statement.id)).all()


def answers_to(session: Session, statement: int) -> Sequence[DisputeAnswer]:
    """The answers to a dispute, oldest first."""
    query = select(DisputeAnswer).where(DisputeAnswer.statement == statement)
    return session.scalars(query.order_by(DisputeAnswer.id)).all()


def unanswered(session: Session, before: str | None = None, load_id: str | None = None) -> Sequence[Statement]:
    """Disputes that no manager has answered: all, those raised before a moment, or those of a load."""
    answered = select(DisputeAnswer.id).where(DisputeAnswer.statement == Statement.id)
    query = select(Statement).where(Statement.said == "dispute", ~answered.exists())
    if before is not None:
        query = query.where(Statement.at < before)
    if load_id is not None:
        query = query.where(Statement.load_id == load_id)
    return session.scalars(query.order_by(Statement.id)).all()


def _decided(report: str) -> tuple[Any, ...]:
    """What a report says that the money rests on."""
    truck = json.loads(report)["truck"]
    return truck["grade"], truck["grades"], truck["net_kg"], truck["deduction"]["kg"], truck["settlement_kg"]
