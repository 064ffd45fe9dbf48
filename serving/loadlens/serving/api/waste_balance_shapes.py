"""What the answers look like about balances of waste and about what plants report. They belong to those of `shapes`."""

from collections.abc import Sequence
from datetime import date
from typing import Literal

from pydantic import AwareDatetime, Field

from loadlens.serving.api.shape import Shape


class BalanceRow(Shape):
    """Grams of one code of one plant: produced + weighing + repacked = treated + handed_over + stock."""

    unit: str
    list_id: str
    code: str
    produced: int
    weighing: int
    repacked: int
    treated: int
    handed_over: int
    stock: int
    containers: int


class BalancesShown(Shape):
    """Balances by plant and code."""

    balances: list[BalanceRow]


class DueShown(Shape):
    """A plan or report, the period that it is about, and the day by which it is due."""

    what: Literal["plan", "report"]
    period: str
    begin: AwareDatetime = Field(alias="from")
    end: AwareDatetime = Field(alias="to")
    by: date


class PlantCalendar(Shape):
    """A plant, its class of producer, and what is due. Why the class: `produced_grams` of hazardous waste by year,
    whether it `treats_itself`, and whether the setting `producers` says that it `holds_permit`."""

    unit: str
    class_: Literal["key", "simplified", "registered"] = Field(alias="class")
    produced_grams: dict[str, int]
    treats_itself: bool
    holds_permit: bool
    due: list[DueShown]


class CalendarPage(Shape):
    """What every plant in the ledger has to plan and report."""

    plants: list[PlantCalendar]


class ReportRow(Shape):
    """A line of a report: which waste, how much of it, where it arose, where it went and how."""

    unit: str
    what: Literal["produced", "treated", "handed_over", "stock"]
    list: str
    code: str
    name: str
    from_: str = Field(alias="from")
    to: str
    how: str
    grams: int
    t: str


class FactorShown(Shape):
    """Kilograms of CO2e avoided per tonne, from `low` to `high`, as the site's settings have them."""

    kind: str
    low: str
    kg_per_t: str
    high: str
    source: str
    edition: str


class AvoidedShown(Shape):
    """An estimate of avoided CO2e, in kilograms."""

    low: int
    likely: int
    high: int


class RecoveredShown(Shape):
    """What of a waste was recovered as material; null: the site has no factor for it, so nothing is estimated."""

    list: str
    code: str
    name: str
    grams: int
    factor: FactorShown | None
    avoided_kg: AvoidedShown | None


class WasteReport(Shape):
    """What a regulator asks of a period, and an estimate of what recovery has avoided."""

    from_: str = Field(alias="from")
    to: str
    rows: list[ReportRow]
    recovered: Sequence[RecoveredShown]
