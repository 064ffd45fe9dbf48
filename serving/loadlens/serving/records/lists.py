"""Lists of loads, newest first, a page at a time: the next page begins behind the last load of this one.

Every filter has an index that ends in the time, so a page costs the same among a hundred loads and a hundred thousand.
"""

import base64
import binascii
import json
from dataclasses import dataclass

from sqlalchemy import Select, select, tuple_
from sqlalchemy.orm import Session

from loadlens.serving.lifecycle import State
from loadlens.serving.load_errors import UnacceptableError
from loadlens.serving.store.tables import Load, LoadWord


@dataclass(frozen=True, slots=True)
class Filter:
    """Which loads are listed; None: whatever it is. `word` is one word of the id, plate, supplier or note."""

    status: State | None = None
    lane: str | None = None
    supplier: str | None = None
    plate: str | None = None
    word: str | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """Some loads, newest first, and where the next page begins; None: there is none."""

    loads: list[Load]
    next_cursor: str | None


def page(session: Session, which: Filter, cursor: str | None, limit: int) -> Page:
    """One page. Raises UnacceptableError for a cursor that no page has given."""
    query = _matching(which)
    # With a word it is the table of words that has the right index.
    key = (Load.created_at, Load.id) if which.word is None else (LoadWord.created_at, LoadWord.load_id)
    if cursor is not None:
        query = query.where(tuple_(*key) < tuple_(*_position(cursor)))
    found = list(session.scalars(query.order_by(key[0].desc(), key[1].desc()).limit(limit + 1)))
    more = len(found) > limit
    return Page(found[:limit], _cursor(found[limit - 1]) if more else None)


def _matching(which: Filter) -> Select[Load]:
    query = select(Load)
    if which.word is not None:
        query = query.join(LoadWord, LoadWord.load_id == Load.id).where(LoadWord.word == which.word.casefold())
    named = {"status": which.status, "lane": which.lane, "supplier": which.supplier, "plate": which.plate}
    return query.filter_by(**{name: value for name, value in named.items() if value is not None})


def _cursor(load: Load) -> str:
    return base64.urlsafe_b64encode(json.dumps([load.created_at, load.id]).encode()).decode()


def _position(cursor: str) -> tuple[str, str]:
    try:
        created_at, load_id = json.loads(base64.urlsafe_b64decode(cursor))
    except (binascii.Error, ValueError, TypeError):
        raise UnacceptableError("this cursor is none of ours; take next_cursor of the page before") from None
    if not isinstance(created_at, str) or not isinstance(load_id, str):
        raise UnacceptableError("this cursor is none of ours; take next_cursor of the page before")
    return created_at, load_id
