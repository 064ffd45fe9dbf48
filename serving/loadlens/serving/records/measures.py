"""Means of what was counted, with their interval, and the difference of two."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from loadlens.vision.proportion import Z95

# With fewer, the interval of a mean by its normal approximation is too narrow to be told.
FEWEST = 10


@dataclass(frozen=True, slots=True)
class Mean:
    """A mean; without `low` and `high` where there are too few values for an interval."""

    value: float
    low: float | None
    high: float | None
    n: int


def mean(values: Iterable[float | None]) -> Mean | None:
    """The mean of what is known with its 95 % interval; None where nothing is."""
    known = [value for value in values if value is not None]
    if not known:
        return None
    middle = float(np.mean(known))
    if len(known) < FEWEST:
        return Mean(middle, None, None, len(known))
    reach = Z95 * _error(known)
    return Mean(middle, middle - reach, middle + reach, len(known))


def difference(ones: Sequence[float], others: Sequence[float], z: float = Z95) -> Mean:
    """How much greater the mean of `others` is, with an interval `z` standard errors wide to each side (Welch 1947).

    There is something on both sides.
    """
    value, n = float(np.mean(others) - np.mean(ones)), len(others)
    if min(len(ones), n) < FEWEST:
        return Mean(value, None, None, n)
    reach = z * math.hypot(_error(ones), _error(others))
    return Mean(value, value - reach, value + reach, n)


def _error(values: Sequence[float]) -> float:
    """The standard error of a mean."""
    return float(np.std(values, ddof=1)) / math.sqrt(len(values))
