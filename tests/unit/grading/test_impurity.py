"""The interval of the impurity: wider where the eye or the density is surer to be wrong."""

from dataclasses import replace

import pytest

from loadlens.grading.assessment import ObservationError, assess_load, impurity_estimate
from loadlens.grading.deduction import Judged
from loadlens.grading.observation import AreaError, SurfaceClass
from loadlens.grading.quantity import Mass
from loadlens.grading.standard import load_standard
from loadlens.grading.weighing import Weights

STANDARD = load_standard("gbt-39733-2024")


def test_a_clean_load_still_has_an_interval_above_zero(load):
    error = AreaError({"soil": 0.02}, 0.0, 0.9, -1.5, 2.0, 120)
    share, sigma = impurity_estimate(load(area_error=error), STANDARD)
    assert share == 0
    assert sigma == pytest.approx(0.02 * 0.5)  # area error x density of soil


def test_sigma_holds_the_range_of_the_density(soiled):
    error = AreaError({}, 0.0, 0.9, -1.5, 2.0, 120)
    load = soiled(0.04, area_error=error)
    area = load.layers[0].contaminants["soil"]
    share, sigma = impurity_estimate(load, STANDARD)
    assert share == pytest.approx(0.04)
    # The propagated error is the slope of the share in the density times half the 90 % range over 1.645.
    step = 1e-6
    slope = ((0.5 + step) * area / (1 - area + (0.5 + step) * area) - share) / step
    assert sigma == pytest.approx(slope * (0.8 - 0.3) / (2 * 1.645), rel=1e-3)


def test_sigma_grows_with_the_error_of_the_eye(soiled):
    small, large = (AreaError({}, sd, 0.9, -1.5, 2.0, 120) for sd in (0.001, 0.01))
    assert (
        impurity_estimate(soiled(0.04, area_error=large), STANDARD)[1]
        > impurity_estimate(soiled(0.04, area_error=small), STANDARD)[1]
    )


def test_of_a_load_seen_to_be_twice_as_dirty_sigma_is_twice_as_wide_where_the_eye_errs_in_proportion(load, layer):
    # Brick as dense as scrap, and known to be: then mass is area.
    classes = {"hms_1": SurfaceClass("hms_1", "form"), "brick": SurfaceClass("brick", "contaminant")}
    error = AreaError({}, 0.0, 0.9, -1.5, 2.0, 120, relative_sd=0.5)
    for area in (0.02, 0.04):
        seen = layer({"hms_1": 1 - area}, contaminants={"brick": area})
        share, sigma = impurity_estimate(load(seen, classes=classes, area_error=error), STANDARD)
        assert share == pytest.approx(area)
        assert sigma == pytest.approx(0.5 * area)


def test_the_interval_is_the_estimate_plus_quantiles_of_sigma(soiled):
    error = AreaError({}, 0.004, 0.9, -1.25, 2.5, 120)
    load = soiled(0.05, area_error=error)
    share, sigma = impurity_estimate(load, STANDARD)
    deduction = assess_load(load, STANDARD).deduction
    assert float(deduction.share_low) == pytest.approx(share - 1.25 * sigma)
    assert float(deduction.share_high) == pytest.approx(share + 2.5 * sigma)


def test_biased_quantiles_never_leave_the_estimate_outside(soiled):
    deduction = assess_load(soiled(0.05, area_error=AreaError({}, 0.01, 0.9, 0.5, 2.0, 120)), STANDARD).deduction
    assert deduction.share_low == deduction.share


def test_a_model_without_measured_errors_gets_no_interval_and_a_person_looks(soiled):
    assessment = assess_load(soiled(0.05, area_error=None), STANDARD)
    assert assessment.deduction.share_low is None
    assert assessment.deduction.share_high is None
    assert "not_calibrated" in {flag.code for flag in assessment.flags if flag.level == "review"}
    assert assessment.decision == "review"


def test_errors_do_not_average_out_over_layers(layer, load):
    """One camera, one light, one material: ten layers are not ten independent looks."""
    one = load(layer(new_area=1.0))
    ten = load(*(layer(index=index, new_area=0.1) for index in range(10)))
    assert impurity_estimate(ten, STANDARD)[1] == pytest.approx(impurity_estimate(one, STANDARD)[1])


def test_what_the_model_never_learned_has_no_part_in_sigma(load):
    known = load()
    without = replace(known, classes={name: known.classes[name] for name in known.classes if name != "wood"})
    assert impurity_estimate(without, STANDARD)[1] < impurity_estimate(known, STANDARD)[1]


def test_a_contaminant_that_a_person_has_weighed_has_no_error_of_the_camera(soiled):
    weights = Weights(Mass(30000), Mass(10000), Mass(20))
    load = soiled(0.05, area_error=AreaError({}, 0.01, 0.9, -1.5, 2.0, 120))
    judged = Judged(contaminants={"soil": Mass(400)})
    soil = assess_load(load, STANDARD, weights=weights, judged=judged).contaminants["soil"]
    assert (soil.share, soil.low, soil.high) == (0.02, 0.02, 0.02)
    none_left = assess_load(load, STANDARD, weights=weights, judged=Judged(contaminants={"soil": Mass(0)}))
    assert none_left.contaminants["soil"].share == 0
    assert "contaminants_judged" in {flag.code for flag in none_left.flags}


def test_a_contaminant_that_the_model_does_not_know_is_given_as_an_item(soiled):
    judged = Judged(contaminants={"gold": Mass(1)})
    with pytest.raises(ObservationError, match="give it as an item"):
        assess_load(soiled(0.05), STANDARD, weights=Weights(Mass(30000), Mass(10000)), judged=judged)
