"""Reviews: a person decides on a load. Appended, never edited; a correction leads to a new assessment."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Literal

from sqlalchemy import select
from sqlalchemy.orm import Session

from loadlens.grading.standard import Standard
from loadlens.serving.canonical import canonical_json
from loadlens.serving.load_errors import ConflictError
from loadlens.serving.records import assessments, claims, loads, second_opinions
from loadlens.serving.store import journal
from loadlens.serving.store.tables import Assessment, Load, Review

Decision = Literal["accept", "correct", "stop"]


def add(
    session: Session,
    load: Load,
    standard: Standard | None,
    *,
    decision: Decision,
    reason: str,
    correction: Mapping[str, Any] | None,
    actor: str,
) -> Review:
    """Record a decision on the newest assessment. A correction is assessed first: the review leaves its version.

    `standard` is needed for a correction alone. The review ends the claim on the load. Raises ConflictError where there
    is nothing to decide on, ClaimedError where somebody else has claimed the load, UnacceptableError for a correction
    that cannot be. Whoever sees a danger may stop a load, whoever works on it.
    """
    if decision != "stop":
        claims.check(session, load.id, actor=actor, at=datetime.now(UTC))
        second_opinions.check_may_decide(session, load.id, actor)
    known = decided_on(session, load)
    text = None if correction is None else canonical_json(correction)
    if text is not None and standard is not None:
        known = assessments.correct(session, load, standard, known, text, actor=actor)
    review = Review(
        load_id=load.id, version=known.version, decision=decision, reason=reason, correction=text, actor=actor
    )
    session.add(review)
    body = {"decision": decision, "version": known.version}
    journal.append(session, "review.recorded", f"load:{load.id}", body, actor, rows=[review])
    loads.move(session, load, "review", actor=actor, reason=reason)
    claims.end(session, load.id)
    return review


def decided_on(session: Session, load: Load) -> Assessment:
    """The assessment that a decision would be about; ConflictError where there is nothing to decide on."""
    known = assessments.newest(session, load.id)
    if known is None:
        raise ConflictError(f"load {load.id} is {load.status}; it is reviewed once it was graded")
    loads.check_move(load, "review")
    return known


def of_load(session: Session, load_id: str) -> list[Review]:
    """The reviews of a load, oldest first."""
    return list(session.scalars(select(Review).where(Review.load_id == load_id).order_by(Review.id)))
