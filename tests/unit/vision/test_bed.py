"""The bed: read from the command line, checked against the frame, or found round the load."""

import numpy as np
import pytest

from loadlens.vision.bed import Bed, BedError, find_bed


def test_a_bed_is_read_as_it_is_written() -> None:
    assert Bed.parse("210,140,1500,800") == Bed(210, 140, 1500, 800)
    assert Bed.parse("210,140,1500,800").text == "210,140,1500,800"


@pytest.mark.parametrize("text", ["", "1,2,3", "a,b,c,d", "1.5,2,300,400", "-1,0,300,400", "0,0,10,400"])
def test_a_bed_that_cannot_be_is_refused(text: str) -> None:
    with pytest.raises(BedError):
        Bed.parse(text)


def test_a_bed_outside_the_frame_is_refused() -> None:
    Bed(0, 0, 1920, 1080).fits(1920, 1080)
    with pytest.raises(BedError, match="1920x1080"):
        Bed(500, 300, 1500, 700).fits(1920, 1080)


def load_in(box: tuple[int, int, int, int], shape: tuple[int, int] = (135, 240)) -> np.ndarray:
    scene = np.ones(shape, np.float32)
    x, y, w, h = box
    scene[y : y + h, x : x + w] = 0.1
    return scene


def test_the_bed_is_the_box_round_the_load() -> None:
    everything = np.ones((135, 240), np.bool_)
    bed = find_bed([everything], source_size=(1920, 1080), scene=load_in((40, 30, 160, 80)))
    assert bed is not None
    assert (abs(bed.x - 320), abs(bed.y - 240)) < (25, 25)
    assert abs(bed.w - 1280) < 50
    assert abs(bed.h - 640) < 30


def test_a_later_change_beside_the_load_widens_the_bed_and_a_far_one_does_not() -> None:
    everything = np.ones((135, 240), np.bool_)
    beside, far = np.zeros_like(everything), np.zeros_like(everything)
    beside[30:110, 150:200] = True
    far[0:20, 0:20] = True
    scene = load_in((40, 30, 110, 80))
    bed = find_bed([everything, beside, far], source_size=(240, 135), scene=scene)
    assert bed is not None
    assert bed.x > 30
    assert bed.x + bed.w > 150


def test_no_load_gives_no_bed() -> None:
    assert find_bed([], source_size=(240, 135), scene=np.ones((135, 240), np.float32)) is None
