"""What holds for every load, whatever was on it."""

import json
import math
from dataclasses import replace
from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadlens.grading.assessment import assess_load, impurity_estimate
from loadlens.grading.deduction import Judged, PickedItem, tolerance_of
from loadlens.grading.observation import (
    AreaError,
    HazardSighting,
    LayerObservation,
    LoadObservation,
    ModelVersion,
    SurfaceClass,
)
from loadlens.grading.quantity import Mass, Money
from loadlens.grading.standard import load_standard
from loadlens.grading.weighing import Weights

FORMS = ("hms_1", "hms_80_20", "shredded", "light_melting_bales", "turnings", "can_bales")
CLASSES = {
    **{form: SurfaceClass(form, "form", family=form.split("_")[0], metal="steel") for form in FORMS},
    "wood": SurfaceClass("wood", "contaminant", density_low=0.05, density=0.15, density_high=0.3),
    "soil": SurfaceClass("soil", "contaminant", density_low=0.3, density=0.5, density_high=0.8),
    "lead": SurfaceClass("lead", "contaminant", density_low=1.2, density=1.6, density_high=2.0),
    "gas_cylinder": SurfaceClass("gas_cylinder", "hazard"),
}
CONTAMINANTS = ("wood", "soil", "lead")
AREA_ERROR = AreaError({"soil": 0.01}, 0.004, 0.9, -1.4, 1.9, 120)
MODEL = ModelVersion("test", "1", "0" * 64)
POLICIES = ("equal", "area", "area_density")
TOLERANCES = ("deduct_all", "excess_only", "all_above_limit")
MILL = load_standard("example-mill")

weights = st.tuples(st.integers(0, 20000), st.integers(1, 60000)).map(
    lambda pair: Weights(Mass(pair[0] + pair[1]), Mass(pair[0]), Mass(20))
)
policies = st.sampled_from(POLICIES)


def ruled(policy="area_density", tolerance="deduct_all"):
    return replace(MILL, rules=replace(MILL.rules, layer_weight=policy, tolerance=tolerance))


standards = st.builds(ruled, policies, st.sampled_from(TOLERANCES))


@st.composite
def layers(draw, index=0):
    parts = draw(st.lists(st.integers(0, 50), min_size=10, max_size=10).filter(any))
    shares = [part / sum(parts) for part in parts]
    names = (*FORMS, *CONTAMINANTS)
    return LayerObservation(
        index=index,
        start_s=10.0 * index,
        end_s=10.0 * index + 8,
        key_frame_s=10.0 * index + 4,
        key_frame_sha256=f"{index:064x}",
        new_area=draw(st.integers(1, 64)) / 64,
        visible=1.0,
        forms=dict(zip(FORMS, shares[:6], strict=True)),
        contaminants={name: shares[names.index(name)] for name in CONTAMINANTS},
        unknown=shares[9],
        confidence=draw(st.integers(0, 100)) / 100,
    )


@st.composite
def loads(draw, min_layers=1):
    count = draw(st.integers(min_layers, 5))
    return LoadObservation(
        load_id="L1",
        source="clip.mp4",
        started_at="2026-03-01T08:00:00+00:00",
        frames_seen=500,
        frames_used=40,
        layers=tuple(draw(layers(index)) for index in range(count)),
        hazards=(),
        classes=CLASSES,
        coverage=draw(st.integers(0, 100)) / 100,
        duplicate_area=draw(st.integers(0, 30)) / 100,
        mm_per_px=None,
        model=MODEL,
        software="0.1.0",
        area_error=AREA_ERROR,
        forms_known=FORMS,
    )


@given(loads(min_layers=0), policies)
def test_shares_sum_to_one(load, policy):
    report = assess_load(load, ruled(policy)).to_report()
    parts = [*report["layers"], report["truck"]]
    for part in parts:
        dirt = sum(entry["area"] for entry in part["contaminants"].values())
        assert sum(part["forms"].values()) + dirt + part["unknown"] == pytest.approx(1, abs=2e-5)
        assert sum(part["grades"].values()) + dirt + part["unknown"] == pytest.approx(1, abs=2e-5)
    assert sum(report["truck"]["families"].values()) == pytest.approx(sum(report["truck"]["forms"].values()), abs=2e-5)
    if load.layers:
        assert sum(layer["weight"] for layer in report["layers"]) == pytest.approx(1, abs=1e-5)


@given(loads(), weights, standards, st.sampled_from(CONTAMINANTS), st.data())
def test_more_contaminant_never_lowers_the_deduction(load, scale, standard, name, data):
    which = data.draw(st.integers(0, len(load.layers) - 1))
    changed = list(load.layers)
    changed[which] = dirtier(changed[which], name, data.draw(st.integers(1, 9)) / 10)
    before = assess_load(load, standard, weights=scale)
    after = assess_load(replace(load, layers=tuple(changed)), standard, weights=scale)
    assert after.deduction.mass >= before.deduction.mass
    assert after.deduction.share >= before.deduction.share - Decimal("1e-8")


def dirtier(layer, name, part):
    """The same layer with a part of every form turned into one contaminant."""
    moved = sum(layer.forms.values()) * part
    forms = {key: share * (1 - part) for key, share in layer.forms.items()}
    return replace(layer, forms=forms, contaminants={**layer.contaminants, name: layer.contaminants[name] + moved})


@given(loads(), st.randoms(use_true_random=False), policies, weights)
def test_the_order_of_the_layers_does_not_change_the_truck(load, random, policy, scale):
    shuffled = list(load.layers)
    random.shuffle(shuffled)
    one = assess_load(load, ruled(policy), weights=scale).to_report()["truck"]
    other = assess_load(replace(load, layers=tuple(shuffled)), ruled(policy), weights=scale).to_report()["truck"]
    assert one == other


@given(loads(), st.data(), st.sampled_from(["area", "area_density"]), weights)
def test_splitting_a_layer_in_two_equal_halves_does_not_change_the_truck(load, data, policy, scale):
    which = data.draw(st.integers(0, len(load.layers) - 1))
    half = replace(load.layers[which], new_area=load.layers[which].new_area / 2)
    split = (*load.layers[:which], half, half, *load.layers[which + 1 :])
    one = assess_load(load, ruled(policy), weights=scale).to_report()["truck"]
    other = assess_load(replace(load, layers=split), ruled(policy), weights=scale).to_report()["truck"]
    assert other["grade"] == one["grade"]
    assert other["forms"] == pytest.approx(one["forms"], abs=2e-6)
    assert other["deduction"]["percent_of_net"] == pytest.approx(one["deduction"]["percent_of_net"], abs=2e-4)
    assert other["deduction"]["percent_high"] == pytest.approx(one["deduction"]["percent_high"], abs=2e-4)


@given(loads(min_layers=0), st.booleans(), st.floats(0, 1))
def test_a_hazard_always_stops(load, in_layer, score):
    hazard = HazardSighting("gas_cylinder", score, (1, 2, 3, 4), 3.0, "a" * 64)
    if in_layer and load.layers:
        load = replace(load, layers=(replace(load.layers[0], hazards=(hazard,)), *load.layers[1:]))
    else:
        load = replace(load, hazards=(hazard,))
    assessment = assess_load(load, MILL)
    assert assessment.decision == "stop"
    assert [entry["class"] for entry in assessment.to_report()["truck"]["hazards"]] == ["gas_cylinder"]


@given(loads(min_layers=0), weights, standards)
def test_the_same_load_gives_the_same_bytes(load, scale, standard):
    first = assess_load(load, standard, weights=scale).to_bytes()
    backwards = replace(
        load,
        classes=dict(reversed(load.classes.items())),
        layers=tuple(replace(layer, forms=dict(reversed(layer.forms.items()))) for layer in load.layers),
    )
    assert assess_load(load, standard, weights=scale).to_bytes() == first
    assert assess_load(backwards, standard, weights=scale).to_bytes() == first
    json.loads(first)


@given(loads(min_layers=0), weights, standards, st.integers(0, 40000), st.integers(0, 100))
def test_a_deduction_lies_in_its_interval_and_never_exceeds_the_net(load, scale, standard, picked, water):
    judged = Judged(items=(PickedItem("motor", Mass(picked)),), water_percent=Decimal(water))
    assessment = assess_load(load, standard, weights=scale, judged=judged)
    deduction = assessment.deduction
    assert assessment.settlement + deduction.mass == scale.net
    assert deduction.mass <= scale.net
    if not load.layers:
        assert (deduction.low, deduction.high, deduction.share_low, deduction.share_high) == (None,) * 4
        return
    assert Mass(0) <= deduction.low <= deduction.mass <= deduction.high <= scale.net
    assert deduction.share_low <= deduction.share <= deduction.share_high
    for mass in assessment.contaminants.values():
        assert 0 <= mass.low <= mass.share <= mass.high <= 1


@given(loads(), weights, standards, st.integers(0, 3000))
def test_the_causes_add_up_to_the_deduction_to_the_last_digit(load, scale, standard, residue):
    judged = Judged(residue=Mass(residue), water_percent=Decimal("1.5"))
    deduction = assess_load(load, standard, weights=scale, judged=judged).deduction
    assert sum((item.mass for item in deduction.items), Mass(0)) == deduction.mass
    assert sum((item.low for item in deduction.items), Mass(0)) == deduction.low
    assert sum((item.high for item in deduction.items), Mass(0)) == deduction.high


@given(st.sampled_from(TOLERANCES), st.integers(0, 100), st.lists(st.decimals(0, 1, places=4), min_size=2))
def test_no_tolerance_policy_rewards_dirt(tolerance, limit, shares):
    keep = tolerance_of(tolerance, Decimal(limit) / 100)
    kept = [keep(share) for share in sorted(shares)]
    assert all(one <= other for one, other in pairwise(kept))


@given(st.integers(-(10**9), 10**9), st.floats(allow_nan=True), st.integers())
def test_units_never_mix(kg, number, whole):
    mass, money = Mass(kg), Money(kg, "CNY")
    for other in (number, whole, money, Decimal(1), "1"):
        with pytest.raises(TypeError):
            mass + other
        with pytest.raises(TypeError):
            mass - other
        with pytest.raises(TypeError):
            mass < other  # noqa: B015
    for factor in (number, mass, money, True):
        with pytest.raises(TypeError):
            mass * factor
    with pytest.raises(TypeError):
        Mass(number)


@given(loads(), policies)
def test_the_estimate_for_calibration_is_the_one_that_grading_uses(load, policy):
    standard = ruled(policy)
    share, sigma = impurity_estimate(load, standard)
    deduction = assess_load(load, standard).to_report()["truck"]["deduction"]
    assert sigma > 0
    assert deduction["percent_of_net"] == pytest.approx(100 * share, abs=1e-3)
    high = max(share, min(1, share + sigma * AREA_ERROR.high_quantile))
    assert deduction["percent_high"] == pytest.approx(100 * high, abs=1e-3)
    assert math.isfinite(sigma)
