"""How old the waste in a container is: when the oldest of what may be in it came into the ledger.

Repacking does not make waste younger: what a container was filled from counts too, and what that was filled from.
Corrections, and what they took back, do not count.
"""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session, aliased

from loadlens.serving.records.waste_entries import among
from loadlens.serving.store.waste_tables import WasteContainer, WasteEntry, WastePosting
from loadlens.waste.ledger import OUTSIDE, Entry

# Other stages only carry waste from place to place.
_CHANGING = ("produced", "reweighed", "repacked", "corrected")


def since(session: Session, containers: Iterable[str]) -> dict[str, str]:
    """By container that ever held something: when the oldest waste that may be in it came (UTC, ISO 8601)."""
    found: dict[str, str] = {}
    for condition in among(WasteContainer.identity, containers):
        family = _begun(condition)
        got, gave = aliased(WastePosting), aliased(WastePosting)
        filled = (
            select(family.c.container, gave.container)
            .join(got, (got.container == family.c.reached) & (got.grams > 0))
            .join(WasteEntry, (WasteEntry.number == got.number) & (WasteEntry.stage == "repacked"))
            .join(gave, (gave.number == got.number) & (gave.grams < 0))
        )
        family = family.union(_standing(filled))
        # Asked source by source, by the index of postings: joined, SQLite would read the postings of the whole ledger.
        came = (
            select(func.min(WasteEntry.made_at))
            .join(WastePosting, WastePosting.number == WasteEntry.number)
            .where(WastePosting.container == family.c.reached, WastePosting.grams > 0)
            .where(WastePosting.place.not_in(OUTSIDE), WasteEntry.stage.in_(("produced", "reweighed")))
        )
        oldest = func.min(_standing(came).correlate(family).scalar_subquery())
        query = (
            select(family.c.container, oldest.label("since")).group_by(family.c.container).having(oldest.is_not(None))
        )
        found |= {row.container: row.since for row in session.execute(query)}
    return found


def touched(session: Session, entries: Iterable[Entry]) -> set[str]:
    """The containers whose waste may be older or younger after these entries, which are written already."""
    named = {one.container for entry in entries if entry.stage in _CHANGING for one in entry.postings}
    found: set[str] = set()
    for condition in among(WasteContainer.identity, named):
        heirs = _begun(condition)
        gave, got = aliased(WastePosting), aliased(WastePosting)
        filled = (
            select(heirs.c.container, got.container)
            .join(gave, (gave.container == heirs.c.reached) & (gave.grams < 0))
            .join(WasteEntry, (WasteEntry.number == gave.number) & (WasteEntry.stage == "repacked"))
            .join(got, (got.number == gave.number) & (got.grams > 0))
        )
        found.update(session.scalars(select(heirs.union(filled).c.reached).distinct()))
    return found


def _begun(condition: Any) -> Any:
    """Containers, each of which reaches itself: what a recursion begins with."""
    itself = select(WasteContainer.identity.label("container"), WasteContainer.identity.label("reached"))
    return itself.where(condition).cte("family", recursive=True)


def _standing(query: Select[Any]) -> Select[Any]:
    """The same of entries that were not taken back."""
    # Not "takes_back is null", which SQLite would answer by its index: with nearly every entry there is.
    back = aliased(WasteEntry)
    return query.outerjoin(back, back.takes_back == WasteEntry.id).where(back.id.is_(None))
