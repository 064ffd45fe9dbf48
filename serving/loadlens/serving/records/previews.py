"""What a review would lead to, computed as the review itself computes it; nothing is recorded."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from loadlens.grading.standard import Standard
from loadlens.serving.canonical import canonical_json
from loadlens.serving.load_errors import ConflictError
from loadlens.serving.records import assessments, reviews, tickets
from loadlens.serving.records.reviews import Decision
from loadlens.serving.store.tables import Assessment, Load


@dataclass(frozen=True, slots=True)
class Outcome:
    """One version: its report and what a ticket without adjustments would pay; or, without money, why."""

    version: int
    report: dict[str, Any]
    money: dict[str, Any] | None
    no_money: str | None


def preview(
    session: Session, load: Load, standard: Standard, decision: Decision, correction: Mapping[str, Any] | None
) -> tuple[Outcome, Outcome]:
    """The load as it is and as the review would leave it. Raises what `reviews.add` raises."""
    known = reviews.decided_on(session, load)
    before = _as_it_is(session, load, standard, known)
    if decision == "stop":
        stopped = "a load that a person has stopped is not settled"
        return before, Outcome(before.version, before.report, None, stopped)
    if correction is None:
        return before, before
    assessed = assessments.with_correction(session, load, standard, known, canonical_json(correction)).result
    version = known.version + 1
    return before, Outcome(version, assessments.report_of(session, load, assessed, version), *tickets.worth(assessed))


def _as_it_is(session: Session, load: Load, standard: Standard, known: Assessment) -> Outcome:
    report = json.loads(known.report)
    try:
        return Outcome(known.version, report, *tickets.worth(assessments.recomputed(session, load, standard, known)))
    except ConflictError as error:  # made by other software: its report stands, but nothing can be paid by it
        return Outcome(known.version, report, None, str(error))
