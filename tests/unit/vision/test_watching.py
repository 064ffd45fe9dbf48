"""A load that is watched frame by frame: when there are layers, when there are none, and what raises an alarm anew."""

import cv2
import numpy as np
import pytest

from loadlens.vision.frame import Frame
from loadlens.vision.model import load_model
from loadlens.vision.pipeline import Unloading

RED = (230, 20, 20)  # what the model of the tests takes for a gas cylinder
PLACE = (slice(120, 200), slice(180, 300))


def surface(seed, *, cylinder=False, kept=None):
    """A picture of scrap, with a cylinder on it, and the part `kept` of another picture."""
    small = np.random.default_rng(seed).integers(70, 180, (40, 60), dtype=np.uint8)
    picture = np.repeat(np.kron(small, np.ones((8, 8), np.uint8))[:, :, None], 3, axis=2)
    if kept is not None:
        picture[100:220, 160:320] = kept[100:220, 160:320]
    if cylinder:
        picture[PLACE] = RED
    return picture


def rest_then_work(*surfaces):
    """Frames, five a second: each surface lies still for four seconds, then the tool works for one."""
    time_s = 0.0
    for number, picture in enumerate(surfaces):
        for _ in range(20):
            yield Frame.from_rgb(picture, time_s=time_s)
            time_s += 0.2
        for step in range(5):
            yield Frame.from_rgb(surface(1000 + 10 * number + step), time_s=time_s)
            time_s += 0.2


@pytest.fixture
def unloading(model_file):
    return Unloading(load_model(model_file), source="drawn", started_at="2026-03-01T08:00:00+00:00")


def alarms(unloading, frames):
    return [hazard.class_id for frame in frames for hazard in unloading.push(frame)]


def test_a_second_cylinder_in_the_place_of_one_that_was_taken_away_raises_an_alarm(unloading):
    frames = rest_then_work(surface(1, cylinder=True), surface(2), surface(3, cylinder=True), surface(4))
    assert alarms(unloading, frames) == ["gas_cylinder"] * 2
    seen = unloading.finish().observation
    assert len(seen.layers) == 4
    assert [len(layer.hazards) for layer in seen.layers] == [1, 0, 1, 0]


def test_a_second_cylinder_raises_its_alarm_while_its_surface_still_lies_there(unloading):
    second = surface(2, cylinder=True)
    second[PLACE][::16], second[PLACE][1::16], second[PLACE][2::16] = 3 * [(120, 0, 0)]
    second[PLACE][:, ::12] = second[PLACE][:, 1::12] = second[PLACE][:, 2::12] = (255, 140, 140)
    frames = rest_then_work(surface(1, cylinder=True), second)
    raised_s = [frame.time_s for frame in frames for _ in unloading.push(frame)]
    assert len(raised_s) == 2
    assert 5 <= raised_s[1] <= 7  # it is uncovered at 5 s, and the tool comes again at 9 s


def test_a_cylinder_that_goes_on_lying_there_raises_one_alarm(unloading):
    first = surface(1, cylinder=True)
    frames = rest_then_work(first, surface(2, kept=first), surface(3, kept=first))
    assert alarms(unloading, frames) == ["gas_cylinder"]


def test_a_cylinder_that_lies_still_while_all_around_it_is_taken_away_raises_one_alarm(unloading):
    layers = [surface(seed) for seed in range(1, 5)]
    for layer in layers:
        cv2.line(layer, (200, 130), (280, 190), RED, 28)  # askew: much of its box is scrap
        cv2.line(layer, (228, 151), (240, 160), (255, 120, 120), 28)
    assert alarms(unloading, rest_then_work(*layers)) == ["gas_cylinder"]
    assert len(unloading.finish().observation.layers) == 4


def test_frames_too_far_apart_are_the_reason_why_nothing_was_graded(unloading):
    for number in range(20):
        unloading.push(Frame.from_rgb(surface(number // 5), time_s=5.0 * number))
    seen = unloading.finish().observation
    assert seen.layers == ()
    assert "frames_far_apart" in {doubt.code for doubt in seen.doubts}


def test_dangerous_things_are_looked_for_though_the_camera_changes_the_size_of_its_pictures(unloading):
    for number in range(10):
        assert unloading.push(Frame.from_rgb(surface(1), time_s=number / 5)) == ()
    half = np.ascontiguousarray(surface(1, cylinder=True)[::2, ::2])
    raised = [hazard for number in range(10, 20) for hazard in unloading.push(Frame.from_rgb(half, time_s=number / 5))]
    assert [hazard.class_id for hazard in raised] == ["gas_cylinder"]
    x, y, w, h = raised[0].box
    assert abs(x - 180) <= 32 and abs(y - 120) <= 32 and abs(w - 120) <= 64 and abs(h - 80) <= 64
