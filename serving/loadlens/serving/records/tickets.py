"""Tickets: the settlement sheet of one assessment version. Issued once the money may move, never edited."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from loadlens.grading.assessment import LoadAssessment
from loadlens.grading.quantity import Mass, Money, QuantityError
from loadlens.grading.settlement import Adjustment, Settlement, SettlementError, settle
from loadlens.grading.standard import Standard
from loadlens.grading.weighing import Weights
from loadlens.serving.canonical import canonical_json
from loadlens.serving.load_errors import ConflictError, UnknownLoadError
from loadlens.serving.records import assessments, loads, reviews, statements
from loadlens.serving.store import journal
from loadlens.serving.store.tables import Load, Review, Ticket, now

SCHEMA = "loadlens.ticket/1"


def issue(
    session: Session,
    load: Load,
    standard: Standard,
    adjustments: Sequence[tuple[str, str]],
    *,
    priced: bool,
    actor: str,
) -> Ticket:
    """Settle a load and issue its ticket. `adjustments` are amounts with reasons, in the standard's currency.

    Without `priced` the ticket states masses alone, for a site that keeps its prices elsewhere. Raises ConflictError
    where the load is not in a state for it, a person has stopped it or something is missing.
    """
    loads.check_move(load, "settle")
    decided = reviews.of_load(session, load.id)
    if decided and decided[-1].decision == "stop":
        raise ConflictError(f"load {load.id} was stopped by {decided[-1].actor}: {decided[-1].reason}; review it again")
    if disputes := statements.unanswered(session, load_id=load.id):
        raise ConflictError(f"dispute {disputes[0].id} of load {load.id} is not answered; a manager answers it first")
    known = assessments.newest(session, load.id)
    if known is None:
        raise ConflictError(f"load {load.id} has no assessment")
    assessed = assessments.recomputed(session, load, standard, known)
    if assessed.weights is None:
        raise ConflictError(f"load {load.id} has no gross weight; weigh it, or record what was weighed")
    settlement = _settled(assessed, adjustments) if priced else None
    earlier = newest(session, load.id)
    number = earlier.number + 1 if earlier else 1
    at = now()
    body = {
        **_sheet(load, assessed, assessed.weights, settlement),
        "number": number,
        "issued_at": at,
        "issued_by": actor,
        "assessment_version": known.version,
        "reviews": [_review(review) for review in decided],
    }
    ticket = Ticket(
        load_id=load.id, number=number, version=known.version, body=canonical_json(body), actor=actor, at=at
    )
    session.add(ticket)
    about = {"number": number, "version": known.version}
    journal.append(session, "ticket.issued", f"load:{load.id}", about, actor, rows=[ticket])
    loads.move(session, load, "settle", actor=actor, reason=f"ticket {number}")
    return ticket


def newest(session: Session, load_id: str, version: int | None = None) -> Ticket | None:
    """The newest ticket of a load, or of one version of its assessment; None while there is none."""
    query = select(Ticket).where(Ticket.load_id == load_id).order_by(Ticket.number.desc()).limit(1)
    return session.scalars(query if version is None else query.where(Ticket.version == version)).first()


def numbered(session: Session, load_id: str, number: int | None) -> Ticket:
    """One ticket of a load, the newest without a number; UnknownLoadError where there is none."""
    found = newest(session, load_id) if number is None else session.get(Ticket, (load_id, number))
    if found is None:
        raise UnknownLoadError(f"load {load_id} has no ticket{'' if number is None else f' {number}'}")
    return found


def worth(assessed: LoadAssessment) -> tuple[dict[str, Any] | None, str | None]:
    """What a ticket without adjustments would say of the money, or None and what is missing for it."""
    try:
        return _money(settle(assessed, hazard_cleared=True)), None
    except SettlementError as error:
        return None, str(error)


def _settled(assessed: LoadAssessment, adjustments: Sequence[tuple[str, str]]) -> Settlement:
    currency = assessed.standard.rules.currency
    try:
        lines = tuple(Adjustment(Money(amount, currency), reason) for amount, reason in adjustments)
        # What the eye saw was decided on by a person, or the load could not have come here.
        return settle(assessed, lines, hazard_cleared=True)
    except (SettlementError, QuantityError) as error:
        raise ConflictError(f"load {assessed.observation.load_id} cannot be settled: {error}") from None


def _sheet(load: Load, assessed: LoadAssessment, weights: Weights, settlement: Settlement | None) -> dict[str, Any]:
    """What the ticket says of the load; masses and amounts as decimal text."""
    report, deduction = assessed.to_report(), assessed.deduction
    causes = [{"cause": item.cause, "why": item.why, "kg": _kg(item.mass)} for item in deduction.items]
    return {
        "schema": SCHEMA,
        "load": {name: getattr(load, name) for name in ("id", "lane", "supplier", "plate", "note", "declared")},
        "versions": report["versions"],
        "grade": assessed.grade,
        "gross_kg": _kg(weights.gross),
        "tare_kg": _kg(weights.tare),
        "net_kg": _kg(weights.net),
        "deduction": {
            "kg": _kg(deduction.mass),
            "kg_low": _kg(deduction.low),
            "kg_high": _kg(deduction.high),
            "by_cause": causes,
        },
        "settlement_kg": _kg(assessed.settlement),
        "flags": report["truck"]["flags"],
        "money": settlement and _money(settlement),
    }


def _money(settlement: Settlement) -> dict[str, Any]:
    return {
        "currency": settlement.amount.currency,
        "prices": [
            {"grade": line.grade, "share": f"{line.share:f}", "per_tonne": f"{line.price_per_tonne.amount:f}"}
            for line in settlement.prices
        ],
        "price_per_tonne": f"{settlement.price_per_tonne.amount:f}",
        "adjustments": [
            {"amount": f"{line.amount.amount:f}", "reason": line.reason} for line in settlement.adjustments
        ],
        "amount": f"{settlement.amount.amount:f}",
    }


def _review(review: Review) -> dict[str, Any]:
    return {name: getattr(review, name) for name in ("decision", "reason", "version", "actor", "at")}


def _kg(mass: Mass | None) -> str | None:
    return None if mass is None else f"{mass.kg.normalize():f}"
