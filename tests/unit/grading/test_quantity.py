"""Masses and money: exact, one constructor, one rounding."""

from decimal import Decimal

import pytest

from loadlens.grading.quantity import Mass, Money, QuantityError, exact, round_to


def test_tenths_are_tenths():
    assert Mass("0.1") + Mass("0.2") == Mass("0.3")


def test_a_tonne_enters_only_by_name():
    assert Mass.tonnes("32.5") == Mass(32500)


@pytest.mark.parametrize("value", [1.5, True, None, [1]])
def test_what_is_not_exact_is_refused(value):
    with pytest.raises(TypeError, match="give text, a whole number or a Decimal"):
        Mass(value)


@pytest.mark.parametrize("text", ["", "12 kg", "NaN", "inf", "1,5", "4_12"])
def test_what_is_no_number_is_refused(text):
    with pytest.raises(QuantityError, match="is not a"):
        Mass(text)


@pytest.mark.parametrize(
    ("kg", "how", "rounded"),
    [("1189", "nearest", 1180), ("1190", "nearest", 1200), ("1199.9", "down", 1180), ("1180.1", "up", 1200)],
)
def test_masses_are_rounded_to_the_scale_division(kg, how, rounded):
    assert Mass(kg).rounded(Mass(20), how) == Mass(rounded)


def test_a_step_of_zero_is_refused():
    with pytest.raises(QuantityError, match="above zero"):
        round_to(Decimal(1), Decimal(0))


def test_a_share_of_nothing_is_refused():
    with pytest.raises(QuantityError, match="zero"):
        Mass(1).per(Mass(0))


def test_two_currencies_never_add_up():
    with pytest.raises(QuantityError, match="EUR and CNY"):
        Money(1, "EUR") + Money(1, "CNY")


def test_a_share_enters_the_arithmetic_of_money_exactly_once():
    assert exact(0.1 + 0.2) == Decimal("0.3")
