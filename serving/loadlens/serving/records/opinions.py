"""Opinions: what a person thinks of a load, and from whom the opinions of others are withheld until they have said so.

Withheld is only what the machine and people think. Hazards, weights and what was declared are facts that everybody
needs. What a person has seen before they claimed a load is not known here: the first claim counts as the first look.
"""

from datetime import datetime
from decimal import Decimal

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from loadlens.grading.standard import Standard
from loadlens.serving.load_errors import ConflictError, UnacceptableError
from loadlens.serving.records import claims, reviews, second_opinions
from loadlens.serving.store import journal
from loadlens.serving.store.queue_tables import Claim, LoadResult, Opinion, SecondOpinion
from loadlens.serving.store.tables import Load

_SAY = "say what you think first (POST /v1/loads/{id}/opinions)"


def withheld_from(session: Session, load_id: str, actor: str, at: datetime) -> str | None:
    """Why the opinions of others on a load are withheld from a person who may decide on it; None: they are not."""
    claim = claims.in_force(session, load_id, at)
    if claim is not None and claim.holder == actor and claim.blind:
        return f"you have claimed this load to grade it blind; {_SAY}"
    request = second_opinions.asked(session, load_id)
    if request is None or request.actor == actor:
        return None
    given = select(exists().where(Opinion.answers == request.id, Opinion.rater == actor))
    return None if session.scalars(given).one() else f"a second opinion is asked for; {_SAY}"


def check_seen(session: Session, load_id: str, actor: str, at: datetime) -> None:
    """Raise ConflictError where the opinions of others on a load are withheld from a person."""
    if (why := withheld_from(session, load_id, actor, at)) is not None:
        raise ConflictError(f"what others think of load {load_id} is withheld: {why}")


def may_be_withheld(session: Session, actor: str) -> set[str]:
    """The loads of which opinions may be withheld from a person: few, to be asked about one by one."""
    blind = select(Claim.load_id).where(Claim.holder == actor, Claim.blind)
    asked = (
        select(SecondOpinion.load_id)
        .join(LoadResult, LoadResult.load_id == SecondOpinion.load_id)
        .where(LoadResult.waiting)
    )
    return {*session.scalars(blind), *session.scalars(asked)}


def give(
    session: Session,
    load: Load,
    standard: Standard,
    *,
    actor: str,
    grade: str | None,
    deduction_percent: Decimal | None,
    note: str,
    at: datetime,
) -> Opinion:
    """Record what a person thinks; from now on they see what others do.

    Raises ConflictError where there is nothing to think of, ClaimedError where somebody else works on it,
    UnacceptableError for a grade that the load's standard does not have.
    """
    claims.check(session, load.id, actor=actor, at=at)
    known = reviews.decided_on(session, load)
    if grade is not None and standard.grade(grade) is None:
        raise UnacceptableError(f"{standard.id} has no grade {grade!r}; there are {', '.join(_codes(standard))}")
    blind = withheld_from(session, load.id, actor, at) is not None
    request = second_opinions.asked(session, load.id)
    result = session.get_one(LoadResult, load.id)
    opinion = Opinion(
        load_id=load.id,
        version=known.version,
        rater=actor,
        grade=grade,
        deduction_percent=None if deduction_percent is None else f"{deduction_percent:f}",
        note=note,
        blind=blind,
        answers=request.id if request is not None and request.actor != actor else None,
        machine_grade=result.machine_grade,
        machine_percent=result.machine_percent,
    )
    session.add(opinion)
    journal.append(session, "opinion.recorded", f"load:{load.id}", {}, actor, rows=[opinion])
    claim = claims.in_force(session, load.id, at)
    if claim is not None:
        claim.blind = False
    return opinion


def of_load(session: Session, load_id: str) -> list[Opinion]:
    """The opinions on a load, oldest first."""
    return list(session.scalars(select(Opinion).where(Opinion.load_id == load_id).order_by(Opinion.id)))


def _codes(standard: Standard) -> list[str]:
    return [grade.code for grade in standard.grades]
