"""Two cameras on one bed: no surface counts twice, nothing dangerous is lost, and the order of views means nothing."""

import itertools
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from loadlens.grading.assessment import assess_load
from loadlens.grading.fusion import FusionError, fuse
from loadlens.grading.observation import Doubt, HazardSighting, SurfaceClass
from loadlens.grading.standard import load_standard

CYLINDER = HazardSighting("gas_cylinder", 0.9, (1, 2, 3, 4), 5.0, "b" * 64)


def areas(fused):
    return [layer.new_area for layer in fused.observation.layers]


def test_one_camera_stays_as_it_is(load, layer):
    view = load(layer(), layer(index=1))
    fused = fuse({"north": view})
    assert fused.observation == view
    assert fused.shown == (("north", 0), ("north", 1))


def test_a_surface_that_both_saw_counts_once(load, layer):
    north = load(layer(new_area=0.5), layer(index=1, new_area=0.3))
    south = load(layer(new_area=0.4), layer(index=1, new_area=0.35))
    fused = fuse({"north": north, "south": south})
    assert areas(fused) == [0.5, 0.35]
    assert fused.shown == (("north", 0), ("south", 1))
    assert [layer.index for layer in fused.observation.layers] == [0, 1]


def test_a_surface_that_one_camera_saw_in_two_layers_counts_once(load, layer):
    whole = load(layer(start_s=0, end_s=20, new_area=0.6))
    halves = load(layer(start_s=0, end_s=9, new_area=0.3), layer(index=1, start_s=10, end_s=20, new_area=0.25))
    assert areas(fuse({"north": whole, "south": halves})) == [0.6]


def test_layers_beside_a_camera_that_sees_nothing_change_stay_apart(load, layer):
    grabs = [layer(index=index, start_s=20.0 * index, end_s=20.0 * index + 15, new_area=0.9) for index in range(5)]
    still = layer({"shredded": 1.0}, start_s=0, end_s=95, new_area=0.8)
    fused = fuse({"far": load(still), "near": load(*grabs)})
    assert areas(fused) == [0.9] * 5
    assert [camera for camera, _ in fused.shown] == ["near"] * 5
    assert fuse({"near": load(*grabs), "far": load(still)}) == fused


def test_a_surface_that_one_camera_alone_saw_is_kept(load, layer):
    north = load(layer(), layer(index=1), layer(index=2))
    fused = fuse({"north": north, "south": load(layer(index=0, start_s=20, end_s=28, key_frame_s=24))})
    assert len(fused.observation.layers) == 3


def test_what_both_saw_is_weighed_by_how_much_each_saw(load, layer):
    north = load(layer({"hms_1": 1.0}, new_area=0.6, visible=1.0))
    south = load(layer({"hms_1": 0.75, "rails": 0.25}, new_area=0.4, visible=0.5))
    (seen,) = fuse({"north": north, "south": south}).observation.layers
    assert seen.forms == pytest.approx({"hms_1": 0.9375, "rails": 0.0625})
    assert (seen.new_area, seen.visible) == (0.6, 1.0)


def test_times_are_from_the_first_frame_of_any_camera(load, layer):
    early = load(layer(), started_at="2026-03-01T08:00:00+00:00")
    late = load(layer(hazards=(CYLINDER,)), hazards=(CYLINDER,), started_at="2026-03-01T08:00:30+00:00")
    observation = fuse({"north": late, "south": early}).observation
    assert observation.started_at == early.started_at
    assert [layer.start_s for layer in observation.layers] == [0.0, 30.0]
    assert [hazard.frame_s for hazard in observation.hazards] == [35.0]


def test_every_hazard_stops_the_load_whoever_saw_it(load, layer):
    other = replace(CYLINDER, frame_sha256="c" * 64)
    north = load(layer(hazards=(CYLINDER,)), hazards=(CYLINDER,))
    south = load(layer(hazards=(other,)), hazards=(other,))
    observation = fuse({"north": north, "south": south}).observation
    assert observation.hazards == (CYLINDER, other)
    assert assess_load(observation, load_standard("gbt-39733-2024")).decision == "stop"


def test_a_hazard_that_another_model_saw_at_one_camera_does_not_keep_the_views_apart(load, layer):
    battery = replace(CYLINDER, class_id="battery")
    known = {**load().classes, "battery": SurfaceClass("battery", "hazard")}
    for views in ({"n": load(), "s": load(hazards=(battery,), classes=known)}, {"n": load(classes=known), "s": load()}):
        assert "battery" in fuse(views).observation.classes
    heavier = {**load().classes, "soil": replace(load().classes["soil"], density_high=0.9)}
    with pytest.raises(FusionError, match="differ in classes"):
        fuse({"n": load(), "s": load(classes=heavier)})


def test_a_camera_that_saw_nothing_leaves_a_doubt(load, layer):
    blind = replace(load(), layers=())
    doubts = {doubt.code: doubt.why for doubt in fuse({"north": load(), "south": blind}).observation.doubts}
    assert "south saw no layer" in doubts["camera_saw_nothing"]
    assert fuse({"north": blind, "south": blind}).observation.doubts == ()


def test_cameras_that_contradict_each_other_leave_a_doubt(load, layer):
    north, south = load(layer({"hms_1": 1.0})), load(layer({"shredded": 1.0}))
    assert "cameras_disagree" in {doubt.code for doubt in fuse({"n": north, "s": south}).observation.doubts}
    near = load(layer({"hms_1": 0.8, "shredded": 0.2}))
    assert fuse({"n": north, "s": near}).observation.doubts == ()


def test_a_doubt_says_whose_it_is_unless_it_is_everybodys(load):
    every = Doubt("hazards_may_be_missed", "look yourself")
    north = load(doubts=(every, Doubt("blurred", "3 frames")))
    south = load(doubts=(every,))
    assert fuse({"north": north, "south": south}).observation.doubts == (
        Doubt("blurred", "camera north: 3 frames"),
        every,
    )


def test_views_of_two_models_are_not_mixed(load):
    other = replace(load(), model=replace(load().model, sha256="1" * 64))
    with pytest.raises(FusionError, match="differ in model"):
        fuse({"north": load(), "south": other})
    with pytest.raises(FusionError):
        fuse({})


@given(
    st.lists(
        st.lists(st.tuples(st.integers(0, 50), st.integers(0, 20), st.integers(1, 10)), max_size=5),
        min_size=2,
        max_size=3,
    )
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])  # the fixtures only make values
def test_the_order_of_views_changes_no_byte_and_no_surface_grows(load, layer, given_layers):
    views = {}
    for camera, spans in enumerate(given_layers):
        layers = tuple(
            layer(index=index, start_s=float(start), end_s=float(start + length), new_area=area / 10)
            for index, (start, length, area) in enumerate(spans)
        )
        views[f"camera-{camera}"] = replace(load(), layers=layers)
    standard = load_standard("gbt-39733-2024")
    orders = [dict(order) for order in itertools.permutations(views.items())]
    assert len({assess_load(fuse(order).observation, standard).to_bytes() for order in orders}) == 1
    fused = fuse(views)
    assert sum(areas(fused)) <= sum(seen.new_area for view in views.values() for seen in view.layers) + 1e-9
    assert set(fused.shown) <= {(name, seen.index) for name, view in views.items() for seen in view.layers}
