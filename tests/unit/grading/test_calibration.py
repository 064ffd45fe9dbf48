"""A site's calibration is an explicit, recorded input of grading, and is refused where it does not belong."""

import json
from dataclasses import replace

import pytest

from loadlens.grading.assessment import assess_load
from loadlens.grading.calibration import CalibrationError, load_calibration, parse_calibration
from loadlens.grading.composition import compose
from loadlens.grading.correction import Corrections, LayerCorrection
from loadlens.grading.deduction import Judged
from loadlens.grading.observation import SurfaceClass
from loadlens.grading.quantity import Mass
from loadlens.grading.standard import load_standard
from loadlens.grading.weighing import Weights

STANDARD = load_standard("gbt-39733-2024")
SAID = {
    "schema": "loadlens.calibration/1",
    "site": "north yard",
    "model": {"name": "test", "version": "1", "sha256": "0" * 64},
    "standard": {"id": STANDARD.id, "version": STANDARD.version, "sha256": "1" * 64, "layer_weight": "area_density"},
    "factor": {"wood": 1.0, "soil": 2.0},
    "unseen": 0.01,
    "depth_trend": 0.0,
    "interval": {"level": 0.9, "unseen_sd": 0.005, "relative_sd": 0.0, "low_quantile": -1.0, "high_quantile": 2.0},
    "tickets": {"used": 60},
}
WEIGHTS = Weights(Mass(40000), Mass(15000), Mass(20))


def calibration(**changes):
    return parse_calibration(json.dumps({**SAID, **changes}).encode(), name="c.json")


def test_a_load_is_deducted_as_the_site_taught_and_says_so(soiled) -> None:
    plain = assess_load(soiled(0.03), STANDARD, weights=WEIGHTS)
    taught = assess_load(soiled(0.03), STANDARD, weights=WEIGHTS, calibration=calibration())
    assert plain.composition.impurity == pytest.approx(0.03)
    assert taught.composition.impurity == pytest.approx(2 * 0.03 + 0.01)
    report = taught.to_report()
    assert report["versions"]["calibration"] == {"site": "north yard", "sha256": calibration().sha256}
    assert report["truck"]["contaminants"]["soil"]["mass"] == pytest.approx(0.06)
    # 7 % of 25 t, from one sigma (0.5 points) under to two over.
    assert report["truck"]["deduction"]["kg"] == 1760
    assert (report["truck"]["deduction"]["kg_low"], report["truck"]["deduction"]["kg_high"]) == (1620, 2000)
    assert any("60 tickets of north yard" in line for line in report["explain"])
    assert any(flag["code"] == "site_calibration" for flag in report["truck"]["flags"])


def test_without_a_calibration_a_report_has_no_word_of_it(soiled) -> None:
    assert "calibration" not in assess_load(soiled(0.03), STANDARD).to_bytes().decode()


def test_the_same_inputs_give_the_same_bytes(soiled) -> None:
    one, two = (assess_load(soiled(0.03), STANDARD, calibration=calibration()).to_bytes() for _ in range(2))
    assert one == two


def test_a_depth_trend_moves_weight_to_the_last_layers_and_shows_it(load, layer) -> None:
    top, deep = layer({"hms_1": 1.0}), layer({"hms_1": 0.9}, 1, contaminants={"soil": 0.1})
    weights = [part.weight for part in compose(load(top, deep), STANDARD, calibration(depth_trend=0.7)).layers]
    even = [part.weight for part in compose(load(top, deep), STANDARD, calibration()).layers]
    assert sum(weights) == pytest.approx(1)
    assert weights[1] / weights[0] == pytest.approx(even[1] / even[0] * 2.0138, rel=1e-3)
    backwards = [part.weight for part in compose(load(deep, top), STANDARD, calibration(depth_trend=0.7)).layers]
    assert backwards == pytest.approx(weights[::-1])


def test_what_a_person_weighed_is_neither_scaled_nor_added_to(soiled) -> None:
    judged = Judged(contaminants={"soil": Mass(500)})
    taught = assess_load(soiled(0.03), STANDARD, weights=WEIGHTS, judged=judged, calibration=calibration())
    assert taught.deduction.mass == Mass(500)
    assert not any(line.startswith("Not seen by a camera") for line in taught.explain())


def test_more_seen_is_never_less_deducted(soiled) -> None:
    site = calibration()
    shares = [compose(soiled(share / 100), STANDARD, site).impurity for share in range(0, 60, 5)]
    assert shares == sorted(shares)


def test_a_load_without_layers_is_not_given_dirt(load) -> None:
    nothing = replace(load(), layers=())
    assert compose(nothing, STANDARD, calibration()).impurity == 0


def test_what_a_person_names_that_the_tickets_did_not_teach_counts_as_it_lies_there(load) -> None:
    glass = SurfaceClass("glass", "contaminant", density_low=0.2, density=0.4, density_high=0.6)
    said = Corrections((LayerCorrection(0, "a" * 64, contaminants={"glass": 0.1}),), {"glass": glass})
    assessed = assess_load(load(), STANDARD, weights=WEIGHTS, calibration=calibration(), corrections=said)
    assert assessed.contaminants["glass"].share == pytest.approx(0.1 * 0.4 / (0.9 + 0.1 * 0.4))
    (line,) = [line for line in assessed.explain() if line.startswith("Layer 1: glass")]
    assert "(site)" not in line


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"model": {"sha256": "f" * 64}}, "fit it anew on loads that this model has seen"),
        ({"standard": {**SAID["standard"], "layer_weight": "equal"}}, "weighed by equal"),
        ({"factor": {"wood": 1.0}}, "no factor for soil"),
    ],
)
def test_a_calibration_of_something_else_is_refused(soiled, changes, why) -> None:
    with pytest.raises(CalibrationError, match=why):
        assess_load(soiled(0.03), STANDARD, calibration=calibration(**changes))


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"factor": {"soil": -1}}, "factor.soil is -1"),
        ({"unseen": 1.5}, "contradict"),
        ({"unseen": float("nan")}, "unseen is nan"),
        ({"schema": "loadlens.calibration/9"}, "loadlens.calibration/9"),
        ({"depth_trend": 1500.0}, "contradict"),
        ({"tickets": {"used": float("inf")}}, "is no calibration"),
        ({"interval": {**SAID["interval"], "low_quantile": 3.0}}, "contradict"),
        ({"tickets": {}}, "is no calibration"),
    ],
)
def test_a_broken_file_is_refused_with_a_reason(changes, why) -> None:
    with pytest.raises(CalibrationError, match=why):
        calibration(**changes)


def test_a_file_that_is_not_there_is_named(tmp_path) -> None:
    with pytest.raises(CalibrationError, match=r"nowhere\.json"):
        load_calibration(tmp_path / "nowhere.json")
