"""What each plant has to plan and report in a year, by the class that its ledger says it is of."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, tzinfo

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from loadlens.serving.records.waste_books import UNIT_LENGTH
from loadlens.serving.store.waste_tables import WasteContainer, WasteEntry, WastePosting
from loadlens.waste.codes import CodeError, code_list
from loadlens.waste.ledger import PRODUCTION, TREATED
from loadlens.waste.reporting import Due, ProducerClass, due, producer_class


@dataclass(frozen=True, slots=True)
class Calendar:
    """A plant (`unit`), its class, the grams of hazardous waste that the class rests on, by year, and what is due."""

    unit: str
    kind: ProducerClass
    produced: dict[int, int]
    treats_itself: bool
    due: list[Due]


def calendars(session: Session, year: int, clock: tzinfo, *, permits: frozenset[str]) -> list[Calendar]:
    """For every plant in the ledger. Its class follows from the greater of this year and the one before.

    `clock`: where a day begins; `permits`: the plants that hold a permit, which no ledger tells.
    """
    produced = {one: _hazardous(session, PRODUCTION, one, clock) for one in (year - 1, year)}
    treated = [_hazardous(session, TREATED, one, clock) for one in (year - 1, year)]
    found = []
    for unit in sorted({unit for sums in (*produced.values(), *treated) for unit in sums}):
        grams = {one: -sums.get(unit, 0) for one, sums in produced.items()}
        treats = any(sums.get(unit, 0) > 0 for sums in treated)
        kind = producer_class(max(grams.values()), treats_itself=treats, holds_permit=unit in permits)
        found.append(Calendar(unit, kind, grams, treats, due(kind, year)))
    return found


def moment(day: date, clock: tzinfo) -> datetime:
    """When a day begins."""
    return datetime(day.year, day.month, day.day, tzinfo=clock)


def _hazardous(session: Session, place: str, year: int, clock: tzinfo) -> dict[str, int]:
    """Grams of hazardous waste that came to a place in a year, by unit; a correction counts when it was made."""
    begin, end = (moment(date(one, 1, 1), clock).astimezone(UTC).isoformat() for one in (year, year + 1))
    box, unit = WasteContainer, func.substr(WasteContainer.identity, 1, UNIT_LENGTH).label("unit")
    query = (
        select(unit, box.list_id, box.code, func.sum(WastePosting.grams).label("grams"))
        .join(box, box.identity == WastePosting.container)
        .join(WasteEntry, WasteEntry.number == WastePosting.number)
        .where(WastePosting.place == place, WasteEntry.made_at >= begin, WasteEntry.made_at < end)
        .group_by("unit", box.list_id, box.code)
    )
    sums: dict[str, int] = {}
    for row in session.execute(query):
        if _is_hazardous(row.list_id, row.code):
            sums[row.unit] = sums.get(row.unit, 0) + int(row.grams)
    return sums


def _is_hazardous(list_id: str, code: str) -> bool:
    """Whether a list says so; a code that this program no longer has counts, so that nothing is reported too late."""
    try:
        return code_list(list_id).find(code).hazardous is not False
    except CodeError:
        return True
