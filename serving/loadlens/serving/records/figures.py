"""Deductions, reviews, hazards and coverage by supplier, grade, inspector, camera or month.

What a mill looks at and what is honest stand side by side: every rate has its count and its 95 % interval. Bias and
overturns are known only of loads that a person has decided on; those were mostly flagged, so they are not the whole.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from sqlalchemy.orm import Session

from loadlens.serving.records.measures import Mean, mean
from loadlens.serving.records.periods import Period
from loadlens.serving.records.visits import By, Visit, grouped, less, visits
from loadlens.vision.metadata import Metric
from loadlens.vision.proportion import proportion


@dataclass(frozen=True, slots=True)
class Figures:
    """The figures of one group. Masses are of its weighed loads; percentages of the net. `width_percent` is the mean
    width of the deduction's interval, `bias_percent` what the machine deducts more than people, on loads that people
    have decided on, `hazard_rate` how often something dangerous was seen, `coverage` the share of the bed that was
    seen. None: there is nothing to count."""

    key: str | None
    loads: int
    weighed: int
    net_kg: Decimal
    deduction_kg: Decimal
    deduction_percent: Decimal | None
    width_percent: Mean | None
    bias_percent: Mean | None
    review_rate: Metric
    overturn_rate: Metric | None
    hazard_rate: Metric
    coverage: Mean | None


def deductions(session: Session, by: By, period: Period) -> list[Figures]:
    """The figures of every group, by its name."""
    return [_figures(key, group) for key, group in grouped(visits(session, period), by)]


def _figures(key: str | None, visits: Sequence[Visit]) -> Figures:
    weighed = [visit.result for visit in visits if visit.result.net_kg is not None and visit.result.kg is not None]
    net = sum((Decimal(result.net_kg or 0) for result in weighed), Decimal(0))
    deducted = sum((Decimal(result.kg or 0) for result in weighed), Decimal(0))
    decided = [visit for visit in visits if visit.decision is not None]
    results = [visit.result for visit in visits]
    return Figures(
        key=key,
        loads=len(visits),
        weighed=len(weighed),
        net_kg=net,
        deduction_kg=deducted,
        deduction_percent=round(100 * deducted / net, 4) if net else None,
        width_percent=mean(less(one.percent_high, one.percent_low) for one in results),
        bias_percent=mean(less(one.result.machine_percent, one.result.percent) for one in decided),
        review_rate=proportion(sum(visit.was_flagged for visit in visits), len(visits)),
        overturn_rate=proportion(sum(visit.was_overturned for visit in decided), len(decided)) if decided else None,
        hazard_rate=proportion(sum(one.hazard for one in results), len(results)),
        coverage=mean(one.coverage for one in results),
    )
