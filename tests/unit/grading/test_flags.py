"""Every doubt has a code, a level and a sentence; the gravest decides."""

from dataclasses import replace
from decimal import Decimal

import pytest

from loadlens.grading.assessment import assess_load
from loadlens.grading.deduction import Judged
from loadlens.grading.observation import Doubt, HazardSighting, SurfaceClass
from loadlens.grading.quantity import Mass
from loadlens.grading.standard import Figure, load_standard
from loadlens.grading.weighing import Weights

CYLINDER = HazardSighting("gas_cylinder", 0.31, (10, 20, 30, 40), 12.0, "b" * 64)
GBT = load_standard("gbt-39733-2024")


def levels(assessment):
    return {flag.code: flag.level for flag in assessment.flags}


def why(assessment, code):
    return next(flag.why for flag in assessment.flags if flag.code == code)


def test_a_clean_load_that_was_seen_well_is_accepted(load, mill):
    assessment = assess_load(load(), mill())
    assert assessment.decision == "accept"
    assert set(levels(assessment).values()) <= {"info"}


def test_one_hazard_among_a_thousand_clean_frames_stops_the_load(load, layer, mill):
    layers = (*(layer(index=index) for index in range(30)), layer(index=30, hazards=(CYLINDER,)))
    assessment = assess_load(load(*layers), mill())
    assert assessment.decision == "stop"
    assert why(assessment, "hazard") == (
        "gas cylinder seen once, first at 12.0 s (score 0.31): stop unloading and look"
    )


def test_the_same_hazard_in_the_load_and_in_its_layer_is_one(load, layer, mill):
    assessment = assess_load(load(layer(hazards=(CYLINDER,)), hazards=(CYLINDER,)), mill())
    assert assessment.hazards == (CYLINDER,)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"coverage": 0.8499}, "coverage_low"),
        ({"duplicate_area": 0.10}, "duplicate_high"),
        ({"layers": ()}, "no_layers"),
        ({"area_error": None}, "not_calibrated"),
        ({"doubts": (Doubt("stream_cut", "the stream ended early"),)}, "stream_cut"),
    ],
)
def test_a_doubt_about_what_was_seen_sends_the_load_to_a_person(changes, code, load, mill):
    assessment = assess_load(replace(load(), **changes), mill())
    assert levels(assessment)[code] == "review"
    assert assessment.decision == "review"


@pytest.mark.parametrize("changes", [{"coverage": 0.85}, {"duplicate_area": 0.0999}])
def test_on_the_gate_is_good_enough_for_coverage_and_not_for_duplicates(changes, load, mill):
    assert assess_load(load(**changes), mill()).decision == "accept"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"forms": {"hms_1": 0.8}, "unknown": 0.2}, "unknown_high"),
        ({"confidence": 0.45}, "confidence_low"),
        ({"forms": {"hms_1": 0.9, "can_bales": 0.1}}, "ungraded"),
        ({"forms": {"can_bales": 1.0}}, "no_grade"),
    ],
)
def test_a_doubt_about_a_layer_sends_the_load_to_a_person(changes, code, layer, load, mill):
    assert levels(assess_load(load(layer(**changes)), mill()))[code] == "review"


def test_a_site_sets_its_own_gates(load, mill):
    standard = mill()
    strict = replace(standard, gates=replace(standard.gates, coverage_min=Figure(Decimal(99), "choice", "contract")))
    assert levels(assess_load(load(coverage=0.97), strict))["coverage_low"] == "review"


def test_a_little_that_has_no_grade_is_said_but_does_not_stop_the_work(layer, load, mill):
    assessment = assess_load(load(layer({"hms_1": 0.98, "can_bales": 0.02})), mill())
    assert levels(assessment)["ungraded"] == "info"
    assert "can_bales" in why(assessment, "ungraded")


def test_a_grade_judged_from_appearance_says_what_it_could_also_be(load):
    sentence = why(assess_load(load(), GBT), "grade_from_appearance")
    assert "HRS (one of HRS101, HRS102)" in sentence
    assert "could also be MRS" in sentence
    assert "thickness" in sentence


def test_a_trace_of_another_form_is_neither_told_nor_a_reason_to_doubt_the_grade(layer, load, mill):
    traces = {"hms_1": 1 - 3e-6, "rails": 1e-6, "alternators": 1e-6, "can_bales": 1e-6}
    seen = load(layer(traces), classes={**load().classes, "alternators": SurfaceClass("alternators", "form")})
    assessment = assess_load(seen, mill())
    assert "ungraded" not in levels(assessment)
    forms = tuple(replace(rule, grade="重废2") if rule.form == "rails" else rule for rule in mill().forms)
    told = why(assess_load(seen, replace(mill(), forms=forms)), "grade_from_appearance")
    assert "length" not in told
    assert "could also be 重废1, 重废3" in told


def test_a_missing_grab_mass_sends_the_load_to_a_person(load, mill):
    assert levels(assess_load(load(), mill(layer_weight="grab_mass")))["grab_mass_missing"] == "review"


def test_an_interval_measured_under_another_policy_is_said(load, mill):
    assert levels(assess_load(load(), mill(layer_weight="equal")))["interval_other_policy"] == "info"


@pytest.mark.parametrize(
    ("declared", "code"),
    [("SRS", "declared_differs"), ("SRS401", "declared_differs"), ("HRS9", "declared_unknown")],
)
def test_another_declared_grade_sends_the_load_to_a_person(declared, code, load):
    assert levels(assess_load(load(), GBT, declared=declared))[code] == "review"


@pytest.mark.parametrize("declared", ["HRS", "HRS102"])
def test_a_declared_grade_inside_the_group_that_was_seen_agrees(declared, load):
    assert "declared_differs" not in levels(assess_load(load(), GBT, declared=declared))


def test_the_limit_of_a_declared_grade_inside_the_group_holds(soiled):
    """Group HRS allows 0.8 %, but who declares HRS102 promises 0.3 %."""
    standard = load_standard("gbt-39733-2020")
    assert "within_limit" in levels(assess_load(soiled(0.005), standard, declared="HRS101"))
    assert "above_limit" in levels(assess_load(soiled(0.005), standard, declared="HRS102"))


def test_a_declared_grade_that_the_model_cannot_recognise_is_said(load):
    assessment = assess_load(load(forms_known=("hms_1",)), GBT, declared="SRS")
    assert levels(assessment)["declared_not_recognisable"] == "review"
    assert "shredded" in why(assessment, "forms_outside_model")


def test_a_grade_that_nobody_has_read_sends_the_load_to_a_person(layer, load):
    assessment = assess_load(load(layer({"shredded": 1.0})), load_standard("rema-ferrous"))
    assert assessment.grade == "211"
    assert levels(assessment)["grade_unverified"] == "review"


@pytest.mark.parametrize(
    ("started_at", "standard_id", "code"),
    [
        ("2026-03-01T08:00:00+00:00", "gbt-39733-2020", "standard_superseded"),
        ("2025-03-01T08:00:00+00:00", "gbt-39733-2024", "standard_not_in_force"),
    ],
)
def test_a_standard_out_of_its_time_is_said(started_at, standard_id, code, load):
    assert levels(assess_load(load(started_at=started_at), load_standard(standard_id)))[code] == "info"
    undated = assess_load(load(started_at="yesterday"), load_standard(standard_id))
    assert code not in levels(undated)


def test_the_scale_is_named_where_it_is_the_larger_error(soiled, mill):
    standard = mill(tolerance="deduct_all")
    small = assess_load(soiled(0.001), standard, weights=Weights(Mass(49000), Mass(16000)))
    assert levels(small)["below_scale_uncertainty"] == "info"
    assert levels(small)["division_assumed"] == "info"
    beyond = assess_load(soiled(0.001), standard, weights=Weights(Mass(49000), Mass(16000), Mass(1)))
    assert levels(beyond)["scale_error_unknown"] == "review"


def test_too_many_inclusions_lower_the_grade_one_step(soiled, mill):
    assessment = assess_load(soiled(0.03), mill())
    assert (assessment.composition.main_grade, assessment.grade) == ("重废2", "重废3")
    assert "重废2 becomes 重废3" in why(assessment, "downgraded")
    assert assess_load(soiled(0.015), mill()).grade == "重废2"


@pytest.mark.parametrize(("share", "lowered"), [(0.0195, False), (0.0205, True)])
def test_an_interval_that_leaves_a_downgrade_open_goes_to_a_person(share, lowered, soiled, mill):
    assessment = assess_load(soiled(share), mill())
    assert ("downgraded" in levels(assessment)) == lowered
    assert levels(assessment)["downgrade_uncertain"] == "review"
    assert "both sides of 2 %" in why(assessment, "downgrade_uncertain")
    assert "downgrade_uncertain" not in levels(assess_load(soiled(0.05), mill()))
    assert "downgrade_uncertain" not in levels(assess_load(soiled(share), mill(grade_order=("重废1", "重废2"))))


def test_too_much_of_a_form_lowers_the_grade(layer, load, mill):
    assert assess_load(load(layer({"hms_1": 0.75, "turnings": 0.25})), mill()).grade == "重废3"


def test_a_grade_outside_the_ladder_is_not_lowered_but_looked_at(layer, load, mill):
    dirty = load(layer({"shredded": 0.9}, contaminants={"soil": 0.1}))
    assessment = assess_load(dirty, mill())
    assert assessment.grade == "破碎料"
    assert levels(assessment)["downgrade_impossible"] == "review"


def test_an_unverified_figure_lowers_nothing(soiled, mill):
    standard = mill()
    rule = replace(standard.downgrades[0], above=Figure(Decimal(2), "unverified", "nowhere"))
    assessment = assess_load(soiled(0.03), replace(standard, downgrades=(rule,)))
    assert assessment.grade == "重废2"
    assert levels(assessment)["downgrade_unverified"] == "review"


def test_the_lowest_grade_stays_the_lowest(soiled, mill):
    assessment = assess_load(soiled(0.03), mill(grade_order=("重废1", "重废2")))
    assert assessment.grade == "重废2"
    assert "重废2 is the lowest of the order" in why(assessment, "downgrade_impossible")
    assert "downgraded" not in levels(assessment)


@pytest.mark.parametrize("limit", ["0.7", "0.1", "2.3"])
def test_a_figure_that_is_exactly_at_its_limit_lowers_nothing(limit, load, layer, mill):
    standard = mill(tolerance="deduct_all")
    figure = Figure(Decimal(limit), "choice", "contract")
    rules = (replace(standard.downgrades[0], above=figure), replace(standard.downgrades[1], above=figure))
    swept = Judged(residue=Mass(30000) * (figure.value / 100))
    scale = Weights(Mass(46000), Mass(16000), Mass(20))
    turnings = float(figure.value) / 100
    seen = load(layer({"hms_1": 1 - turnings, "turnings": turnings}))
    assessment = assess_load(seen, replace(standard, downgrades=rules), weights=scale, judged=swept)
    assert assessment.grade == "重废2"
    limited = assess_load(seen, replace(standard, lot_limit=figure), weights=scale, judged=swept)
    assert "above_limit" not in levels(limited)


def test_a_figure_next_to_its_limit_is_told_with_the_digits_that_differ(soiled, mill):
    above = assess_load(soiled(0.0050004), mill())
    assert why(above, "above_limit") == "inclusions of 0.50004 % are above the limit of 0.5 %"
    assert "inclusions of 0.49996 % are within" in why(assess_load(soiled(0.0049996), mill()), "within_limit")


def test_why_no_layer_was_seen_is_told(load, mill):
    dark = Doubt("frame_dark", "too dark to see the scrap well; switch the yard light on (500 of 500 frames)")
    unseen = assess_load(replace(load(), layers=(), doubts=(dark,)), mill())
    assert "too dark" in why(unseen, "frame_dark")
    assert levels(unseen)["frame_dark"] == "review"


def test_of_a_load_that_nobody_saw_nothing_says_that_it_is_clean(load, mill):
    unseen = assess_load(replace(load(), layers=()), mill(), weights=Weights(Mass(49000), Mass(16000)))
    assert "within_limit" not in levels(unseen)
    assert unseen.explain()[0] == "No layer of the load was seen by a camera."


def test_what_people_measured_is_said_to_count_only_where_it_does(load, soiled, mill):
    scale, swept = Weights(Mass(49000), Mass(16000)), Judged(residue=Mass(99))
    assert "residue_added" in levels(assess_load(soiled(0.02), mill(), weights=scale, judged=swept))
    assert "residue_added" not in levels(assess_load(load(), mill(), weights=scale, judged=swept))
    unweighed = levels(assess_load(soiled(0.02), mill(), judged=replace(swept, contaminants={"soil": Mass(50)})))
    assert not {"residue_added", "contaminants_judged"} & unweighed.keys()
    assert unweighed["judged_without_weights"] == "review"


@pytest.mark.parametrize(("gross", "tare", "doubted"), [("48.96", "16.42", True), ("48960", "16420", False)])
def test_tonnes_that_were_given_for_kilograms_send_the_load_to_a_person(gross, tare, doubted, soiled, mill):
    assessment = assess_load(soiled(0.02), mill(), weights=Weights(Mass(gross), Mass(tare)))
    assert ("net_too_small" in levels(assessment)) == doubted
    if doubted:
        assert why(assessment, "net_too_small") == (
            "the net of 32.54 kg is less than 50 divisions of 20 kg; were tonnes given?"
        )
