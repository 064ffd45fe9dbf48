"""What is paid for a load, under the example mill's invented prices."""

from decimal import Decimal

import pytest

from loadlens.grading.assessment import assess_load
from loadlens.grading.observation import HazardSighting
from loadlens.grading.quantity import Mass, Money
from loadlens.grading.settlement import Adjustment, SettlementError, settle
from loadlens.grading.standard import load_standard
from loadlens.grading.weighing import Weights

SCALE = Weights(Mass(30000), Mass(10000), Mass(20))


def test_the_price_is_the_mean_of_the_grades_by_their_shares(layer, load, mill):
    half = load(layer({"hms_1": 0.5, "shredded": 0.5}))  # 重废2 at 2720, 破碎料 at 2700
    settlement = settle(assess_load(half, mill(), weights=SCALE))
    assert settlement.price_per_tonne == Money(2710, "CNY")
    assert settlement.amount == Money(54200, "CNY")


def test_or_the_price_of_the_main_grade(layer, load, mill):
    mostly = load(layer({"hms_1": 0.7, "shredded": 0.3}))
    assert settle(assess_load(mostly, mill(price="main_grade"), weights=SCALE)).amount == Money(54400, "CNY")


def test_a_downgraded_load_is_paid_as_the_grade_it_became(soiled, mill):
    settlement = settle(assess_load(soiled(0.03), mill(tolerance="deduct_all"), weights=SCALE))
    assert [line.grade for line in settlement.prices] == ["重废3"]
    assert settlement.mass == Mass(19400)
    assert settlement.amount == Money("51216.00", "CNY")  # 19.4 t at 2640


def test_what_has_no_grade_is_paid_at_the_price_of_the_rest(layer, load, mill):
    settlement = settle(assess_load(load(layer({"hms_1": 0.6, "can_bales": 0.4})), mill(), weights=SCALE))
    assert [(line.grade, line.share) for line in settlement.prices] == [("重废2", Decimal(1))]


def test_an_adjustment_has_a_reason(load, mill):
    assessment = assess_load(load(), mill(), weights=SCALE)
    paid = settle(assessment, (Adjustment(Money("-120.50", "CNY"), "waiting time"),))
    assert paid.amount == Money("54279.50", "CNY")
    with pytest.raises(SettlementError, match=r"an adjustment of 10 CNY needs a reason"):
        Adjustment(Money(10, "CNY"), " ")


def test_a_load_stopped_for_a_hazard_is_not_paid_until_a_person_has_cleared_it(load, mill):
    hazard = HazardSighting("gas_cylinder", 0.5, (1, 2, 3, 4), 12.0, "b" * 64)
    assessment = assess_load(load(hazards=(hazard,)), mill(), weights=SCALE)
    with pytest.raises(SettlementError, match="stopped for a hazard"):
        settle(assessment)
    assert settle(assessment, hazard_cleared=True).amount == Money(54400, "CNY")


def test_what_cannot_be_settled_says_what_is_missing(layer, load, mill):
    with pytest.raises(SettlementError, match="no weights"):
        settle(assess_load(load(), mill()))
    with pytest.raises(SettlementError, match="gbt-39733-2024 has no price for HRS"):
        settle(assess_load(load(), load_standard("gbt-39733-2024"), weights=SCALE))
    with pytest.raises(SettlementError, match="no grade"):
        settle(assess_load(load(layer({"can_bales": 1.0})), mill(), weights=SCALE))
