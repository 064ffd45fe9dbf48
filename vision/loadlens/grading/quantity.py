"""Mass, money and shares: exact, with units that never mix, made and rounded in one place.

A kilogram is not a tonne and a float is neither: `Mass + 3.0` is a TypeError, and so is `Mass("3") + Money("3")`.
Shares arrive from the model as floats; `exact` is the one gate through which they enter the arithmetic of money.
"""

from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Literal, Self

Rounding = Literal["nearest", "down", "up"]
_MODES = {"nearest": ROUND_HALF_UP, "down": ROUND_FLOOR, "up": ROUND_CEILING}


class QuantityError(ValueError):
    """A number that cannot be a mass, an amount of money or a share."""


def decimal_of(value: str | int | Decimal) -> Decimal:
    """The one constructor behind every mass and amount; a float is refused, because 0.1 is not a tenth.

    Raises TypeError for a float or bool, QuantityError for text that is no number or is not finite.
    """
    if isinstance(value, bool) or not isinstance(value, (str, int, Decimal)):
        raise TypeError(f"{value!r} is a {type(value).__name__}; give text, a whole number or a Decimal")
    try:
        if isinstance(value, str) and "_" in value:  # a typing error, which Python would leave out: 4_12 for 4.12
            raise InvalidOperation
        number = Decimal(value)
    except InvalidOperation:
        raise QuantityError(f"{value!r} is not a number") from None
    if not number.is_finite():
        raise QuantityError(f"{value!r} is not a finite number")
    return number


def exact(share: float) -> Decimal:
    """A share from a model as a Decimal, to nine decimals: far finer than any model, and the same on every machine."""
    return decimal_of(f"{share:.9f}")


def round_to(value: Decimal, step: Decimal, rounding: Rounding = "nearest") -> Decimal:
    """Round to a multiple of `step` (> 0). The only rounding of masses and money; halves go up, as scales do."""
    if step <= 0:
        raise QuantityError(f"cannot round to a step of {step}; it must be above zero")
    return (value / step).to_integral_value(_MODES[rounding]) * step


@dataclass(frozen=True, slots=True, order=True, init=False)
class Mass:
    """A mass in kilograms. It may be negative only as a difference (an allowance, a rounding)."""

    kg: Decimal

    def __init__(self, kg: str | int | Decimal) -> None:
        object.__setattr__(self, "kg", decimal_of(kg))

    @classmethod
    def tonnes(cls, tonnes: str | int | Decimal) -> Self:
        """A mass given in tonnes: the only way a tonne gets in, so nobody has to guess the unit."""
        return cls(decimal_of(tonnes) * 1000)

    def __add__(self, other: Self) -> "Mass":
        return Mass(self.kg + other.kg) if isinstance(other, Mass) else NotImplemented

    def __sub__(self, other: Self) -> "Mass":
        return Mass(self.kg - other.kg) if isinstance(other, Mass) else NotImplemented

    def __mul__(self, factor: Decimal | int) -> "Mass":
        return Mass(self.kg * factor) if _is_factor(factor) else NotImplemented

    __rmul__ = __mul__

    def per(self, whole: Self) -> Decimal:
        """This mass as a share of another; QuantityError where the other is zero."""
        if whole.kg == 0:
            raise QuantityError("a share of a mass of zero has no meaning")
        return self.kg / whole.kg

    def rounded(self, division: Self, rounding: Rounding = "nearest") -> "Mass":
        """Rounded to a multiple of the scale division."""
        return Mass(round_to(self.kg, division.kg, rounding))

    def __str__(self) -> str:
        return f"{self.kg.normalize():f} kg"


ZERO = Mass(0)


@dataclass(frozen=True, slots=True, init=False)
class Money:
    """An amount in one currency; two currencies never add up."""

    amount: Decimal
    currency: str

    def __init__(self, amount: str | int | Decimal, currency: str) -> None:
        object.__setattr__(self, "amount", decimal_of(amount))
        object.__setattr__(self, "currency", currency)

    def __add__(self, other: Self) -> "Money":
        if not isinstance(other, Money):
            return NotImplemented
        if other.currency != self.currency:
            raise QuantityError(f"{self.currency} and {other.currency} cannot be added")
        return Money(self.amount + other.amount, self.currency)

    def __mul__(self, factor: Decimal | int) -> "Money":
        return Money(self.amount * factor, self.currency) if _is_factor(factor) else NotImplemented

    __rmul__ = __mul__

    def rounded(self) -> "Money":
        """Rounded to hundredths of the currency."""
        return Money(round_to(self.amount, Decimal("0.01")), self.currency)

    def __str__(self) -> str:
        return f"{self.amount:f} {self.currency}"


def _is_factor(value: object) -> bool:
    return isinstance(value, (Decimal, int)) and not isinstance(value, bool)
