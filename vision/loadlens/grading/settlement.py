"""From an assessment and a mill's prices to what is paid: the lines of the ticket.

    amount = settlement mass x price + adjustments, each with its reason

The price is the mean of the grades' prices by their shares of what could be graded, or that of the truck's grade, as
the standard says. What has no grade and what is unknown is paid at the price of the rest; the flags of the
assessment say how much that is.
"""

import math
from dataclasses import dataclass
from decimal import Decimal

from loadlens.grading.assessment import LoadAssessment
from loadlens.grading.flags import same_grade
from loadlens.grading.quantity import Mass, Money, exact
from loadlens.grading.standard import Standard


class SettlementError(ValueError):
    """An assessment that cannot be settled: the message says what is missing."""


@dataclass(frozen=True, slots=True)
class Adjustment:
    """Money added (or taken off, when negative) beside the price; it always has a reason. Raises SettlementError."""

    amount: Money
    reason: str

    def __post_init__(self) -> None:
        if not self.reason.strip():
            raise SettlementError(f"an adjustment of {self.amount} needs a reason")


@dataclass(frozen=True, slots=True)
class PriceLine:
    """One grade in the price: its share of what could be graded (0..1) and its price per tonne."""

    grade: str
    share: Decimal
    price_per_tonne: Money


@dataclass(frozen=True, slots=True)
class Settlement:
    """What one assessment is worth. `amount` = `mass` x `price_per_tonne` + adjustments, rounded once."""

    net: Mass
    deduction: Mass
    mass: Mass
    prices: tuple[PriceLine, ...]
    price_per_tonne: Money
    adjustments: tuple[Adjustment, ...]
    amount: Money


def settle(
    assessment: LoadAssessment, adjustments: tuple[Adjustment, ...] = (), *, hazard_cleared: bool = False
) -> Settlement:
    """Settle an assessed load. A load that was stopped is settled only once a person has cleared the hazard.

    Raises SettlementError where weights, a grade or a price are missing; QuantityError where currencies differ.
    """
    if assessment.decision == "stop" and not hazard_cleared:
        raise SettlementError("the load was stopped for a hazard; a person must clear it first")
    if assessment.weights is None or assessment.settlement is None or assessment.deduction.mass is None:
        raise SettlementError("there are no weights; give gross and tare")
    prices, per_tonne = price_of(assessment)
    amount = per_tonne * (assessment.settlement.kg / 1000)
    for adjustment in adjustments:
        amount += adjustment.amount
    return Settlement(
        net=assessment.weights.net,
        deduction=assessment.deduction.mass,
        mass=assessment.settlement,
        prices=prices,
        price_per_tonne=per_tonne,
        adjustments=adjustments,
        amount=amount.rounded(),
    )


def price_of(assessment: LoadAssessment) -> tuple[tuple[PriceLine, ...], Money]:
    """The lines of the price and the price per tonne that they give, to the hundredth; weights are not needed.

    Raises SettlementError where a grade or its price is missing.
    """
    prices = _prices(assessment)
    per_tonne = Money(0, assessment.standard.rules.currency)
    for line in prices:
        per_tonne += line.price_per_tonne * line.share
    return prices, per_tonne.rounded()


def _prices(assessment: LoadAssessment) -> tuple[PriceLine, ...]:
    grade, composition = assessment.grade, assessment.composition
    if grade is None:
        raise SettlementError("the load has no grade, so it has no price")
    if assessment.standard.rules.price == "main_grade":
        return (PriceLine(grade, Decimal(1), _price(assessment.standard, grade)),)
    total = math.fsum(composition.grades.values())
    main = composition.main_grade
    lines = []
    for code, share in composition.grades.items():
        # After a downgrade, what was the main grade, or is a member of it, is paid as the grade it became.
        lowered = main is not None and grade != main and same_grade(assessment.standard, main, code)
        paid_as = grade if lowered else code
        if share > 0:
            lines.append(PriceLine(paid_as, exact(share / total), _price(assessment.standard, paid_as)))
    return tuple(lines)


def _price(standard: Standard, code: str) -> Money:
    grade = standard.grade(code)
    if grade is None or grade.price_per_tonne is None or not standard.rules.currency:
        raise SettlementError(f"{standard.id} has no price for {code}; add price_per_tonne and rules.currency")
    return Money(grade.price_per_tonne, standard.rules.currency)
