"""Forms to grades, layers to the truck."""

import math
from dataclasses import replace
from decimal import Decimal

import pytest

from loadlens.grading.composition import compose
from loadlens.grading.observation import AreaError, HazardSighting, SurfaceClass
from loadlens.grading.observation_check import ObservationError
from loadlens.grading.standard import load_standard


def weights_of(load, standard):
    return [layer.weight for layer in compose(load, standard).layers]


@pytest.fixture
def uneven(layer, load):
    """A big clean layer and a small one that is half soil, lifted by grabs of 1.5 t and 0.5 t."""
    clean = layer(new_area=1.0, mass_kg=Decimal(1500))
    dirty = layer({"shredded": 0.5}, 1, new_area=0.5, contaminants={"soil": 0.5}, mass_kg=Decimal(500))
    return load(clean, dirty)


@pytest.mark.parametrize(
    ("policy", "weights"),
    [
        ("equal", [1 / 2, 1 / 2]),
        ("area", [2 / 3, 1 / 3]),
        ("area_density", [1 / 1.375, 0.375 / 1.375]),  # the dirty layer: 0.5 area x (0.5 + 0.5 x 0.5)
        ("grab_mass", [3 / 4, 1 / 4]),
    ],
)
def test_layers_are_weighed_by_the_policy_of_the_standard(policy, weights, uneven, mill):
    composition = compose(uneven, mill(layer_weight=policy))
    assert [layer.weight for layer in composition.layers] == pytest.approx(weights)
    assert composition.weighted_by == policy
    assert composition.forms["shredded"] == pytest.approx(0.5 * weights[1])


def test_area_times_density_gives_the_mass_share_of_the_whole_load(uneven, mill):
    """0.5 area x 0.5 soil x density 0.5 = 0.125 of 1.375."""
    assert compose(uneven, mill(layer_weight="area_density")).impurity == pytest.approx(0.125 / 1.375)


def test_a_missing_grab_mass_is_never_guessed_in_silence(uneven, mill):
    load = replace(uneven, layers=(uneven.layers[0], replace(uneven.layers[1], mass_kg=None)))
    composition = compose(load, mill(layer_weight="grab_mass"))
    assert composition.weighted_by == "area_density"


def test_layers_that_weigh_nothing_count_the_same(layer, load, mill):
    empty = load(layer(new_area=0.0), layer(index=1, new_area=0.0))
    assert weights_of(empty, mill(layer_weight="area")) == [0.5, 0.5]


def test_a_form_that_the_standard_does_not_grade_is_ungraded_not_dropped(layer, load):
    composition = compose(load(layer({"hms_1": 0.7, "can_bales": 0.3})), load_standard("gbt-39733-2024"))
    assert composition.grades == {"HRS": 0.7}
    assert composition.ungraded == pytest.approx(0.3)


def test_the_main_grade_has_the_largest_share(layer, load, mill):
    assert compose(load(layer({"hms_1": 0.4, "shredded": 0.6})), mill()).main_grade == "破碎料"


def test_a_tie_goes_to_the_grade_that_comes_first_in_the_tie_order(layer, load, mill):
    even = load(layer({"shredded": 0.5, "hms_1": 0.5}))
    assert compose(even, mill()).main_grade == "重废2"
    assert compose(even, mill(tie_order=("破碎料", "重废2"))).main_grade == "破碎料"


def test_a_grade_outside_the_tie_order_comes_after_those_in_it(layer, load, mill):
    even = load(layer({"light_melting_bales": 0.5, "shredded": 0.5}))
    assert compose(even, mill(tie_order=("破碎料",))).main_grade == "破碎料"


def test_a_type_kept_for_reference_is_counted_but_never_names_the_truck(layer, load, mill):
    standard = mill()
    forms = tuple(replace(rule, grade="超标") if rule.form == "rails" else rule for rule in standard.forms)
    composition = compose(load(layer({"rails": 0.8, "shredded": 0.2})), replace(standard, forms=forms))
    assert composition.grades["超标"] == pytest.approx(0.8)
    assert composition.main_grade == "破碎料"


def test_a_load_without_layers_is_all_unknown(load, mill):
    composition = compose(replace(load(), layers=()), mill())
    assert (composition.unknown, composition.grades, composition.main_grade) == (1.0, {}, None)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"forms": {"hms_1": 0.5}}, "sum to 0.5000"),
        ({"forms": {"hms_1": 1.5}}, "hms_1 is 1.5, outside 0..1"),
        ({"forms": {"hms_1": math.nan}}, "hms_1 is nan"),
        ({"forms": {"hms_1": "1.0"}}, "hms_1 is '1.0'"),
        ({"confidence": math.nan}, "confidence is nan"),
        ({"visible": -0.2}, "visible is -0.2"),
        ({"end_s": math.inf}, "end_s is inf"),
        ({"forms": {"unicorn": 1.0}}, "'unicorn' is no form"),
        ({"forms": {"wood": 1.0}}, "'wood' is no form"),
        ({"contaminants": {"hms_1": 0.0}}, "'hms_1' is no contaminant"),
        ({"new_area": -0.1}, "new_area is -0.1"),
        ({"mass_kg": Decimal(-3)}, "mass of the grab is -3"),
    ],
)
def test_observations_that_contradict_themselves_are_refused(changes, message, layer, load, mill):
    with pytest.raises(ObservationError, match=message):
        compose(load(replace(layer(index=4), **changes)), mill())


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"coverage": math.nan}, "coverage is nan"),
        ({"duplicate_area": 7.0}, "duplicate_area is 7.0"),
        ({"area_error": AreaError({}, 0.01, 0.9, math.nan, 2.0, 60)}, "low_quantile is nan"),
        ({"area_error": AreaError({"soil": -0.1}, 0.01, 0.9, -1.0, 2.0, 60)}, "soil is -0.1"),
        ({"hazards": (HazardSighting("drum", math.inf, (0, 0, 1, 1), 3.0, "a"),)}, "the load: drum: score is inf"),
    ],
)
def test_a_load_with_figures_that_cannot_be_is_refused(changes, message, load, mill):
    with pytest.raises(ObservationError, match=message):
        compose(load(**changes), mill())


@pytest.mark.parametrize(
    ("soil", "message"),
    [
        (SurfaceClass("soil", "contaminant", density_low=0.1, density=-0.5, density_high=0.8), "'soil': densities"),
        (SurfaceClass("soil", "contaminant", density_high=math.inf), "'soil': densities"),
        (SurfaceClass("wood", "contaminant"), "'soil' calls itself 'wood'"),
    ],
)
def test_a_class_that_cannot_be_is_refused(soil, message, load, mill):
    with pytest.raises(ObservationError, match=message):
        compose(load(classes={**load().classes, "soil": soil}), mill())
