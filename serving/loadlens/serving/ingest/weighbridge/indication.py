"""What an indicator shows, exactly as its frame says, and why it may not count as a weighing.

Indicators are trusted with money, so nothing here is guessed: a unit that nobody named is refused, and what the
protocol does not tell (stable? in range? net?) stays None.
"""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from loadlens.grading.quantity import round_to

_GRAM = Decimal("0.001")


class Unit(StrEnum):
    """The units of truck scales. A short ton, a gram or a unit of the site's own is refused, never converted."""

    KG = "kg"
    T = "t"
    LB = "lb"


# Kilograms in one unit. The pound is the international pound, exact by its definition of 1959.
_KG_IN = {Unit.KG: Decimal(1), Unit.T: Decimal(1000), Unit.LB: Decimal("0.45359237")}


@dataclass(frozen=True, slots=True)
class Indication:
    """One valid frame: `value` in `unit` with the decimals it was shown with, and the bytes it was read from.

    `stable`, `in_range` and `net` are None where the protocol does not tell.
    """

    value: Decimal
    unit: Unit
    raw: bytes
    stable: bool | None = None
    in_range: bool | None = None
    net: bool | None = None

    @property
    def kg(self) -> Decimal:
        """The value in kilograms, exact to the gram, which is far finer than any truck scale."""
        kg = self.value * _KG_IN[self.unit]
        finer_than_a_gram = int(kg.as_tuple().exponent) < -3
        return round_to(kg, _GRAM) if finer_than_a_gram else kg


NOT_ABOVE_ZERO = "not above zero"


def why_no_weighing(shown: Indication, capacity_kg: Decimal) -> str | None:
    """Why what is shown cannot be a weighing of a truck; None where it can, or where only time will tell."""
    if shown.in_range is False or abs(shown.kg) > capacity_kg:
        return "out of range"
    if shown.stable is False:
        return "in motion"
    if shown.net:
        return "net of a tare set on the indicator"
    if shown.value <= 0:
        return NOT_ABOVE_ZERO
    return None


@dataclass(frozen=True, slots=True)
class Reject:
    """Bytes that are no indication, and why."""

    reason: str
    raw: bytes
