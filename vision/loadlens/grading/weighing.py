"""The weights of a load and how far the scale itself may be wrong.

The permissible errors are the floor under every deduction: no deduction can be shown to be better than the scale.
R76 (class III truck scale, first verification, doubled in use): +-0.5 e up to 500 e, +-1.0 e up to 2000 e, +-1.5 e
up to 10000 e. R106 (rail in motion), in service: +-0.2 / 0.5 / 1 / 2 % of the weighed mass by class.
Sources: OIML R76 as quoted by scale makers' pages; UK SI 2003/2454 schedule 6 for R106.
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from loadlens.grading.quantity import Mass

ScaleClass = Literal["R76-III", "R106-0.2", "R106-0.5", "R106-1", "R106-2"]
# The common division of a truck scale of 30-100 t; used, and flagged, where nobody gave the real one.
ASSUMED_DIVISION = Mass(20)
_R76_STEPS = ((500, Decimal("0.5")), (2000, Decimal("1.0")), (10000, Decimal("1.5")))
_IN_USE = 2


class WeightsError(ValueError):
    """Weights that cannot be true: the message names the figure and what to do."""


@dataclass(frozen=True, slots=True)
class Weights:
    """Gross and tare of one load and the scale they come from.

    `division` is the scale interval e; None where it is not known (ASSUMED_DIVISION is used and flagged).
    Raises WeightsError where tare is negative or not below gross, or the division is not above zero.
    """

    gross: Mass
    tare: Mass
    division: Mass | None = None
    scale: ScaleClass = "R76-III"

    def __post_init__(self) -> None:
        if self.tare.kg < 0:
            raise WeightsError(f"the tare is {self.tare}; a weight cannot be negative")
        if self.gross <= self.tare:
            raise WeightsError(f"gross {self.gross} is not above tare {self.tare}; are they swapped, or one in tonnes?")
        if self.division is not None and self.division.kg <= 0:
            raise WeightsError(f"the scale division is {self.division}; it must be above zero")

    @property
    def net(self) -> Mass:
        """Gross minus tare."""
        return self.gross - self.tare

    @property
    def step(self) -> Mass:
        """The scale division, or the assumed one."""
        return self.division or ASSUMED_DIVISION

    def scale_uncertainty(self) -> Mass | None:
        """How far the net may be wrong by the law of the scale: root of the sum of the squares of both errors.

        None where a weighing lies outside the table (more than 10000 divisions on a class III scale).
        """
        errors = [permissible_error(mass, self.step, self.scale) for mass in (self.gross, self.tare)]
        if any(error is None for error in errors):
            return None
        squares = sum((error.kg**2 for error in errors if error is not None), Decimal(0))
        return Mass(squares.sqrt().quantize(Decimal("0.1")))


def permissible_error(mass: Mass, division: Mass, scale: ScaleClass) -> Mass | None:
    """The largest error the law allows one weighing in use; None where the mass is outside the scale's table."""
    if scale != "R76-III":
        return Mass(mass.kg * Decimal(scale.removeprefix("R106-")) / 100)
    for steps, error in _R76_STEPS:
        if mass.kg <= steps * division.kg:
            return Mass(error * _IN_USE * division.kg)
    return None
