"""How far the machine's price a tonne is from what stands after a person has decided, in the classes that mills count
in and as the error itself.

Of a load that was accepted both are the same by themselves: who accepts has mostly seen the machine's figures. So the
number that a person corrected stands beside.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from loadlens.grading.mill_rules import PRICE_CLASSES
from loadlens.serving.records.measures import Mean, mean
from loadlens.serving.records.periods import Period
from loadlens.serving.records.visits import By, Visit, grouped, visits
from loadlens.vision.metadata import Metric
from loadlens.vision.proportion import proportion


@dataclass(frozen=True, slots=True)
class PriceErrors:
    """The errors of one group in a currency, over `loads` that a person has decided on and that have both prices;
    `corrected` of them a person corrected. `classes` are the shares of PRICE_CLASSES, `error` is the mean size and
    `bias` what the machine pays more."""

    key: str | None
    currency: str
    loads: int
    corrected: int
    classes: tuple[Metric, ...]
    error: Mean | None
    bias: Mean | None


def price_errors(session: Session, by: By, period: Period) -> list[PriceErrors]:
    """The errors of every group and currency; groups without a price that can be compared are left out."""
    seen = [one for one in visits(session, period) if one.was_judged and one.price_error is not None]
    currencies = sorted({one.result.currency for one in seen})
    return [
        _errors(key, currency, same)
        for key, group in grouped(seen, by)
        for currency in currencies
        if (same := [one for one in group if one.result.currency == currency])
    ]


def classes_of(errors: Sequence[float]) -> tuple[Metric, ...]:
    """The share of errors whose size lies in each of PRICE_CLASSES. Raises ValueError for no error."""
    sizes = [abs(error) for error in errors]
    return tuple(proportion(sum(low <= size < high for size in sizes), len(sizes)) for low, high in PRICE_CLASSES)


def _errors(key: str | None, currency: str, seen: Sequence[Visit]) -> PriceErrors:
    errors = [one.price_error or 0.0 for one in seen]
    return PriceErrors(
        key=key,
        currency=currency,
        loads=len(errors),
        corrected=sum(one.decision == "correct" for one in seen),
        classes=classes_of(errors),
        error=mean(abs(error) for error in errors),
        bias=mean(errors),
    )
