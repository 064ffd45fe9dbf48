"""What is taken off, cause by cause, under each tolerance policy."""

from dataclasses import replace
from decimal import Decimal

import pytest

from loadlens.grading.assessment import assess_load
from loadlens.grading.deduction import Judged, JudgedError, PickedItem
from loadlens.grading.quantity import Mass
from loadlens.grading.standard import Figure
from loadlens.grading.weighing import Weights

# 33 t net, scale division 20 kg. The example mill allows 0.5 % of inclusions.
SCALE = Weights(Mass(49000), Mass(16000), Mass(20))


def flags(assessment, *levels):
    return {flag.code for flag in assessment.flags if flag.level in levels}


def kg_by_cause(assessment):
    return {item.cause: item.mass for item in assessment.deduction.items}


@pytest.mark.parametrize(
    ("tolerance", "share", "kg"),
    [
        ("deduct_all", 0.004, 140),  # 132 kg
        ("deduct_all", 0.02, 660),
        ("excess_only", 0.004, 0),
        ("excess_only", 0.02, 500),  # 660 - 165 = 495 kg
        ("all_above_limit", 0.004, 0),
        ("all_above_limit", 0.02, 660),
    ],
)
def test_each_tolerance_policy_deducts_what_it_says(tolerance, share, kg, soiled, mill):
    assessment = assess_load(soiled(share), mill(tolerance=tolerance), weights=SCALE)
    assert assessment.deduction.mass == Mass(kg)
    assert assessment.settlement == Mass(33000 - kg)


def test_the_allowance_stands_on_the_sheet_as_a_cause_of_its_own(soiled, mill):
    causes = kg_by_cause(assess_load(soiled(0.02), mill(tolerance="excess_only"), weights=SCALE))
    assert causes == {"impurity": Mass(660), "allowance": Mass(-165), "rounding": Mass(5)}


def test_residue_and_what_was_seen_are_held_against_the_limit_together(soiled, mill):
    """0.4 % seen and 0.3 % swept up are 0.7 %: above 0.5 %."""
    assessment = assess_load(
        soiled(0.004), mill(tolerance="all_above_limit"), weights=SCALE, judged=Judged(residue=Mass(99))
    )
    assert assessment.deduction.mass == Mass(240)  # 132 + 99 = 231
    assert "above_limit" in flags(assessment, "info")
    assert "residue_added" in flags(assessment, "info")


def test_above_the_ceiling_the_load_goes_to_a_person_to_be_returned(soiled, mill):
    assert "above_ceiling" in flags(assess_load(soiled(0.11), mill()), "review")
    assert "above_ceiling" not in flags(assess_load(soiled(0.09), mill()), "review")


def test_above_the_limit_a_person_looks_unless_the_policy_has_foreseen_it(soiled, mill):
    assert "above_limit" in flags(assess_load(soiled(0.02), mill(tolerance="deduct_all")), "review")
    assert "above_limit" in flags(assess_load(soiled(0.02), mill(tolerance="excess_only")), "info")


@pytest.mark.parametrize(
    ("tolerance", "share", "level"),
    [
        ("all_above_limit", 0.0045, "review"),
        ("excess_only", 0.0045, "review"),
        ("deduct_all", 0.0045, "info"),  # no kilogram depends on the limit
        ("deduct_all", 0.099, "review"),  # but the return of the load depends on the ceiling
    ],
)
def test_an_interval_on_both_sides_of_what_decides_goes_to_a_person(tolerance, share, level, soiled, mill):
    assert "interval_straddles_limit" in flags(assess_load(soiled(share), mill(tolerance=tolerance)), level)


def test_an_interval_on_one_side_raises_nothing(soiled, mill):
    assert "interval_straddles_limit" not in flags(assess_load(soiled(0.05), mill()), "info", "review")


def test_every_cause_is_itemised(soiled, mill):
    judged = Judged(
        residue=Mass(100),
        items=(PickedItem("electric motor", Mass(60)), PickedItem("tyre", Mass("12.5"))),
        water_percent=Decimal("0.5"),
        oil_percent=Decimal("0.2"),
        packaging=Mass(40),
        other=Mass(30),
        other_reason="frozen floor",
    )
    assessment = assess_load(soiled(0.02), mill(tolerance="deduct_all"), weights=SCALE, judged=judged)
    causes = assessment.to_report()["truck"]["deduction"]["by_cause"]
    assert {name: cause["kg"] for name, cause in causes.items()} == {
        "residue": 100.0,
        "impurity": 660.0,
        "water": 165.0,
        "oil": 66.0,
        "picked_items": 72.5,
        "packaging": 40.0,
        "other": 30.0,
        "rounding": 6.5,
    }
    assert causes["picked_items"]["why"] == "electric motor; tyre"
    assert assessment.deduction.mass == Mass(1140)


def test_a_deduction_of_more_than_the_net_is_capped_and_looked_at(soiled, mill):
    assessment = assess_load(soiled(0.2), mill(), weights=SCALE, judged=Judged(items=(PickedItem("", Mass(40000)),)))
    assert assessment.deduction.mass == SCALE.net
    assert assessment.settlement == Mass(0)
    assert "deduction_capped" in flags(assessment, "review")


def test_a_persons_figure_above_the_net_is_looked_at_too(soiled, mill):
    judged = Judged(contaminants={"soil": Mass(40000)})
    assessment = assess_load(soiled(0.02), mill(return_above=None), weights=SCALE, judged=judged)
    assert assessment.settlement == Mass(0)
    assert "deduction_capped" in flags(assessment, "review")
    assert kg_by_cause(assessment)["impurity"] == Mass(40000)


def test_where_the_high_end_alone_is_capped_nothing_says_that_the_deduction_was(soiled, mill):
    wet = Judged(water_percent=Decimal("97.9"))
    assessment = assess_load(soiled(0.02), mill(tolerance="deduct_all"), weights=SCALE, judged=wet)
    assert assessment.deduction.high == SCALE.net
    assert assessment.deduction.mass < SCALE.net
    assert "deduction_capped" not in flags(assessment, "review")


def test_without_weights_percentages_remain(soiled, mill):
    report = assess_load(soiled(0.02), mill(tolerance="deduct_all")).to_report()["truck"]
    deduction = report["deduction"]
    assert (deduction["kg"], deduction["kg_low"], report["net_kg"], report["settlement_kg"]) == (None,) * 4
    assert report["contaminants"]["soil"]["kg"] is None
    assert deduction["percent_of_net"] == pytest.approx(2.0)
    assert deduction["percent_low"] < 2 < deduction["percent_high"]
    assert deduction["by_cause"]["impurity"] == {
        "kg": None,
        "kg_low": None,
        "kg_high": None,
        "percent_of_net": pytest.approx(2.0),
        "why": "contaminants seen in the layers, area times density",
    }


def test_kilograms_without_weights_are_not_lost_in_silence(soiled, mill):
    assessment = assess_load(soiled(0.02), mill(), judged=Judged(residue=Mass(50)))
    assert "judged_without_weights" in flags(assessment, "review")


def test_an_unverified_limit_decides_nothing_unless_the_file_says_so(soiled, mill):
    unread = Figure(Decimal("0.5"), "unverified", "nowhere")
    standard = replace(mill(tolerance="excess_only"), lot_limit=unread)
    assessment = assess_load(soiled(0.004), standard, weights=SCALE)
    assert assessment.deduction.mass == Mass(140)
    assert "limit_unverified" in flags(assessment, "review")
    trusting = replace(mill(tolerance="excess_only", unverified_figures_decide=True), lot_limit=unread)
    assert assess_load(soiled(0.004), trusting, weights=SCALE).deduction.mass == Mass(0)


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ({"other": Mass(5)}, "other is 5 kg without a reason"),
        ({"other": Mass(5), "other_reason": "  "}, "without a reason"),
        ({"residue": Mass(-5)}, "residue is -5 kg"),
        ({"items": (PickedItem("tyre", Mass(-1)),)}, "tyre is -1 kg"),
        ({"water_percent": Decimal(101)}, "water is 101 %"),
        ({"oil_percent": Decimal(-1)}, "oil is -1 %"),
    ],
)
def test_what_cannot_be_deducted_is_refused(entries, message):
    with pytest.raises(JudgedError, match=message):
        Judged(**entries)
