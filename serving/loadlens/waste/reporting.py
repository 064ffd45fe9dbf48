"""Which class of producer a plant is, and by when it plans and reports: HJ 1259-2022, which was read.

It has three classes, by the hazardous waste of a year: key (from 100 t, or who treats it himself, or holds a permit),
simplified (from 10 t), registered (less). That a month is reported by the 15th of the next was concluded from the rule
for quarters, which says so.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Literal

ProducerClass = Literal["key", "simplified", "registered"]
_KEY_FROM_G, _SIMPLIFIED_FROM_G = 100_000_000, 10_000_000
_MONTHS_A_REPORT = {"key": 1, "simplified": 3}


@dataclass(frozen=True, slots=True)
class Due:
    """A plan or report about the days from `begin` until before `end`, due on `by`. `name`: 2026, 2026-Q4, 2026-11."""

    what: Literal["plan", "report"]
    name: str
    begin: date
    end: date
    by: date


def producer_class(grams_a_year: int, *, treats_itself: bool, holds_permit: bool) -> ProducerClass:
    """The class of a plant with so much hazardous waste a year."""
    if grams_a_year >= _KEY_FROM_G or treats_itself or holds_permit:
        return "key"
    return "simplified" if grams_a_year >= _SIMPLIFIED_FROM_G else "registered"


def due(kind: ProducerClass, year: int) -> list[Due]:
    """The plan of a year and the reports about it, in the order in which they are due."""
    whole = date(year, 1, 1), date(year + 1, 1, 1)
    plan = Due("plan", str(year), *whole, date(year, 3, 31))
    report = Due("report", str(year), *whole, date(year + 1, 3, 31))
    return sorted([plan, *_parts(kind, year), report], key=lambda one: one.by)


def _parts(kind: ProducerClass, year: int) -> Iterator[Due]:
    months = _MONTHS_A_REPORT.get(kind)
    if months is None:
        return
    for number in range(12 // months):
        first = number * months
        end = date(year + (first + months) // 12, (first + months) % 12 + 1, 1)
        name = f"{year}-Q{number + 1}" if months == 3 else f"{year}-{first + 1:02}"
        yield Due("report", name, date(year, first + 1, 1), end, end.replace(day=15))
