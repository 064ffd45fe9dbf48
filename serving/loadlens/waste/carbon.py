"""What of waste was recovered, and an estimate of the CO2e that this avoided.

An estimate and no measurement: kilograms of CO2e per tonne are the site's own factors, each with its range, source and
edition. We ship none; where there is none for a waste, none is made up.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

# Operations of the Basel Convention, annex IV, wherever a text names them: D is disposal, R recovery; of R1, the use as
# a fuel, no material is left.
_OPERATION = re.compile(r"(?<![A-Za-z0-9])[DR]\d{1,2}(?![A-Za-z0-9])")
_RECOVERY = frozenset(f"R{number}" for number in range(2, 14))


@dataclass(frozen=True, slots=True)
class Factor:
    """Kilograms of CO2e that recovering a tonne of these wastes avoids, from `low` to `high`."""

    kind: str
    list_id: str
    codes: tuple[str, ...]
    low: Decimal
    kg_per_t: Decimal
    high: Decimal
    source: str
    edition: str


@dataclass(frozen=True, slots=True)
class Recovered:
    """Grams of one waste that were recovered; `factor` is None where the site has none for it."""

    list_id: str
    code: str
    name: str
    grams: int
    factor: Factor | None

    @property
    def avoided_kg(self) -> tuple[Decimal, Decimal, Decimal] | None:
        """Low, likely and high, in whole kilograms of CO2e; None without a factor."""
        if self.factor is None:
            return None
        tonnes = Decimal(self.grams).scaleb(-6)
        low, likely, high = (round(tonnes * one) for one in (self.factor.low, self.factor.kg_per_t, self.factor.high))
        return Decimal(low), Decimal(likely), Decimal(high)


def is_recovery(how: str) -> bool:
    """Whether a way of treatment is a recovery of material, as far as it says: R2 to R13; without any operation, 利用
    and not 处置."""
    if named := _OPERATION.findall(how):
        return not _RECOVERY.isdisjoint(named)
    return "利用" in how and "处置" not in how


def recovered(moved: Iterable[tuple[str, str, str, str, int]], factors: Sequence[Factor]) -> list[Recovered]:
    """What was recovered of what was treated or handed over (list, code, name, how, grams), by waste."""
    sums: defaultdict[tuple[str, str, str], int] = defaultdict(int)
    for list_id, code, name, how, grams in moved:
        if is_recovery(how):
            sums[list_id, code, name] += grams
    by_code = {(factor.list_id, code): factor for factor in factors for code in factor.codes}
    return [Recovered(*key, grams, by_code.get(key[:2])) for key, grams in sorted(sums.items()) if grams]
