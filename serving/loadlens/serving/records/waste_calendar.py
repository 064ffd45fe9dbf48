"""What each plant has to plan and report in a year, by the class that its ledger says it is of."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, tzinfo

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from loadlens.serving.records.waste_books import UNIT_LENGTH
from loadlens.serving.store.waste_tables import WasteBalance, WasteContainer, WasteEntry, WastePosting
from loadlens.waste.codes import CodeError, code_list
from loadlens.waste.ledger import PRODUCTION, TREATED
from loadlens.waste.reporting import Due, ProducerClass, due, producer_class

# Where what the class rests on comes from or goes.
_PLACES = (PRODUCTION, TREATED)
# Plant, list, code, place, year, grams; and grams by plant, place and year.
_Line = tuple[str, str, str, str, int, int]
_Sums = Mapping[tuple[str, str, int], int]


@dataclass(frozen=True, slots=True)
class Calendar:
    """A plant (`unit`), its class, the grams of hazardous waste that the class rests on, by year, and what is due."""

    unit: str
    kind: ProducerClass
    produced: dict[int, int]
    treats_itself: bool
    holds_permit: bool
    due: list[Due]


def calendars(
    session: Session, year: int, clock: tzinfo, *, permits: frozenset[str], due_from: date | None = None
) -> list[Calendar]:
    """For every plant with hazardous waste in a year or the one before: the greater of the two makes its class.

    `clock`: where a day begins; `permits`: the plants that hold a permit, which no ledger tells. With `due_from` also
    what is due about the year before, and nothing that was due before that day.
    """
    sums = _hazardous(session, range(year - 2, year + 1), clock)
    found = {one: {made.unit: made for made in _of_year(sums, one, permits)} for one in (year - 1, year)}
    if due_from is None:
        return list(found[year].values())
    return [_still(now, found[year - 1].get(unit), due_from) for unit, now in found[year].items()]


def _of_year(sums: _Sums, year: int, permits: frozenset[str]) -> Iterator[Calendar]:
    both = (year - 1, year)
    for unit in sorted({unit for unit, _, one in sums if one in both}):
        grams = {one: -sums.get((unit, PRODUCTION, one), 0) for one in both}
        treats = any(sums.get((unit, TREATED, one), 0) > 0 for one in both)
        kind = producer_class(max(grams.values()), treats_itself=treats, holds_permit=unit in permits)
        yield Calendar(unit, kind, grams, treats, unit in permits, due(kind, year))


def _still(now: Calendar, before: Calendar | None, due_from: date) -> Calendar:
    """What is due from a day on about this year and the one before."""
    all_due = [*(before.due if before else ()), *now.due]
    return replace(now, due=sorted((one for one in all_due if one.by >= due_from), key=lambda one: one.by))


def moment(day: date, clock: tzinfo) -> datetime:
    """When a day begins."""
    return datetime(day.year, day.month, day.day, tzinfo=clock)


def _hazardous(session: Session, years: range, clock: tzinfo) -> _Sums:
    """Grams of hazardous waste at the places that make the class; a correction counts when it was made."""
    sums: defaultdict[tuple[str, str, int], int] = defaultdict(int)
    for unit, list_id, code, place, year, grams in (*_kept(session, years), *_of_another_year(session, years, clock)):
        if _is_hazardous(list_id, code):
            sums[unit, place, year] += grams
    return {key: grams for key, grams in sums.items() if grams}


def _kept(session: Session, years: range) -> Iterator[_Line]:
    """What balances say, which go by the years of UTC."""
    kept = WasteBalance
    query = select(kept.unit, kept.list_id, kept.code, kept.place, kept.year, kept.grams)
    here = query.where(kept.place.in_(_PLACES), kept.year.in_(map(str, years)))
    for unit, list_id, code, place, year, grams in session.execute(here):
        yield unit, list_id, code, place, int(year), grams


def _of_another_year(session: Session, years: range, clock: tzinfo) -> Iterator[_Line]:
    """What was entered where the year of UTC is not the one here: taken from the one and put to the other."""
    begins = [(moment(date(one, 1, 1), clock), moment(date(one, 1, 1), UTC)) for one in (*years, years.stop)]
    box, made_at = WasteContainer, WasteEntry.made_at
    unit = func.substr(box.identity, 1, UNIT_LENGTH)
    query = (
        select(unit, box.list_id, box.code, WastePosting.place, made_at, WastePosting.grams)
        .join(box, box.identity == WastePosting.container)
        .join(WasteEntry, WasteEntry.number == WastePosting.number)
        .where(WastePosting.place.in_(_PLACES))
        .where(or_(*((made_at >= _text(min(one))) & (made_at < _text(max(one))) for one in begins)))
    )
    for plant, list_id, code, place, made, grams in session.execute(query):
        at = datetime.fromisoformat(made)
        yield plant, list_id, code, place, at.year, -grams
        yield plant, list_id, code, place, at.astimezone(clock).year, grams


def _text(at: datetime) -> str:
    return at.astimezone(UTC).isoformat()


def _is_hazardous(list_id: str, code: str) -> bool:
    """Whether a list says so; a code that this program no longer has counts, so that nothing is reported too late."""
    try:
        return code_list(list_id).find(code).hazardous is not False
    except CodeError:
        return True
