"""The stock and the balances of waste against its postings: they are what these add up to."""

from collections.abc import Iterator

from sqlalchemy import case, func, literal, select
from sqlalchemy.orm import Session

from loadlens.serving.evidence.finding import Finding
from loadlens.serving.records import waste_ages
from loadlens.serving.records.waste_books import UNIT_LENGTH
from loadlens.serving.store.waste_tables import WasteBalance, WasteContainer, WasteEntry, WastePosting, WasteStock
from loadlens.waste.ledger import OUTSIDE


def check_stock(session: Session) -> Iterator[Finding]:
    """What is wrong with the stock and its age; the postings themselves are vouched for by the journal."""
    total = func.sum(WastePosting.grams)
    posted = (
        select(WastePosting.container, WastePosting.place, total.label("grams"))
        .where(WastePosting.place.not_in(OUTSIDE))
        .group_by(WastePosting.container, WastePosting.place)
        .subquery()
    )
    same = (WasteStock.container == posted.c.container) & (WasteStock.place == posted.c.place)
    kept = func.coalesce(WasteStock.grams, 0)
    differing = select(posted.c.container, posted.c.place, kept.label("kept"), posted.c.grams)
    for row in session.execute(differing.outerjoin(WasteStock, same).where(kept != posted.c.grams)):
        yield Finding(
            f"waste_stock {row.container} / {row.place}", f"is {row.kept} g, but its entries add up to {row.grams} g"
        )
    unposted = select(WasteStock).outerjoin(posted, same).where(posted.c.grams.is_(None), WasteStock.grams != 0)
    for stock in session.scalars(unposted):
        yield Finding(f"waste_stock {stock.container} / {stock.place}", f"is {stock.grams} g, which no entry put there")

    kept_ages = session.execute(select(WasteStock.container, WasteStock.place, WasteStock.since)).all()
    right = waste_ages.since(session, (row.container for row in kept_ages))
    for container, place, since in kept_ages:
        if since != right.get(container):
            why = f"is said to be there since {since}, but by its entries since {right.get(container)}"
            yield Finding(f"waste_stock {container} / {place}", why)


def check_balances(session: Session) -> Iterator[Finding]:
    """What is wrong with the balances by unit, place, code and year: grams by the postings, containers by the stock."""
    unit, box = func.substr(WasteContainer.identity, 1, UNIT_LENGTH).label("unit"), WasteContainer
    year = case((WastePosting.place.in_(OUTSIDE), func.substr(WasteEntry.made_at, 1, 4)), else_="").label("year")
    posted = (
        select(unit, WastePosting.place, box.list_id, box.code, year, func.sum(WastePosting.grams))
        .join(box, box.identity == WastePosting.container)
        .join(WasteEntry, WasteEntry.number == WastePosting.number)
        .group_by("unit", WastePosting.place, box.list_id, box.code, "year")
    )
    standing = (
        select(unit, WasteStock.place, box.list_id, box.code, literal(""), func.count())
        .join(box, box.identity == WasteStock.container)
        .where(WasteStock.grams > 0)
        .group_by("unit", WasteStock.place, box.list_id, box.code)
    )
    grams = {tuple(key): int(total) for *key, total in session.execute(posted)}
    count = {tuple(key): total for *key, total in session.execute(standing)}
    rows = session.scalars(select(WasteBalance))
    kept = {(row.unit, row.place, row.list_id, row.code, row.year): row for row in rows}
    for key in sorted(grams.keys() | count.keys() | kept.keys()):
        said = (kept[key].grams, kept[key].containers) if key in kept else (0, 0)
        if said != (right := (grams.get(key, 0), count.get(key, 0))):
            why = "is {} g in {} containers, but its entries add up to {} g in {}".format(*said, *right)
            yield Finding(f"waste_balances {' / '.join(filter(None, key))}", why)
