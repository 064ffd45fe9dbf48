"""What stands on site, container by container, a page at a time."""

from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from loadlens.serving.store.database import begins_with
from loadlens.serving.store.waste_tables import WasteContainer, WasteStock


def standing(
    session: Session, *, place: str | None, code: str | None, after: tuple[str, str], limit: int
) -> list[dict[str, Any]]:
    """Grams of each container at each place with more than none, behind `after` (container, place).

    `place` also means the zones of a room.
    """
    here = (WasteStock.container, WasteStock.place)
    query = (
        select(*here, WasteStock.grams, WasteContainer.list_id, WasteContainer.code, WasteContainer.name)
        .join(WasteContainer, WasteContainer.identity == WasteStock.container)
        .where(or_(WasteStock.container > after[0], (WasteStock.container == after[0]) & (WasteStock.place > after[1])))
        .order_by(*here)
        .limit(limit)
    )
    if place is not None:
        query = query.where(or_(WasteStock.place == place, begins_with(WasteStock.place, f"{place}/")))
    if code is not None:
        query = query.where(WasteContainer.code == code)
    return [
        {
            "container": row.container,
            "list": row.list_id,
            "code": row.code,
            "name": row.name,
            "place": row.place,
            "grams": row.grams,
        }
        for row in session.execute(query)
    ]
