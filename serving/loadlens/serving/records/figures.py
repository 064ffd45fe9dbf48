"""Deductions, reviews and coverage by supplier, grade, inspector, camera or month.

What a mill looks at and what is honest stand side by side: every rate has its count and its 95 % interval. Bias and
overturns are known only of loads that a person has decided on; those were mostly flagged, so they are not the whole.
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from statistics import fmean, stdev
from typing import Literal

from sqlalchemy import select
from sqlalchemy.orm import Session

from loadlens.serving.lifecycle import ASSESSED
from loadlens.serving.records.periods import Period
from loadlens.serving.store.queue_tables import LoadResult
from loadlens.serving.store.tables import Load, LoadFrame, Review, Transition
from loadlens.vision.metadata import Metric
from loadlens.vision.proportion import Z95, proportion

By = Literal["supplier", "grade", "inspector", "camera", "month"]
# With fewer, the interval of a mean by its normal approximation is too narrow to be told.
_FEWEST = 10


@dataclass(frozen=True, slots=True)
class Visit:
    """One load with an assessment that counts, as the figures see it. `decision` is the last one of a person."""

    result: LoadResult
    supplier: str | None
    month: str
    was_flagged: bool
    decision: str | None
    inspector: str | None

    @property
    def was_overturned(self) -> bool:
        """A person's figures or grade stand instead of the machine's, or a person stopped what it had not."""
        result = self.result
        changed = (result.percent, result.grade) != (result.machine_percent, result.machine_grade)
        return changed or (self.decision == "stop" and not result.hazard)


@dataclass(frozen=True, slots=True)
class Mean:
    """A mean; without `low` and `high` where there are too few values for an interval."""

    value: float
    low: float | None
    high: float | None
    n: int


@dataclass(frozen=True, slots=True)
class Figures:
    """The figures of one group. Masses are of its weighed loads; percentages of the net. `width_percent` is the mean
    width of the deduction's interval, `bias_percent` what the machine deducts more than people, on loads that people
    have decided on, `coverage` the share of the bed that was seen. None: there is nothing to count."""

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
    coverage: Mean | None


def deductions(session: Session, by: By, period: Period) -> list[Figures]:
    """The figures of every group, by its name; loads that belong to none come first. By camera a load counts for each
    camera that saw it."""
    visits = _visits(session, period)
    if by == "camera":
        cameras = _cameras(session, period)
        keyed = [(camera, visit) for visit in visits for camera in cameras.get(visit.result.load_id, (None,))]
    else:
        keyed = [(_key(visit, by), visit) for visit in visits]
    groups: defaultdict[str | None, list[Visit]] = defaultdict(list)
    for key, visit in keyed:
        groups[key].append(visit)
    return [_figures(key, groups[key]) for key in sorted(groups, key=lambda key: (key is not None, key))]


def _key(visit: Visit, by: By) -> str | None:
    if by == "grade":
        return visit.result.grade
    key: str | None = getattr(visit, by)
    return key


def _visits(session: Session, period: Period) -> list[Visit]:
    counted = (Load.status.in_((*ASSESSED, "settled")), *period.of(Load.created_at))
    decided = select(Review.load_id, Review.decision, Review.actor).join(Load, Load.id == Review.load_id)
    last = {row.load_id: row for row in session.execute(decided.where(*counted).order_by(Review.id))}
    flagging = select(Transition.load_id).join(Load, Load.id == Transition.load_id)
    flagged = set(session.scalars(flagging.where(*counted, Transition.event == "flag")))
    rows = session.execute(
        select(LoadResult, Load.supplier, Load.created_at).join(Load, Load.id == LoadResult.load_id).where(*counted)
    )
    return [
        Visit(
            result,
            supplier,
            created_at[:7],
            result.load_id in flagged,
            last[result.load_id].decision if result.load_id in last else None,
            last[result.load_id].actor if result.load_id in last else None,
        )
        for result, supplier, created_at in rows
    ]


def _cameras(session: Session, period: Period) -> Mapping[str, Sequence[str]]:
    seen = select(LoadFrame.load_id, LoadFrame.camera).distinct().join(Load, Load.id == LoadFrame.load_id)
    cameras: defaultdict[str, list[str]] = defaultdict(list)
    for load_id, camera in session.execute(seen.where(*period.of(Load.created_at))):
        cameras[load_id].append(camera)
    return cameras


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
        width_percent=_mean(_difference(one.percent_high, one.percent_low) for one in results),
        bias_percent=_mean(_difference(one.result.machine_percent, one.result.percent) for one in decided),
        review_rate=proportion(sum(visit.was_flagged for visit in visits), len(visits)),
        overturn_rate=proportion(sum(visit.was_overturned for visit in decided), len(decided)) if decided else None,
        coverage=_mean(one.coverage for one in results),
    )


def _difference(one: str | None, other: str | None) -> float | None:
    return None if one is None or other is None else float(Decimal(one) - Decimal(other))


def _mean(values: Iterable[float | None]) -> Mean | None:
    known = [value for value in values if value is not None]
    if not known:
        return None
    mean = fmean(known)
    if len(known) < _FEWEST:
        return Mean(mean, None, None, len(known))
    reach = Z95 * stdev(known) / math.sqrt(len(known))
    return Mean(mean, mean - reach, mean + reach, len(known))
