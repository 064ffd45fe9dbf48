"""What the answers look like that tell figures of the yard."""

from typing import Literal

from loadlens.serving.api.shape import Shape
from loadlens.serving.records.drift import Kind
from loadlens.serving.records.visits import By


class Measure(Shape):
    """A figure with its 95 % interval and what it was counted on; without ends where that is too little."""

    value: float
    low: float | None
    high: float | None
    n: int


class GroupShown(Shape):
    """The figures of one group; masses and their percentage as decimal text."""

    key: str | None
    loads: int
    weighed: int
    net_kg: str
    deduction_kg: str
    deduction_percent: str | None
    width_percent: Measure | None
    bias_percent: Measure | None
    review_rate: Measure
    overturn_rate: Measure | None
    hazard_rate: Measure
    coverage: Measure | None


class FiguresList(Shape):
    """The figures of every group."""

    by: By
    groups: list[GroupShown]


class AgreementShown(Shape):
    """How far two agree on the grade; kappa null where chance alone makes them agree always."""

    one: str
    other: str
    observed: Measure
    by_chance: float
    kappa: Measure | None


class AgreementList(Shape):
    """Every pair, and how many opinions were not blind and did not count."""

    pairs: list[AgreementShown]
    not_blind: int


class PricesShown(Shape):
    """How far the machine's price a tonne is from what stands, in one group and currency: the shares of loads whose
    error is below 30, to 50, to 100 and above, its mean size, and what the machine pays more. `corrected` of the loads
    a person has corrected; of the others both prices are the same by themselves."""

    key: str | None
    currency: str
    loads: int
    corrected: int
    below_30: Measure
    from_30_to_50: Measure
    from_50_to_100: Measure
    from_100: Measure
    error: Measure | None
    bias: Measure | None


class PricesList(Shape):
    """The price errors of every group."""

    by: By
    groups: list[PricesShown]


class BesideShown(Shape):
    """One number that mills use, or an error itself, against decisions and against blind opinions; `_constant` is what
    saying the same of every load would reach."""

    name: Literal[
        "main_grade_right",
        "main_grade_and_share_right",
        "deduction_fits",
        "price_within_30",
        "deduction_error_points",
        "deduction_error_kg",
        "deduction_bias_points",
        "price_error",
    ]
    decided: Measure | None
    decided_constant: Measure | None
    blind: Measure | None
    blind_constant: Measure | None


class BesidePeople(Shape):
    """The machine beside people: over how many decisions, how many of which simply accepted, and blind opinions."""

    rows: list[BesideShown]
    decided: int
    accepted: int
    blind: int


class DangerShown(Shape):
    """How often one class of danger was seen, and how often its loads were stopped for good; `waiting` are
    undecided."""

    class_id: str
    loads: int
    rate: Measure
    stopped: Measure | None
    waiting: int


class DangerList(Shape):
    """Every class that was seen, of so many loads."""

    classes: list[DangerShown]
    loads: int


class MoveShown(Shape):
    """One measure in both periods; `has_moved` null where there are too few loads to tell."""

    kind: Kind
    name: str
    reference: Measure
    now: Measure
    difference: Measure
    has_moved: bool | None


class DriftShown(Shape):
    """A period beside a reference; the models that looked in each, and the cameras of both."""

    moves: list[MoveShown]
    loads: int
    reference_loads: int
    models: list[str]
    reference_models: list[str]
    cameras: list[str]
