"""Past loads under another standard: what was seen of them, judged by the same pure function once more."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from loadlens.grading.assessment import LoadAssessment, ObservationError
from loadlens.grading.deduction import JudgedError
from loadlens.grading.observation_json import from_json
from loadlens.grading.quantity import QuantityError
from loadlens.grading.standard import Standard
from loadlens.serving.lifecycle import ASSESSED
from loadlens.serving.records import assessments, grabs, tickets
from loadlens.serving.records.inputs import inputs_from
from loadlens.serving.records.standards import Standards
from loadlens.serving.store.tables import Assessment, Load


@dataclass(frozen=True, slots=True)
class Compared:
    """A load by its own standard and by another one; `after` None where the other cannot judge it, and `why`."""

    load: Load
    before: dict[str, Any]
    after: dict[str, Any] | None
    why: str = ""

    @property
    def is_changed(self) -> bool:
        """Whether anything that matters would be another."""
        return self.before != self.after


def past_loads(
    session: Session, standards: Standards, other: Standard, *, instead_of: str, limit: int
) -> Iterator[Compared]:
    """The newest `limit` assessed loads that are graded by the standard `instead_of`, each by its own and by `other`.

    Nothing is recorded. Both sides are computed by the software of today, so only the standard makes a difference.
    """
    query = select(Load).where(Load.standard == instead_of, Load.status.in_((*ASSESSED, "settled")))
    for load in session.scalars(query.order_by(Load.created_at.desc(), Load.id.desc()).limit(limit)):
        known = assessments.newest(session, load.id)
        if known is None or known.inputs is None:  # made before schema 0004, which kept too little
            continue
        before = _assessed(session, load, known, standards.of(session, load))
        try:
            yield Compared(load, outcome(before), outcome(_assessed(session, load, known, other)))
        except (ObservationError, JudgedError, QuantityError) as error:
            yield Compared(load, outcome(before), None, str(error))


def _assessed(session: Session, load: Load, known: Assessment, standard: Standard) -> LoadAssessment:
    seen, _ = grabs.placed(session, load, standard, from_json(known.observation))
    return inputs_from(known.inputs or "").assess(seen, standard)


def outcome(assessed: LoadAssessment) -> dict[str, Any]:
    """What is compared of an assessment; `amount` None where the standard has no price for it."""
    truck = assessed.to_report()["truck"]
    money, _ = tickets.worth(assessed)
    return {
        "grade": truck["grade"],
        "decision": truck["decision"],
        "deduction_percent": truck["deduction"]["percent_of_net"],
        "deduction_kg": truck["deduction"]["kg"],
        "amount": money and money["amount"],
        "currency": money and money["currency"],
    }
