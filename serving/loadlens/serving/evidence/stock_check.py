"""The stock of waste against its postings: it is what they add up to, container by container and place by place."""

from collections.abc import Iterator

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from loadlens.serving.evidence.finding import Finding
from loadlens.serving.store.waste_tables import WastePosting, WasteStock
from loadlens.waste.ledger import OUTSIDE


def check_stock(session: Session) -> Iterator[Finding]:
    """What is wrong with the stock; the postings themselves are vouched for by the journal."""
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
