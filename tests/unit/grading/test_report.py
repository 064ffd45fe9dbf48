"""The report that other programs read, and the lines that people read."""

import json
import re
from dataclasses import replace

import pytest

from loadlens.grading.assessment import assess_load
from loadlens.grading.deduction import Judged
from loadlens.grading.observation import HazardSighting
from loadlens.grading.quantity import Mass
from loadlens.grading.standard import load_standard
from loadlens.grading.weighing import Weights

SCALE = Weights(Mass(49000), Mass(16000), Mass(20))
# design.md 4.3, key by key.
TOP = {"schema", "load", "versions", "layers", "truck"}
LOAD = {"id", "source", "started_at", "frames_seen", "frames_used"}
LAYER = {
    "index",
    "start_s",
    "end_s",
    "key_frame_s",
    "new_area",
    "weight",
    "forms",
    "grades",
    "contaminants",
    "hazards",
    "unknown",
    "confidence",
    "overlay",
}
TRUCK = {
    "grade",
    "grades",
    "forms",
    "families",
    "contaminants",
    "deduction",
    "net_kg",
    "settlement_kg",
    "hazards",
    "flags",
    "decision",
}
DEDUCTION = {"kg", "kg_low", "kg_high", "percent_of_net", "coverage_level", "by_cause"}


@pytest.fixture
def report(load, layer):
    hazard = HazardSighting("gas_cylinder", 0.5, (1, 2, 3, 4), 12.0, "b" * 64)
    seen = load(
        layer({"hms_1": 0.8, "turnings": 0.1}, contaminants={"soil": 0.06, "wood": 0.04}),
        layer({"shredded": 0.9}, 1, new_area=0.5, unknown=0.1, hazards=(hazard,)),
    )
    return assess_load(seen, load_standard("gbt-39733-2024"), weights=SCALE, declared="HRS101").to_report()


def test_the_report_has_every_key_of_its_contract(report):
    assert report["schema"] == "loadlens.report/1"
    assert set(report) >= TOP
    assert set(report["load"]) >= LOAD
    assert set(report["versions"]) == {"software", "model", "standard"}
    assert set(report["versions"]["model"]) == {"name", "version", "sha256"}
    assert all(set(layer) >= LAYER for layer in report["layers"])
    assert set(report["truck"]) >= TRUCK
    assert set(report["truck"]["deduction"]) >= DEDUCTION
    assert set(report["layers"][0]["contaminants"]["soil"]) == {"area", "mass"}
    assert set(report["truck"]["contaminants"]["soil"]) >= {"area", "mass", "kg", "kg_low", "kg_high"}
    assert set(report["truck"]["flags"][0]) == {"code", "level", "why"}
    assert set(report["truck"]["hazards"][0]) >= {"class", "score", "box", "frame_s"}


def test_the_report_is_plain_json(report):
    assert json.loads(json.dumps(report, allow_nan=False)) == report


def test_what_has_no_grade_stands_among_the_grades(report):
    assert report["layers"][0]["grades"] == {"HRS": 0.8, "ungraded": 0.1}


def test_the_kilograms_of_the_contaminants_are_the_impurity(report):
    truck = report["truck"]
    total = sum(entry["kg"] for entry in truck["contaminants"].values())
    assert truck["deduction"]["by_cause"]["impurity"]["kg"] == pytest.approx(total, abs=0.01)


def test_the_scale_error_stands_beside_the_deduction(report):
    assert report["truck"]["deduction"]["scale_uncertainty_kg"] == pytest.approx(72.1)


def test_the_standard_is_named_with_its_digest(report):
    assert report["versions"]["standard"]["id"] == "gbt-39733-2024"
    assert report["versions"]["standard"]["sha256"] == load_standard("gbt-39733-2024").sha256


def test_each_kilogram_is_traced_to_a_layer_and_a_rule(report):
    lines = report["explain"]
    assert any(line.startswith("Layer 1: soil on 6.00 % of the area") for line in lines)
    assert any(line.startswith("Impurity: ") for line in lines)
    assert lines[-1].startswith("Settlement: 33000 kg net - ")


def kilograms_told(lines):
    """What the lines above `Impurity` say of contaminants, and what that one says."""
    at_the_end = re.compile(r"([\d.]+) kg( in place of what was seen)?\.$")
    told = [float(found[1]) for line in lines if (found := at_the_end.search(line))]
    (impurity,) = [float(found[1]) for line in lines if (found := re.match(r"Impurity: ([\d.]+) kg", line))]
    return sum(told[:-1]), impurity  # the last one is the settlement


def test_the_lines_add_up_to_the_impurity_however_little_each_layer_holds(load, layer):
    soiled = [layer({"hms_1": 0.99}, index, contaminants={"soil": 0.001, "wood": 0.009}) for index in range(25)]
    lines = assess_load(load(*soiled), load_standard("gbt-39733-2024"), weights=SCALE).explain()
    told, impurity = kilograms_told([line for line in lines if not line.startswith("Deduction")])
    assert told == pytest.approx(impurity, abs=0.05 * len(lines))


def test_what_a_person_judged_is_not_explained_by_what_was_seen(load, layer):
    seen = load(layer({"hms_1": 0.9}, contaminants={"soil": 0.05, "wood": 0.05}))
    judged = Judged(contaminants={"soil": Mass(300)})
    assessment = assess_load(seen, load_standard("gbt-39733-2024"), weights=SCALE, judged=judged)
    lines = assessment.explain()
    assert "A person judged soil: 300.0 kg in place of what was seen." in lines
    assert not any(line.startswith("Layer 1: soil") for line in lines)
    told, impurity = kilograms_told([line for line in lines if not line.startswith("Deduction")])
    assert told == pytest.approx(impurity, abs=0.2)
    causes = assessment.to_report()["truck"]["deduction"]["by_cause"]
    assert causes["impurity"]["why"].startswith("soil as a person judged")


def test_without_weights_the_lines_speak_in_percent(soiled):
    lines = assess_load(soiled(0.02), load_standard("gbt-39733-2024")).explain()
    assert "Deduction: 2.00 % of the net (between" in lines[-1]
    assert not any(" kg" in line for line in lines)


def test_without_calibration_no_interval_is_shown(soiled):
    deduction = assess_load(replace(soiled(0.02), area_error=None), load_standard("gbt-39733-2024"), weights=SCALE)
    shown = deduction.to_report()["truck"]["deduction"]
    assert (shown["kg_low"], shown["kg_high"], shown["percent_low"], shown["coverage_level"]) == (None,) * 4
    assert shown["kg"] == 660.0
    assert shown["by_cause"]["impurity"]["kg_low"] is None


def test_a_load_without_layers_has_a_report_too(load):
    report = assess_load(replace(load(), layers=()), load_standard("gbt-39733-2024"), weights=SCALE).to_report()
    assert report["truck"]["grade"] is None
    assert report["truck"]["unknown"] == 1.0
    assert report["truck"]["decision"] == "review"


def test_where_no_layer_was_seen_nothing_says_that_the_load_is_clean(load):
    report = assess_load(replace(load(), layers=()), load_standard("gbt-39733-2024"), weights=SCALE).to_report()
    shown = report["truck"]["deduction"]
    assert (shown["kg_low"], shown["kg_high"], shown["percent_low"], shown["percent_high"]) == (None,) * 4
