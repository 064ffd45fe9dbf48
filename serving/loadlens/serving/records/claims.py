"""Claims: one person at a time works on a load. Whoever does nothing for a while lets go of it by that."""

from datetime import datetime, timedelta

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from loadlens.serving.load_errors import ClaimedError, ConflictError
from loadlens.serving.records import loads, second_opinions
from loadlens.serving.store import journal
from loadlens.serving.store.queue_tables import Claim
from loadlens.serving.store.tables import JournalRecord, Load

_LOOKS = ("load.claimed", "review.recorded", "opinion.recorded", "second_opinion.asked")


def in_force(session: Session, load_id: str, at: datetime) -> Claim | None:
    """The claim on a load, if nobody has let go of it and it has not run out."""
    claim = session.get(Claim, load_id)
    return claim if claim is not None and claim.expires_at > _text(at) else None


def take(
    session: Session,
    load: Load,
    *,
    actor: str,
    at: datetime,
    lasts: timedelta,
    take_over: bool = False,
    blind: bool = False,
) -> tuple[Claim, bool]:
    """Claim a load, or renew one's own claim: then the second value is False, and it stays blind or not as it is.

    Raises ConflictError where the load is not one to decide on, or is to be graded blind by who has looked at it;
    ClaimedError where somebody else has it; with `take_over` it is taken from them, which is on record.
    """
    loads.check_move(load, "review")
    second_opinions.check_may_decide(session, load.id, actor)
    held = in_force(session, load.id, at)
    if held is not None and held.holder == actor:
        held.expires_at = _text(at + lasts)
        return held, False
    if held is not None and not take_over:
        raise ClaimedError(load.id, held.holder, held.expires_at)
    if blind and _has_looked(session, load.id, actor):
        raise ConflictError(f"you have worked on load {load.id} before; blind is for who has not seen it")
    about = {"holder": actor, "taken_from": held and held.holder, "blind": blind}
    claim = session.get(Claim, load.id) or Claim(load_id=load.id)
    claim.holder, claim.since, claim.expires_at = actor, _text(at), _text(at + lasts)
    claim.blind = blind
    session.add(claim)
    journal.append(session, "load.claimed", f"load:{load.id}", about, actor)
    return claim, True


def let_go(session: Session, load_id: str, *, actor: str, at: datetime) -> None:
    """Let go of one's claim; nothing happens where there is none. ClaimedError where it is another's."""
    check(session, load_id, actor=actor, at=at)
    if in_force(session, load_id, at) is not None:
        end(session, load_id)
        journal.append(session, "load.unclaimed", f"load:{load_id}", {"holder": actor}, actor)


def check(session: Session, load_id: str, *, actor: str, at: datetime) -> None:
    """Raise ClaimedError where somebody else has claimed a load."""
    held = in_force(session, load_id, at)
    if held is not None and held.holder != actor:
        raise ClaimedError(load_id, held.holder, held.expires_at)


def end(session: Session, load_id: str) -> None:
    """The work on a load is done."""
    if (claim := session.get(Claim, load_id)) is not None:
        session.delete(claim)
        session.flush()


def _has_looked(session: Session, load_id: str, actor: str) -> bool:
    """Whether a person has claimed or reviewed a load before."""
    did = (JournalRecord.subject == f"load:{load_id}", JournalRecord.actor == actor, JournalRecord.kind.in_(_LOOKS))
    return session.scalars(select(exists().where(*did))).one()


def _text(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds")
