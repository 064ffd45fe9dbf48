"""A failed green channel is noticed; coloured scrap and coloured light are not."""

import cv2
import numpy as np
import pytest

from loadlens.vision.colour import has_cast

SCRAP = np.random.default_rng(0).integers(40, 200, (120, 160, 3), np.uint8)


def test_a_sound_picture_has_no_cast() -> None:
    assert not has_cast(SCRAP)


@pytest.mark.parametrize("gain", [(1.2, 1.0, 0.8), (0.8, 1.0, 1.2), (1.0, 1.1, 0.9)])
def test_warm_and_cold_light_is_no_fault(gain) -> None:
    assert not has_cast(np.clip(SCRAP * gain, 0, 255).astype(np.uint8))


def test_a_failed_green_channel_is_noticed() -> None:
    assert has_cast(np.clip(SCRAP * (1.2, 0.6, 1.1), 0, 255).astype(np.uint8))


@pytest.mark.photos
def test_of_the_crane_frames_only_those_of_the_faulty_camera_have_it(photos) -> None:
    named = {
        path.name.split("cam-")[1].split("_")[0]
        for path in (photos / "unloading_frames").glob("*.jpg")
        if has_cast(np.asarray(cv2.imread(str(path), cv2.IMREAD_REDUCED_COLOR_4)[..., ::-1], np.uint8))
    }
    assert named == {"Pr9Pos"}
