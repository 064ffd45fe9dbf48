"""The numbers that mills use beside the errors themselves, against what people decided and against what they said
blind.

A decision is mostly made with the machine's figures in sight, and a load that is accepted agrees with them by itself:
so the first column flatters. What was said blind does not, but it is of few loads. Beside each stands what saying the
same of every load (the commonest grade, the median deduction) would reach: a number that is no better says nothing.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from statistics import median

from sqlalchemy import select
from sqlalchemy.orm import Session

from loadlens.grading.mill_rules import PRICE_CLASSES, SHARE_POINTS, deduction_fits
from loadlens.serving.records.measures import Mean, mean
from loadlens.serving.records.periods import Period
from loadlens.serving.records.visits import Visit, visits
from loadlens.serving.store.queue_tables import LoadResult, Opinion
from loadlens.vision.metadata import Metric
from loadlens.vision.proportion import proportion

Found = Metric | Mean | None


@dataclass(frozen=True, slots=True)
class Compared:
    """What the machine and a person say of one load: grades, deductions in percent of the net, the net, what the
    machine would pay more a tonne, and how far the shares of both grades are apart. None: not said."""

    grade: str | None
    their_grade: str | None
    percent: float | None
    their_percent: float | None
    net_kg: float | None
    price_error: float | None = None
    share_error: float | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """One number, a key of _MEASURES, against each reference, and what saying the same of every load would reach
    there."""

    name: str
    decided: Found
    decided_constant: Found
    blind: Found
    blind_constant: Found


@dataclass(frozen=True, slots=True)
class BesidePeople:
    """Every row; over how many decisions, how many of which simply accepted, and over how many blind opinions."""

    rows: tuple[Row, ...]
    decided: int
    accepted: int
    blind: int


def beside_people(session: Session, period: Period) -> BesidePeople:
    """The machine beside people in a period."""
    judged = [one for one in visits(session, period) if one.was_judged]
    decided, blind = [_decided(one) for one in judged], list(_blind(session, period))
    rows = [
        Row(name, measure(decided), measure(_constant(decided)), measure(blind), measure(_constant(blind)))
        for name, measure in _MEASURES.items()
    ]
    return BesidePeople(tuple(rows), len(judged), sum(one.decision == "accept" for one in judged), len(blind))


def _decided(visit: Visit) -> Compared:
    result = visit.result
    shares = (result.machine_grade_share, result.grade_share)
    return Compared(
        grade=result.machine_grade,
        their_grade=result.grade,
        percent=_float(result.machine_percent),
        their_percent=_float(result.percent),
        net_kg=_float(result.net_kg),
        price_error=visit.price_error,
        share_error=None if None in shares else abs(shares[0] - shares[1]),
    )


def _blind(session: Session, period: Period) -> Iterable[Compared]:
    """What people said blind, the first that each said of a load."""
    columns = (
        Opinion.load_id,
        Opinion.rater,
        Opinion.machine_grade,
        Opinion.grade,
        Opinion.machine_percent,
        Opinion.deduction_percent,
        LoadResult.net_kg,
    )
    query = select(*columns).join(LoadResult, LoadResult.load_id == Opinion.load_id)
    said: set[tuple[str, str]] = set()
    for row in session.execute(query.where(Opinion.blind, *period.of(Opinion.at)).order_by(Opinion.id)):
        if (row.load_id, row.rater) in said:
            continue
        said.add((row.load_id, row.rater))
        yield Compared(
            grade=row.machine_grade,
            their_grade=row.grade,
            percent=_float(row.machine_percent),
            their_percent=_float(row.deduction_percent),
            net_kg=_float(row.net_kg),
        )


def _constant(compared: Sequence[Compared]) -> list[Compared]:
    """The same loads, of which somebody says the commonest grade and the median deduction every time."""
    grades = Counter(one.their_grade for one in compared)
    percents = [one.their_percent for one in compared if one.their_percent is not None]
    grade = grades.most_common(1)[0][0] if grades else None
    percent = median(percents) if percents else None
    # Of no more loads than the machine says a deduction of.
    said = (None if one.percent is None else percent for one in compared)
    return [
        Compared(grade, one.their_grade, p, one.their_percent, one.net_kg)
        for one, p in zip(compared, said, strict=True)
    ]


def _main_grade_right(compared: Sequence[Compared]) -> Found:
    return _share([one.grade == one.their_grade for one in compared])


def _grade_and_share_right(compared: Sequence[Compared]) -> Found:
    known = [(one.grade == one.their_grade, one.share_error) for one in compared if one.share_error is not None]
    return _share([same and error <= SHARE_POINTS for same, error in known])


def _deduction_fits(compared: Sequence[Compared]) -> Found:
    return _share([deduction_fits(*kilograms) for one in compared if (kilograms := _kilograms(one)) is not None])


def _price_within(compared: Sequence[Compared]) -> Found:
    return _share([abs(one.price_error) < PRICE_CLASSES[0][1] for one in compared if one.price_error is not None])


def _error_points(compared: Sequence[Compared]) -> Found:
    return mean(None if (off := _off(one)) is None else abs(off) for one in compared)


def _error_kg(compared: Sequence[Compared]) -> Found:
    known = [kilograms for one in compared if (kilograms := _kilograms(one)) is not None]
    return mean(abs(ours - theirs) for ours, theirs in known)


def _bias_points(compared: Sequence[Compared]) -> Found:
    return mean(_off(one) for one in compared)


def _price_error(compared: Sequence[Compared]) -> Found:
    return mean(None if one.price_error is None else abs(one.price_error) for one in compared)


_MEASURES: dict[str, Callable[[Sequence[Compared]], Found]] = {
    "main_grade_right": _main_grade_right,
    "main_grade_and_share_right": _grade_and_share_right,
    "deduction_fits": _deduction_fits,
    "price_within_30": _price_within,
    "deduction_error_points": _error_points,
    "deduction_error_kg": _error_kg,
    "deduction_bias_points": _bias_points,
    "price_error": _price_error,
}


def _off(one: Compared) -> float | None:
    return None if one.percent is None or one.their_percent is None else one.percent - one.their_percent


def _kilograms(one: Compared) -> tuple[float, float] | None:
    if one.percent is None or one.their_percent is None or one.net_kg is None:
        return None
    return one.percent / 100 * one.net_kg, one.their_percent / 100 * one.net_kg


def _share(right: Sequence[bool]) -> Metric | None:
    return proportion(sum(right), len(right)) if right else None


def _float(text: str | None) -> float | None:
    return None if text is None else float(Decimal(text))
