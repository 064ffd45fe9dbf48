"""The queue: loads that wait for a person, in the order of `results`, a page at a time."""

import base64
import binascii
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, NamedTuple

from sqlalchemy import ColumnElement, and_, func, literal, or_, select
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
    wanted = _conditions(which, actor, at)
    total = session.scalars(select(func.count()).select_from(LoadResult).where(*wanted)).one()
    query = (
        select(LoadResult, Load, Claim)
        .join(Load, Load.id == LoadResult.load_id)
        .outerjoin(Claim, and_(*_in_force(at)))
        .where(*wanted)
    )
    if cursor is not None:
        query = query.where(LoadResult.rank > _position(cursor))
    rows = session.execute(query.order_by(LoadResult.rank).limit(limit + 1))
    found = [Entry(result, load, claim) for result, load, claim in rows]
    more = len(found) > limit
    return Page(found[:limit], total, _cursor(found[limit - 1].result.rank) if more else None)


def _conditions(which: Filter, actor: str, at: datetime) -> list[ColumnElement[bool]]:
    """What holds of the rows that are shown. Each looks things up row by row, so that the rows come by the index that
    sorts those that wait, and not by one of all the loads there ever were."""
    conditions: list[ColumnElement[bool]] = [LoadResult.waiting.is_(True)]
    for column, value in ((Load.lane, which.lane), (Load.supplier, which.supplier)):
        if value is not None:
            conditions.append(_there_is(Load.id == LoadResult.load_id, column == value))
    if which.flag is not None:
        noted = _there_is(LoadFlag.load_id == LoadResult.load_id, LoadFlag.code == which.flag)
        conditions.append(or_(LoadResult.codes.contains(f",{which.flag},", autoescape=True), noted))
    if which.claimed == "nobody":
        conditions.append(~_there_is(*_in_force(at)))
    elif which.claimed is not None:
        holder = Claim.holder == actor if which.claimed == "me" else Claim.holder != actor
        conditions.append(_there_is(*_in_force(at), holder))
    return conditions


def _there_is(*conditions: ColumnElement[bool]) -> ColumnElement[bool]:
    return select(literal(1)).where(*conditions).correlate(LoadResult).exists()


def _in_force(at: datetime) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return Claim.load_id == LoadResult.load_id, Claim.expires_at > at.isoformat(timespec="milliseconds")


def _cursor(rank: str) -> str:
    return base64.urlsafe_b64encode(rank.encode()).decode()


def _position(cursor: str) -> str:
    try:
        return base64.urlsafe_b64decode(cursor).decode()
    except (binascii.Error, ValueError):
        raise UnacceptableError("this cursor is none of ours; take next_cursor of the page before") from None
