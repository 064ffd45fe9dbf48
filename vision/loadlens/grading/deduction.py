"""What is taken off the net weight, cause by cause, with an interval and a tolerance policy.

    deduction = measured residue + picked items + impurity x net + water x net + oil x net + packaging + other

Residue (weighed after unloading) and impurity (seen in the layers) are both inclusions: together they are held
against the inclusion limit, and the tolerance policy says what becomes of them. Everything else is deducted in full.
A column of causes adds up to its total exactly; `allowance`, `cap` and `rounding` are causes like the others.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal

from loadlens.grading.impurity import ShareInterval
from loadlens.grading.quantity import ZERO, Mass, exact
from loadlens.grading.standard import Figure, Standard, Tolerance
from loadlens.grading.weighing import Weights

Cause = Literal[
    "residue", "impurity", "allowance", "picked_items", "water", "oil", "packaging", "other", "cap", "rounding"
]
_NOTHING = Decimal(0)
_ALL = Decimal(1)
# Causes are kept to the gram, so that a column adds up to the last digit.
_GRAM = Mass("0.001")


class JudgedError(ValueError):
    """Something a person entered that cannot be deducted: the message names the figure and the remedy."""


@dataclass(frozen=True, slots=True)
class PickedItem:
    """A thing picked out of the load and weighed."""

    what: str
    mass: Mass


@dataclass(frozen=True, slots=True)
class Judged:
    """What people measured or judged of a load, beside what the camera saw. Percentages are of the net, 0..100.

    `contaminants` are masses of contaminant classes that a person has weighed or estimated; they take the place of
    what the camera saw of these classes. Everything else comes on top.

    Raises JudgedError for negative masses, percentages outside 0..100, and an `other` without its reason.
    """

    contaminants: Mapping[str, Mass] = field(default_factory=dict)
    residue: Mass = ZERO
    items: tuple[PickedItem, ...] = ()
    water_percent: Decimal = _NOTHING
    oil_percent: Decimal = _NOTHING
    packaging: Mass = ZERO
    other: Mass = ZERO
    other_reason: str = ""

    def __post_init__(self) -> None:
        masses = [("residue", self.residue), ("packaging", self.packaging), ("other", self.other)]
        by_name = [*self.contaminants.items(), *masses, *((item.what, item.mass) for item in self.items)]
        for name, mass in by_name:
            if mass.kg < 0:
                raise JudgedError(f"{name} is {mass}; a deduction cannot be negative (use a price adjustment)")
        for name, percent in (("water", self.water_percent), ("oil", self.oil_percent)):
            if not 0 <= percent <= 100:
                raise JudgedError(f"{name} is {percent} %; give percent of the net between 0 and 100")
        if self.other.kg != 0 and not self.other_reason.strip():
            raise JudgedError(f"other is {self.other} without a reason; say why")

    @property
    def has_masses(self) -> bool:
        """Whether anything was given in kilograms, which means nothing without the weights of the load."""
        items = (item.mass for item in self.items)
        return bool(self.contaminants) or any(mass.kg for mass in (self.residue, self.packaging, self.other, *items))


@dataclass(frozen=True, slots=True)
class Item:
    """One cause: its share of the net and its mass, as estimated and at the low and high end of the interval.

    Masses are None without weights, the ends are None without a calibrated interval. Shares are Decimal, 1 = all.
    """

    cause: Cause
    why: str
    share: Decimal
    share_low: Decimal | None
    share_high: Decimal | None
    mass: Mass | None
    low: Mass | None
    high: Mass | None


@dataclass(frozen=True, slots=True)
class Tolerated:
    """What the tolerance policy made of the inclusions.

    `limit` is the figure of the grade (None: it has none), `decided` whether that figure may decide, `inclusions`
    the inclusions held against it. `above` and `above_ceiling` compare the estimate; the `straddles` pair says
    whether the interval reaches to both sides.
    """

    policy: Tolerance
    limit: Figure | None
    decided: bool
    inclusions: ShareInterval
    above: bool
    above_ceiling: bool
    straddles_limit: bool
    straddles_ceiling: bool


@dataclass(frozen=True, slots=True)
class Deduction:
    """The whole deduction: its causes, its totals and what they rest on.

    `share*` are of the net before rounding to the scale division; `mass`, `low` and `high` after it (the ends
    outwards) and never more than the net.
    """

    items: tuple[Item, ...]
    share: Decimal
    share_low: Decimal | None
    share_high: Decimal | None
    mass: Mass | None
    low: Mass | None
    high: Mass | None
    tolerated: Tolerated


# The three columns of the sheet: a cause as estimated, at the low end, at the high end.
Column = tuple[Decimal, Decimal, Decimal]


def deduct(
    impurity: ShareInterval, limit: Figure | None, standard: Standard, weights: Weights | None, judged: Judged
) -> Deduction:
    """The itemised deduction. Without weights only what is known in percent can be deducted."""
    net = weights.net if weights else None
    calibrated = impurity.low is not None and impurity.high is not None
    low, high = (impurity.low, impurity.high) if calibrated else (impurity.share, impurity.share)
    seen: Column = (exact(impurity.share), exact(low or 0.0), exact(high or 0.0))
    residue = judged.residue.per(net) if net else _NOTHING
    inclusions: Column = (seen[0] + residue, seen[1] + residue, seen[2] + residue)
    decided = standard.decides(limit)
    keep = tolerance_of(standard.rules.tolerance, limit.value / 100 if limit and decided else None)
    rows: list[tuple[Cause, str, Column]] = [
        ("residue", "weighed after unloading", _same(residue)),
        ("impurity", _impurity_words(judged if net else Judged()), seen),
        ("allowance", _allowance_words(standard.rules.tolerance, limit), _each(lambda x: keep(x) - x, inclusions)),
        *_judged_rows(judged, net),
    ]
    sums = _sum(rows)
    rows.append(("cap", "a deduction is never more than the net", _each(lambda x: min(x, _ALL) - x, sums)))
    totals = _sum(rows)
    items = [_item(row, net, calibrated) for row in rows if any(row[2]) or row[0] == "impurity"]
    whole = _item(("rounding", "", totals), net, calibrated)
    mass = whole.mass
    low_mass, high_mass = whole.low, whole.high
    if weights is not None and mass is not None:
        mass = min(mass.rounded(weights.step), weights.net)
        low_mass = low_mass and low_mass.rounded(weights.step, "down")
        high_mass = high_mass and min(high_mass.rounded(weights.step, "up"), weights.net)
        items.append(_rounding(items, mass, low_mass, high_mass, weights))
    return Deduction(
        items=tuple(items),
        share=totals[0],
        share_low=whole.share_low,
        share_high=whole.share_high,
        mass=mass,
        low=low_mass,
        high=high_mass,
        tolerated=_tolerated(inclusions, calibrated, limit, standard),
    )


def tolerance_of(policy: Tolerance, limit: Decimal | None) -> Callable[[Decimal], Decimal]:
    """The function from inclusions to what is deducted of them, as shares; it never falls as inclusions rise.

    Without a limit that may decide there is no allowance, so all is deducted.
    """
    if policy == "deduct_all" or limit is None:
        return lambda inclusions: inclusions
    if policy == "excess_only":
        return lambda inclusions: max(_NOTHING, inclusions - limit)
    return lambda inclusions: inclusions if inclusions > limit else _NOTHING


def _judged_rows(judged: Judged, net: Mass | None) -> list[tuple[Cause, str, Column]]:
    rows: list[tuple[Cause, str, Column]] = [
        ("water", "judged by a person", _same(judged.water_percent / 100)),
        ("oil", "judged by a person", _same(judged.oil_percent / 100)),
    ]
    if net is not None:
        rows += [("picked_items", item.what, _same(item.mass.per(net))) for item in judged.items]
        rows += [
            ("packaging", "weighed", _same(judged.packaging.per(net))),
            ("other", judged.other_reason, _same(judged.other.per(net))),
        ]
    return rows


def _impurity_words(judged: Judged) -> str:
    if not judged.contaminants:
        return "contaminants seen in the layers, area times density"
    names = ", ".join(name.replace("_", " ") for name in sorted(judged.contaminants))
    return f"{names} as a person judged, others as seen in the layers, area times density"


def _allowance_words(policy: Tolerance, limit: Figure | None) -> str:
    if limit is None:
        return "the grade has no limit"
    if policy == "excess_only":
        return f"up to {limit.value} % of inclusions are allowed; only the excess is deducted"
    return f"up to {limit.value} % of inclusions nothing is deducted, above it all"


def _item(row: tuple[Cause, str, Column], net: Mass | None, calibrated: bool) -> Item:
    cause, why, (share, low, high) = row
    return Item(
        cause=cause,
        why=why,
        share=share,
        share_low=low if calibrated else None,
        share_high=high if calibrated else None,
        mass=None if net is None else (net * share).rounded(_GRAM),
        low=(net * low).rounded(_GRAM) if net is not None and calibrated else None,
        high=(net * high).rounded(_GRAM) if net is not None and calibrated else None,
    )


def _rounding(items: list[Item], mass: Mass, low: Mass | None, high: Mass | None, weights: Weights) -> Item:
    return Item(
        cause="rounding",
        why=f"to the scale division of {weights.step}; the ends of the interval outwards",
        share=_NOTHING,
        share_low=None if low is None else _NOTHING,
        share_high=None if high is None else _NOTHING,
        mass=mass - total_mass(item.mass for item in items),
        low=None if low is None else low - total_mass(item.low for item in items),
        high=None if high is None else high - total_mass(item.high for item in items),
    )


def total_mass(masses: Iterable[Mass | None]) -> Mass:
    """The sum of the masses there are."""
    return sum((mass for mass in masses if mass is not None), ZERO)


def _tolerated(inclusions: Column, calibrated: bool, limit: Figure | None, standard: Standard) -> Tolerated:
    share, low, high = inclusions

    def above(figure: Figure | None) -> bool:
        return figure is not None and standard.decides(figure) and share > figure.value / 100

    def straddles(figure: Figure | None) -> bool:
        return calibrated and figure is not None and standard.decides(figure) and low <= figure.value / 100 < high

    ceiling = standard.rules.return_above
    return Tolerated(
        policy=standard.rules.tolerance,
        limit=limit,
        decided=standard.decides(limit),
        inclusions=ShareInterval(float(share), float(low) if calibrated else None, float(high) if calibrated else None),
        above=above(limit),
        above_ceiling=above(ceiling),
        straddles_limit=straddles(limit),
        straddles_ceiling=straddles(ceiling),
    )


def _same(share: Decimal) -> Column:
    return (share, share, share)


def _each(rule: Callable[[Decimal], Decimal], column: Column) -> Column:
    return (rule(column[0]), rule(column[1]), rule(column[2]))


def _sum(rows: list[tuple[Cause, str, Column]]) -> Column:
    columns = [row[2] for row in rows]
    return (
        sum((column[0] for column in columns), _NOTHING),
        sum((column[1] for column in columns), _NOTHING),
        sum((column[2] for column in columns), _NOTHING),
    )
