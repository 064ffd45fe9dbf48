"""What the sensors of a store room said over a while: its range step by step, and the gaps where nothing was said."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import pairwise


@dataclass(frozen=True, slots=True)
class Limit:
    """What a sensor may say, ends included; None: no end. `device` None: whichever device says this quantity."""

    quantity: str
    unit: str
    low: Decimal | None
    high: Decimal | None
    device: str | None = None

    def watches(self, device: str, quantity: str) -> bool:
        """Whether the limit is one for what this device says."""
        return self.quantity == quantity and self.device in (None, device)

    def broken_by(self, value: float | None, unit: str | None) -> str | None:
        """Why a value is not within the limit; None where it is. A value that cannot be compared is not within it."""
        if value is None or unit != self.unit:
            return f"says {value} {unit}, which cannot be compared with a limit in {self.unit}"
        said = Decimal(repr(value))
        if self.low is not None and said < self.low:
            return f"{said} {unit} lies below {self.low}"
        if self.high is not None and said > self.high:
            return f"{said} {unit} lies above {self.high}"
        return None


@dataclass(frozen=True, slots=True)
class Step:
    """The lowest and highest of `n` values from `begin` on."""

    begin: datetime
    n: int
    low: float
    high: float


def steps(points: Sequence[tuple[datetime, float]], begin: datetime, end: datetime, count: int) -> list[Step]:
    """The values between two moments in `count` equal steps; a step without any value is absent, not zero."""
    width = (end - begin) / count
    held: dict[int, list[float]] = {}
    for at, value in points:
        held.setdefault(min(int((at - begin) / width), count - 1), []).append(value)
    return [
        Step(begin + number * width, len(values), min(values), max(values)) for number, values in sorted(held.items())
    ]


def gaps(
    times: Sequence[datetime], begin: datetime, end: datetime, every: timedelta
) -> list[tuple[datetime, datetime]]:
    """Where, between two moments, more than twice the expected interval went by without a word; times in order."""
    marks = [begin, *times, end]
    return [(left, right) for left, right in pairwise(marks) if right - left > 2 * every]
