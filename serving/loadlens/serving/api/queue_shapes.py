"""What the answers look like about loads that wait: the queue, claims, previews and opinions.

They belong to those of `shapes`.
"""

from typing import Literal

from pydantic import Field

from loadlens.serving.api.shape import Shape
from loadlens.serving.api.shapes import FlagShown, Hazard, LoadSummary, Report, ReportLoad, Versions


class Claim(Shape):
    """Who works on a load, until when."""

    holder: str
    since: str
    expires_at: str
    blind: bool


class ClaimNow(Shape):
    """Who works on a load; null where nobody does."""

    claim: Claim | None


class AtStake(Shape):
    """What a load ranks by, as decimal text; `at_most` where it is not weighed empty yet."""

    in_: Literal["unknown", "money", "kg", "percent"] = Field(alias="in")
    amount: str | None
    currency: str | None
    at_most: bool


class QueueDeduction(Shape):
    """The deduction of a load that waits, as decimal text."""

    kg: str | None
    kg_low: str | None
    kg_high: str | None
    percent: str | None
    percent_low: str | None
    percent_high: str | None


class SecondOpinionAsked(Shape):
    """Who wants somebody else to decide."""

    asked_by: str
    at: str


class QueueLoad(LoadSummary):
    """A load that waits for a person. `withheld` says why its grade and figures are not told."""

    assessment_version: int
    hazard: bool
    at_stake: AtStake
    grade: str | None
    net_kg: str | None
    deduction: QueueDeduction
    flags: list[FlagShown]
    claim: Claim | None
    second_opinion: SecondOpinionAsked | None
    withheld: str | None


class QueuePage(Shape):
    """Loads that wait, what matters most first; `total` is how many there are on all pages."""

    loads: list[QueueLoad]
    total: int
    next_cursor: str | None


class OpinionOfMachine(Shape):
    """What the machine said of a load when a person said what they think."""

    grade: str | None
    deduction_percent: str | None


class OpinionShown(Shape):
    """What a person thinks of a load; `blind` where they did not know what others think."""

    rater: str
    version: int
    grade: str | None
    deduction_percent: str | None
    note: str
    blind: bool
    at: str
    machine: OpinionOfMachine


class SecondOpinionReason(SecondOpinionAsked):
    """Who wants somebody else to decide, and why, where that is not withheld."""

    reason: str | None


class OpinionList(Shape):
    """What people said of a load; `withheld` says why the caller sees only what they said themselves."""

    opinions: list[OpinionShown]
    second_opinion: SecondOpinionReason | None
    withheld: str | None


class LayerFacts(Shape):
    """What of a layer is no opinion."""

    index: int
    start_s: float
    end_s: float
    key_frame_s: float
    key_frame_sha256: str
    new_area: float
    visible: float
    hazards: list[Hazard]


class TruckFacts(Shape):
    """What of a load is no opinion."""

    net_kg: float | None
    hazards: list[Hazard]
    flags: list[FlagShown]


class Facts(Shape):
    """What of an assessment is no opinion, schema "loadlens.facts/1"."""

    schema_: Literal["loadlens.facts/1"] = Field(alias="schema")
    load: ReportLoad
    versions: Versions
    layers: list[LayerFacts]
    truck: TruckFacts


class PriceShown(Shape):
    """What a part of a load is worth."""

    grade: str
    share: str
    per_tonne: str


class AdjustmentShown(Shape):
    """Money added or taken off."""

    amount: str
    reason: str


class MoneyShown(Shape):
    """What a load would be paid, as decimal text."""

    currency: str
    prices: list[PriceShown]
    price_per_tonne: str
    adjustments: list[AdjustmentShown]
    amount: str


class OutcomeShown(Shape):
    """A version of an assessment and what it would be paid; `no_money` says why there is no amount."""

    version: int
    report: Report
    money: MoneyShown | None
    no_money: str | None


class Preview(Shape):
    """What a review would change."""

    before: OutcomeShown
    after: OutcomeShown
