"""What a person corrects in a layer, and what becomes of the grade and the deduction by it."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadlens.grading.assessment import assess_load
from loadlens.grading.correction import (
    UNKNOWN,
    CorrectionError,
    Corrections,
    LayerCorrection,
    RegionCorrection,
    correct_layers,
)
from loadlens.grading.observation import SurfaceClass
from loadlens.grading.standard import load_standard

KEY = "a" * 64
SEEN = ("hms_1", "shredded", "soil", "wood")


def of_layer(**said: object) -> Corrections:
    return Corrections((LayerCorrection(0, KEY, **said),))


@st.composite
def shares(draw, names):
    parts = [draw(st.floats(0, 1)) for _ in names]
    total = math.fsum(parts) or 1.0
    return dict(zip(names, [part / total for part in parts], strict=True)) if math.fsum(parts) else {names[0]: 1.0}


@given(
    seen=shares((*SEEN, UNKNOWN)),
    region=st.builds(
        RegionCorrection,
        st.sampled_from((*SEEN, UNKNOWN)),
        st.dictionaries(st.sampled_from((*SEEN, UNKNOWN)), st.floats(0, 1)),
    ),
    soil=st.none() | st.floats(0, 1),
)
def test_whatever_is_corrected_the_shares_stay_shares_of_one_whole(layer, load, seen, region, soil):
    unknown = seen.pop(UNKNOWN, 0.0)
    forms = {name: seen[name] for name in SEEN[:2] if name in seen}
    contaminants = {name: seen[name] for name in SEEN[2:] if name in seen}
    observation = load(layer(forms, contaminants=contaminants, unknown=unknown))
    said = {} if soil is None else {"soil": soil}
    corrected = correct_layers(observation, of_layer(regions=(region,), contaminants=said)).observation.layers[0]
    parts = [*corrected.forms.values(), *corrected.contaminants.values(), corrected.unknown]
    assert min(parts) >= 0
    assert math.fsum(parts) == pytest.approx(1, abs=1e-9)
    if soil is not None:
        assert corrected.contaminants["soil"] == pytest.approx(soil)


def test_a_region_takes_from_what_was_seen_there_and_nothing_else(layer, load):
    seen = load(layer({"hms_1": 0.6, "shredded": 0.3}, contaminants={"soil": 0.1}))
    half = of_layer(regions=(RegionCorrection("wood", {"hms_1": 0.5, "soil": 1.0}),))
    corrected = correct_layers(seen, half).observation.layers[0]
    assert corrected.forms == pytest.approx({"hms_1": 0.3, "shredded": 0.3})
    assert corrected.contaminants == pytest.approx({"soil": 0.0, "wood": 0.4})


def test_the_grade_of_a_layer_moves_the_truck_and_names_what_nobody_could(layer, load):
    standard = load_standard("gbt-39733-2024")
    seen = load(layer({"hms_1": 0.5}, unknown=0.5), layer({"hms_1": 1.0}, index=1))
    before = assess_load(seen, standard)
    after = assess_load(seen, standard, corrections=of_layer(grade="SRS401"))
    assert before.composition.grades.get("SRS401", 0) == 0
    assert after.composition.layers[0].grades == {"SRS401": 1.0}
    assert {flag.code for flag in before.flags} - {flag.code for flag in after.flags} == {"unknown_high"}
    report = after.to_report()["layers"]
    assert report[0]["corrected"]["seen"] == {"forms": {"hms_1": 0.5}, "contaminants": {}, "unknown": 0.5}
    assert "corrected" not in report[1]


def test_a_grade_that_a_person_names_counts_with_the_group_it_is_of(layer, load):
    standard = load_standard("gbt-39733-2024")
    mixed = {"hms_1": 0.45, "hms_80_20": 0.55}
    seen = load(layer({"hms_1": 1.0}, new_area=0.3), layer(mixed, index=1, new_area=0.7))
    assert assess_load(seen, standard).grade == "HRS"
    assert assess_load(seen, standard, corrections=of_layer(grade="HRS101")).grade == "HRS"
    alone = load(layer({"hms_1": 1.0}))
    assert assess_load(alone, standard, corrections=of_layer(grade="HRS101")).grade == "HRS101"


def test_a_class_that_the_model_does_not_know_can_be_named(layer, load):
    glass = SurfaceClass("glass", "contaminant", density_low=0.2, density=0.4, density_high=0.6)
    corrections = Corrections((LayerCorrection(0, KEY, contaminants={"glass": 0.1}),), {"glass": glass})
    assessed = assess_load(load(), load_standard("example-mill"), corrections=corrections)
    assert assessed.contaminants["glass"].share == pytest.approx(0.1 * 0.4 / (0.9 + 0.1 * 0.4))
    assert "glass" not in assessed.observation.classes
    assert assessed.to_bytes()


def test_a_correction_of_a_layer_that_is_another_now_is_not_applied_but_told(layer, load):
    seen = load(layer({"hms_1": 1.0}, key_frame_sha256="b" * 64))
    assessed = assess_load(seen, load_standard("example-mill"), corrections=of_layer(contaminants={"soil": 0.5}))
    assert assessed.contaminants == {}
    assert "correction_unfit" in {flag.code for flag in assessed.flags}


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"regions": (RegionCorrection("gas_cylinder", {"hms_1": 0.1}),)}, "no form and no contaminant"),
        ({"regions": (RegionCorrection("wood", {"hms_1": 0.7}), RegionCorrection("soil", {"hms_1": 0.7}))}, "overlap"),
        ({"contaminants": {"hms_1": 0.1}}, "no contaminant"),
        ({"contaminants": {"wood": 0.7, "soil": 0.7}}, "cannot cover more"),
        ({"grade": "HRS999"}, "no grade of"),
    ],
)
def test_what_cannot_be_is_refused_by_name(load, said, why):
    with pytest.raises(CorrectionError, match=why):
        assess_load(load(), load_standard("gbt-39733-2024"), corrections=of_layer(**said))
