"""The queue: loads that wait for a person, in the order of `results`, a page at a time."""

import base64
import binascii
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, NamedTuple

from sqlalchemy import Select, and_, exists, func, or_, select
from sqlalchemy.orm import Session

from loadlens.serving.load_errors import UnacceptableError
from loadlens.serving.store.queue_tables import Claim, LoadResult
from loadlens.serving.store.tables import Load, LoadFlag

Claimed = Literal["nobody", "me", "others"]


@dataclass(frozen=True, slots=True)
class Filter:
    """Which loads of the queue are shown; None: whatever it is. `flag` is the code of a reason to look."""

    lane: str | None = None
    supplier: str | None = None
    flag: str | None = None
    claimed: Claimed | None = None


class Entry(NamedTuple):
    """A load that waits, what its newest assessment says, and who has claimed it."""

    result: LoadResult
    load: Load
    claim: Claim | None


@dataclass(frozen=True, slots=True)
class Page:
    """Some loads that wait, what matters most first; how many there are in all; and where the next page begins."""

    entries: list[Entry]
    total: int
    next_cursor: str | None


def page(session: Session, which: Filter, cursor: str | None, limit: int, *, actor: str, at: datetime) -> Page:
    """One page as `actor` sees it. Raises UnacceptableError for a cursor that no page has given."""
    in_force = and_(Claim.load_id == LoadResult.load_id, Claim.expires_at > at.isoformat(timespec="milliseconds"))
    query = _matching(
        select(LoadResult, Load, Claim).join(Load, Load.id == LoadResult.load_id).outerjoin(Claim, in_force),
        which,
        actor,
    )
    total = session.scalars(query.with_only_columns(func.count())).one()
    if cursor is not None:
        query = query.where(LoadResult.rank > _position(cursor))
    rows = session.execute(query.order_by(LoadResult.rank).limit(limit + 1))
    found = [Entry(result, load, claim) for result, load, claim in rows]
    more = len(found) > limit
    return Page(found[:limit], total, _cursor(found[limit - 1].result.rank) if more else None)


def _matching(query: Select[LoadResult, Load, Claim], which: Filter, actor: str) -> Select[LoadResult, Load, Claim]:
    query = query.where(LoadResult.waiting)
    if which.lane is not None:
        query = query.where(Load.lane == which.lane)
    if which.supplier is not None:
        query = query.where(Load.supplier == which.supplier)
    if which.flag is not None:
        noted = exists().where(LoadFlag.load_id == LoadResult.load_id, LoadFlag.code == which.flag)
        query = query.where(or_(LoadResult.codes.contains(f",{which.flag},", autoescape=True), noted))
    if which.claimed == "nobody":
        query = query.where(Claim.load_id.is_(None))
    elif which.claimed == "me":
        query = query.where(Claim.holder == actor)
    elif which.claimed == "others":
        query = query.where(Claim.holder != actor)
    return query


def _cursor(rank: str) -> str:
    return base64.urlsafe_b64encode(rank.encode()).decode()


def _position(cursor: str) -> str:
    try:
        return base64.urlsafe_b64decode(cursor).decode()
    except (binascii.Error, ValueError):
        raise UnacceptableError("this cursor is none of ours; take next_cursor of the page before") from None
