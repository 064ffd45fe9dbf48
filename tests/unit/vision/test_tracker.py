"""From grey pictures to layers: what is found, what is not new, and what is never counted twice."""

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
import pytest

from loadlens.vision.tracker import Exposed, LayerTracker

SHAPE = (136, 240)
NOTHING = np.zeros(SHAPE, np.bool_)


@dataclass(frozen=True)
class Moment:
    time_s: float


def surface(seed: int) -> np.ndarray:
    """Scrap-like texture: pieces of a few pixels."""
    noise = np.random.default_rng(seed).normal(0, 1, (SHAPE[0] // 4, SHAPE[1] // 4)).astype(np.float32)
    return np.clip(120 + 45 * cv2.resize(noise, SHAPE[::-1], interpolation=cv2.INTER_CUBIC), 0, 255)


class Camera:
    """Feeds a tracker at five pictures a second and keeps what it calls new."""

    def __init__(self, noise: float = 3.0) -> None:
        self.tracker: LayerTracker[Moment] = LayerTracker(SHAPE)
        self.now = 0.0
        self.noise = noise
        self.rng = np.random.default_rng(99)
        self.layers: list[Exposed] = []

    def show(self, picture: np.ndarray, seconds: float, hidden: np.ndarray = NOTHING) -> None:
        for _ in range(round(seconds * 5)):
            seen = np.clip(picture + self.rng.normal(0, self.noise, SHAPE), 0, 255).astype(np.uint8)
            self.take(self.tracker.push(self.now, seen, Moment(self.now)), hidden)
            self.now += 0.2

    def take(self, settled, hidden: np.ndarray = NOTHING) -> None:
        if settled is not None and (exposed := self.tracker.accept(settled, hidden)) is not None:
            self.layers.append(exposed)

    def stir(self, picture: np.ndarray) -> Iterator[np.ndarray]:
        """A tool crosses the picture."""
        for x in range(0, SHAPE[1], 40):
            busy = picture.copy()
            busy[30:100, x : x + 60] = surface(1000 + x)[30:100, x : x + 60]
            self.show(busy, 0.2)
            yield busy

    def work(self, picture: np.ndarray) -> None:
        for _ in self.stir(picture):
            pass


def patch(top: int, left: int, height: int, width: int) -> np.ndarray:
    mask = NOTHING.copy()
    mask[top : top + height, left : left + width] = True
    return mask


def overlap(found: np.ndarray, true: np.ndarray) -> float:
    return float((found & true).sum() / (found | true).sum())


def test_the_first_rest_is_all_new_and_a_grab_is_new_where_it_took() -> None:
    camera, taken = Camera(), patch(30, 60, 60, 80)
    before, after = surface(1), np.where(taken, surface(2), surface(1))
    camera.show(before, 3)
    camera.work(before)
    camera.show(after, 3)
    camera.take(camera.tracker.close())
    assert [overlap(camera.layers[0].new, ~NOTHING), len(camera.layers)] == [1.0, 2]
    assert overlap(camera.layers[1].new, taken) > 0.8


def test_a_pause_and_a_tool_that_takes_nothing_expose_nothing() -> None:
    camera, same = Camera(), surface(1)
    camera.show(same, 4)
    camera.work(same)
    camera.show(same, 10)
    camera.work(same)
    camera.show(same, 3)
    camera.take(camera.tracker.close())
    assert len(camera.layers) == 1


@pytest.mark.parametrize("gain", [0.7, 0.85, 1.15, 1.3])
def test_light_that_drifts_exposes_nothing(gain: float) -> None:
    camera, same = Camera(), surface(1)
    camera.show(same, 3)
    camera.work(same)
    camera.show(np.clip(same * gain, 0, 255), 3)
    camera.take(camera.tracker.close())
    assert len(camera.layers) == 1


@pytest.mark.parametrize("shift", [(1, 0), (3, -2), (-4, 4)])
def test_a_camera_that_was_pushed_exposes_nothing(shift: tuple[int, int]) -> None:
    camera, same = Camera(), surface(1)
    camera.show(same, 3)
    camera.work(same)
    moved = cv2.warpAffine(
        same, np.array([[1.0, 0, shift[0]], [0, 1, shift[1]]]), SHAPE[::-1], borderMode=cv2.BORDER_REFLECT
    )
    camera.show(moved, 3)
    camera.take(camera.tracker.close())
    later = sum(layer.new.mean() for layer in camera.layers[1:])
    assert later < 0.12, "no more than the rim that came into view"


def test_what_a_parked_tool_hides_is_new_only_once_it_is_seen() -> None:
    camera, taken, tool = Camera(), patch(30, 40, 70, 120), patch(20, 40, 90, 50)
    before, after = surface(1), np.where(patch(30, 40, 70, 120), surface(2), surface(1))
    parked = np.where(tool, surface(7), after)
    camera.show(before, 3)
    camera.work(before)
    camera.show(parked, 3)
    camera.work(after)  # the tool leaves; the rest it ends had the tool in view
    settled_with_tool = len(camera.layers)
    camera.show(after, 3)
    camera.take(camera.tracker.close())
    assert settled_with_tool == 2
    total = sum(layer.new.astype(int) for layer in camera.layers[1:])
    assert total.max() == 2 or overlap(total > 0, taken) > 0.7


def test_a_hidden_part_is_left_for_later_and_counted_once() -> None:
    camera, tool = Camera(), patch(20, 40, 90, 50)
    before, after = surface(1), surface(2)
    parked = np.where(tool, surface(7), after)
    camera.show(before, 3)
    camera.work(before)
    for _ in range(15):
        seen = np.clip(parked + camera.rng.normal(0, 3, SHAPE), 0, 255).astype(np.uint8)
        camera.take(camera.tracker.push(camera.now, seen, Moment(camera.now)), NOTHING)
        camera.now += 0.2
    first = camera.tracker.push(camera.now, surface(50).astype(np.uint8), Moment(camera.now))
    camera.take(first, tool)
    camera.now += 0.2
    camera.work(after)
    camera.show(after, 3)
    camera.take(camera.tracker.close())
    assert len(camera.layers) == 3
    assert not (camera.layers[1].new & tool).any()
    assert (camera.layers[1].new & camera.layers[2].new).mean() < 0.01
    assert (camera.layers[2].new & tool).sum() > 0.9 * tool.sum()


def test_rain_and_noise_are_no_movement() -> None:
    camera = Camera(noise=9.0)
    camera.show(surface(1), 4)
    camera.take(camera.tracker.close())
    assert len(camera.layers) == 1


def test_a_camera_that_restarts_ends_the_rest_and_nothing_is_graded_twice() -> None:
    camera, same = Camera(), surface(1)
    camera.show(same, 3)
    camera.now += 5
    camera.show(same, 3)
    camera.take(camera.tracker.close())
    assert len(camera.layers) == 1


def test_long_unrest_is_told() -> None:
    camera = Camera()
    for number in range(20):
        camera.show(surface(number), 0.2)
    assert camera.tracker.longest_unrest_s > 3
    assert camera.tracker.close() is None
