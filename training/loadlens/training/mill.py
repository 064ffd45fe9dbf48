"""How a mill counts whether a system is right, and beside it the figures that say how far off it is.

The mill's rules are those seen at working sites: the main grade is right where its name is the same and its share is
within 10 points; a deduction fits where it is 0.5 to 1.5 times the human one or within 0.15 t of it; prices are
counted in classes of under 30, 30 to 50, 50 to 100 and more yuan a tonne. The deduction's rule is so wide that saying
the same of every truck passes often, so such a constant always stands beside it, and so do the errors themselves.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from loadlens.grading.mill_rules import PRICE_CLASSES, SHARE_POINTS, deduction_fits
from loadlens.grading.standard import Standard
from loadlens.training.statistics import bootstrap, mean
from loadlens.vision.metadata import Metric
from loadlens.vision.proportion import proportion


@dataclass(frozen=True, slots=True)
class Verdict:
    """What somebody says of a truck: its main grade, shares by grade, the deduction (share of the net), the price.

    `grades` is empty and `grade`, `price_per_tonne` are None where nothing was said of them.
    """

    grade: str | None
    grades: Mapping[str, float]
    deduction: float
    price_per_tonne: float | None


@dataclass(frozen=True, slots=True)
class Compared:
    """One truck as we and as they see it."""

    net_kg: float
    ours: Verdict
    theirs: Verdict


def price_of(grade: str | None, grades: Mapping[str, float], standard: Standard) -> float | None:
    """The price per tonne of a truck under a standard's price rule; None where a price or the grade is missing."""
    shares = {grade: 1.0} if standard.rules.price == "main_grade" and grade else dict(grades)
    total = sum(shares.values())
    if grade is None or total <= 0:
        return None
    price = 0.0
    for code, share in shares.items():
        about = standard.grade(code)
        if about is None or about.price_per_tonne is None:
            return None
        price += share / total * float(about.price_per_tonne)
    return price


def mill_metrics(compared: Sequence[Compared]) -> dict[str, Metric]:
    """Every figure that these trucks allow, with n and 95 % interval; shares 0..1, prices in the standard's currency.

    A `_constant` is what the same verdict on every truck reaches. Raises ValueError for no truck.
    """
    ours, theirs = _deductions(compared)
    error = ours[:, 0] - theirs[:, 0]
    constant = np.full_like(theirs, np.median(theirs[:, 0]))
    constant[:, 1] = np.median(theirs[:, 1])
    return {
        **_grade_metrics([one for one in compared if one.theirs.grade is not None]),
        "mill_deduction_fit": _fits(ours[:, 1], theirs[:, 1]),
        "mill_deduction_fit_constant": _fits(constant[:, 1], theirs[:, 1]),
        "deduction_error": mean(np.abs(error)),
        "deduction_error_constant": mean(np.abs(constant[:, 0] - theirs[:, 0])),
        "deduction_bias": mean(error),
        "deduction_error_p95": bootstrap(np.abs(error), _p95),
        "deduction_error_p95_constant": bootstrap(np.abs(constant[:, 0] - theirs[:, 0]), _p95),
        **_price_metrics(compared),
    }


def _deductions(compared: Sequence[Compared]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Ours and theirs, [n, 2]: as a share of the net, and in kg."""
    net = np.array([one.net_kg for one in compared])
    ours, theirs = (np.array([verdict.deduction for verdict in side]) for side in _sides(compared))
    return np.stack([ours, ours * net], axis=1), np.stack([theirs, theirs * net], axis=1)


def _sides(compared: Sequence[Compared]) -> tuple[list[Verdict], list[Verdict]]:
    return [one.ours for one in compared], [one.theirs for one in compared]


def _fits(ours_kg: NDArray[np.float64], theirs_kg: NDArray[np.float64]) -> Metric:
    return proportion(sum(map(deduction_fits, ours_kg, theirs_kg)), len(ours_kg))


def _grade_metrics(compared: Sequence[Compared]) -> dict[str, Metric]:
    if not compared:
        return {}
    same = [one.ours.grade == one.theirs.grade for one in compared]
    commonest = Counter(one.theirs.grade for one in compared).most_common(1)[0][1]
    metrics = {
        "mill_main_grade_right": proportion(sum(same), len(same)),
        "mill_main_grade_right_commonest": proportion(commonest, len(same)),
    }
    told = [one for one in compared if one.theirs.grades]
    if told:
        usual = _usual(told)
        metrics["mill_main_grade_and_share_right"] = _grade_and_share([(one.ours, one.theirs) for one in told])
        metrics["mill_main_grade_and_share_right_constant"] = _grade_and_share([(usual, one.theirs) for one in told])
        for name, error in (("main_grade_share_error", _share_error), ("grade_share_error", _mean_share_error)):
            metrics[name] = mean([error(one.ours, one.theirs) for one in told])
            metrics[f"{name}_constant"] = mean([error(usual, one.theirs) for one in told])
    return metrics


def _usual(told: Sequence[Compared]) -> Verdict:
    """What somebody says who knows these trucks and looks at none: the commonest grade and the mean shares."""
    grade = Counter(one.theirs.grade for one in told).most_common(1)[0][0]
    names = {name for one in told for name in one.theirs.grades}
    shares = {name: sum(one.theirs.grades.get(name, 0.0) for one in told) / len(told) for name in names}
    return Verdict(grade, shares, 0.0, None)


def _grade_and_share(pairs: Sequence[tuple[Verdict, Verdict]]) -> Metric:
    near = sum(one.grade == two.grade and _share_error(one, two) <= SHARE_POINTS for one, two in pairs)
    return proportion(near, len(pairs))


def _share_error(ours: Verdict, theirs: Verdict) -> float:
    """How far our share of their main grade is from theirs."""
    grade = theirs.grade or ""
    return abs(ours.grades.get(grade, 0.0) - theirs.grades.get(grade, 0.0))


def _mean_share_error(ours: Verdict, theirs: Verdict) -> float:
    """How far our shares are from theirs, over the grades that either names."""
    names = sorted({*ours.grades, *theirs.grades})
    return sum(abs(ours.grades.get(name, 0.0) - theirs.grades.get(name, 0.0)) for name in names) / len(names)


def _price_metrics(compared: Sequence[Compared]) -> dict[str, Metric]:
    prices = [(one.ours.price_per_tonne, one.theirs.price_per_tonne) for one in compared]
    known = np.array([(ours, theirs) for ours, theirs in prices if ours is not None and theirs is not None])
    if not len(known):
        return {}
    error = np.abs(known[:, 0] - known[:, 1])
    constant = np.abs(np.median(known[:, 1]) - known[:, 1])
    metrics = {"price_error_per_tonne": mean(error), "price_error_per_tonne_constant": mean(constant)}
    for low, high in PRICE_CLASSES:
        name = f"price_error_{low:.0f}_to_{high:.0f}" if np.isfinite(high) else f"price_error_from_{low:.0f}"
        metrics[name] = _within(error, low, high)
        metrics[f"{name}_constant"] = _within(constant, low, high)
    return metrics


def _within(error: NDArray[np.float64], low: float, high: float) -> Metric:
    return proportion(int(((error >= low) & (error < high)).sum()), len(error))


def _p95(values: NDArray[np.float64]) -> float:
    return float(np.quantile(values, 0.95))
