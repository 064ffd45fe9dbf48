"""How old the waste in a container is: when the oldest of what may be in it came into the ledger.

Repacking does not make waste younger: what a container was filled from counts too, and what that was filled from.
Corrections, and what they took back, do not count.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from sqlalchemy import ScalarSelect, func, select
from sqlalchemy.orm import InstrumentedAttribute, Session, aliased

from loadlens.serving.records.waste_entries import among
from loadlens.serving.store.waste_tables import WasteEntry, WastePosting
from loadlens.waste.ledger import OUTSIDE, Entry

# Other stages only carry waste from place to place.
_CHANGING = ("produced", "reweighed", "repacked", "corrected")
_Step = Callable[[Session, set[str]], Iterator[tuple[str, str]]]


def since(session: Session, containers: Iterable[str]) -> dict[str, str]:
    """By container that ever held something: when the oldest waste that may be in it came (UTC, ISO 8601)."""
    families = _families(session, containers, _sources)
    came = dict(_came(session, {one for family in families.values() for one in family}))
    ages = {one: [came[member] for member in family if member in came] for one, family in families.items()}
    return {one: min(moments) for one, moments in ages.items() if moments}


def touched(session: Session, entries: Iterable[Entry]) -> set[str]:
    """The containers whose waste may be older or younger after these entries, which are written already."""
    named = {one.container for entry in entries if entry.stage in _CHANGING for one in entry.postings}
    return {one for family in _families(session, named, _heirs).values() for one in family}


def _families(session: Session, containers: Iterable[str], step: _Step) -> dict[str, set[str]]:
    """Each of these containers with all that it reaches step by step, itself among them."""
    # Not one recursive query: PostgreSQL cannot tell how much it reaches, and would read every repacking there is.
    families = {one: {one} for one in containers}
    begun_at = {one: {one} for one in families}
    while begun_at:
        reached: defaultdict[str, set[str]] = defaultdict(set)
        for one, following in step(session, set(begun_at)):
            reached[following] |= {begin for begin in begun_at[one] if following not in families[begin]}
        begun_at = {one: begins for one, begins in reached.items() if begins}
        for one, begins in begun_at.items():
            for begin in begins:
                families[begin].add(one)
    return families


def _sources(session: Session, containers: set[str]) -> Iterator[tuple[str, str]]:
    """Containers with each of those that they were filled from."""
    got, gave = aliased(WastePosting), aliased(WastePosting)
    return _repacked(session, containers, got, gave, (got.grams > 0) & (gave.grams < 0))


def _heirs(session: Session, containers: set[str]) -> Iterator[tuple[str, str]]:
    """Containers with each of those that were filled from them."""
    gave, got = aliased(WastePosting), aliased(WastePosting)
    return _repacked(session, containers, gave, got, (gave.grams < 0) & (got.grams > 0))


def _repacked(session: Session, containers: set[str], known: Any, other: Any, signs: Any) -> Iterator[tuple[str, str]]:
    for condition in among(known.container, containers):
        query = (
            select(known.container, other.container)
            .join(other, other.number == known.number)
            .where(condition, signs, _standing(known.number, WasteEntry.stage) == "repacked")
        )
        yield from session.execute(query)


def _came(session: Session, containers: set[str]) -> Iterator[tuple[str, str]]:
    """Containers that were filled at their place of origin or weighed again, with when that was done first."""
    for condition in among(WastePosting.container, containers):
        filled = WastePosting.grams > 0, WastePosting.place.not_in(OUTSIDE)
        is_origin = _standing(WastePosting.number, WasteEntry.stage).in_(("produced", "reweighed"))
        made_at = func.min(_standing(WastePosting.number, WasteEntry.made_at))
        query = select(WastePosting.container, made_at).where(condition, *filled, is_origin)
        yield from session.execute(query.group_by(WastePosting.container))


def _standing(number: Any, what: InstrumentedAttribute[str]) -> ScalarSelect[str]:
    """What the entry of a number says; null where it was taken back."""
    # Asked entry by entry: joined, PostgreSQL would begin with every entry of a stage for a single container.
    back = aliased(WasteEntry)
    query = select(what).outerjoin(back, back.takes_back == WasteEntry.id)
    return query.where(WasteEntry.number == number, back.id.is_(None)).scalar_subquery()
