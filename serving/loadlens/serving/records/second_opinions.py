"""Second opinions: a load stays in the queue until somebody else than who asked has decided on it."""

from sqlalchemy import exists, func, select
from sqlalchemy.orm import Session

from loadlens.serving.lifecycle import allows
from loadlens.serving.load_errors import ConflictError
from loadlens.serving.records import loads
from loadlens.serving.store import journal
from loadlens.serving.store.queue_tables import SecondOpinion
from loadlens.serving.store.tables import Load, Review


def asked(session: Session, load_id: str) -> SecondOpinion | None:
    """The request for a second opinion that nobody has answered with a review."""
    of_load = select(SecondOpinion).where(SecondOpinion.load_id == load_id)
    newest = session.scalars(of_load.order_by(SecondOpinion.id.desc()).limit(1)).first()
    if newest is None:
        return None
    decided = select(exists().where(Review.load_id == load_id, Review.id > newest.after_review))
    return None if session.scalars(decided).one() else newest


def ask(session: Session, load: Load, *, actor: str, reason: str) -> SecondOpinion:
    """Put a load before somebody else. ConflictError where that is asked already or there is nothing to decide on."""
    loads.check_move(load, "review")
    if (pending := asked(session, load.id)) is not None:
        raise ConflictError(f"{pending.actor} has asked for a second opinion on load {load.id} already")
    last = session.scalars(select(func.max(Review.id)).where(Review.load_id == load.id)).one()
    request = SecondOpinion(load_id=load.id, actor=actor, reason=reason, after_review=last or 0)
    session.add(request)
    journal.append(session, "second_opinion.asked", f"load:{load.id}", {}, actor, rows=[request])
    if allows(load.status, "flag"):
        loads.move(session, load, "flag", actor=actor, reason=f"a second opinion is asked for: {reason}")
    return request


def check_may_decide(session: Session, load_id: str, actor: str) -> None:
    """Raise ConflictError for who has asked for a second opinion on a load: that is somebody else's."""
    pending = asked(session, load_id)
    if pending is not None and pending.actor == actor:
        raise ConflictError(f"you have asked for a second opinion on load {load_id}; somebody else decides on it now")
