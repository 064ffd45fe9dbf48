"""A frame that would mislead is not used, one that is merely poor is doubted, and no real crane frame is lost."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from loadlens.vision.frame import Frame, SourceError
from loadlens.vision.quality import FrozenWatch, measure_quality

Picture = NDArray[np.uint8]


def scrap(seed: int = 0) -> Picture:
    """A grey picture with hard edges of every size, as a heap has: rectangles thrown at random, [135, 240]."""
    random = np.random.default_rng(seed)
    large = np.full((540, 960), 110, np.uint8)
    for _ in range(4000):
        x, y = int(random.integers(0, 960)), int(random.integers(0, 540))
        w, h = (int(side) for side in random.integers(4, 40, 2))
        large[y : y + h, x : x + w] = random.integers(40, 200)
    return np.asarray(cv2.resize(large, (240, 135), interpolation=cv2.INTER_AREA), np.uint8)


def noise(seed: int = 0, level: float = 2.0) -> NDArray[np.float64]:
    return np.random.default_rng(seed).normal(0, level, (135, 240))


def toned(picture: NDArray[np.floating]) -> Picture:
    return np.clip(picture, 0, 255).astype(np.uint8)


def covered(share: float) -> Picture:
    """The left share of the lens covered by something near and dark."""
    picture = scrap().astype(float)
    picture[:, : int(240 * share)] = 50
    return toned(picture + noise(level=0.4))


def codes(luma: Picture) -> set[str]:
    return {reason.code for reason in measure_quality(luma).reasons}


def test_a_good_frame_is_used_without_doubt() -> None:
    quality = measure_quality(scrap())
    assert quality.usable and quality.reasons == ()
    assert 60 < quality.brightness < 180
    assert quality.sharpness > 1.0
    assert quality.glare == quality.dark == quality.blocked == 0.0


@pytest.mark.parametrize(
    ("luma", "code"),
    [
        (np.zeros((135, 240), np.uint8), "frame_dark"),
        (toned(noise(level=3.0) + 6), "frame_dark"),
        (np.full((135, 240), 255, np.uint8), "frame_glare"),
        (toned(noise(level=3.0) + 253), "frame_glare"),
        (np.full((135, 240), 128, np.uint8), "frame_blocked"),
        (toned(noise(level=0.5) + 128), "frame_blocked"),
        (toned(cv2.GaussianBlur(scrap(), (0, 0), 6).astype(float)), "frame_blurred"),
        (covered(0.95), "frame_blocked"),
    ],
    ids=["black", "black with noise", "white", "white with noise", "grey", "grey with noise", "blurred", "covered"],
)
def test_a_frame_that_would_mislead_is_not_used(luma: Picture, code: str) -> None:
    assert not measure_quality(luma).usable
    assert code in codes(luma)


@pytest.mark.parametrize(
    ("luma", "code"),
    [
        (toned(scrap() * 0.3), "frame_dark"),
        (toned(np.where(np.arange(240) < 90, 255.0, scrap())), "frame_glare"),
        (toned(cv2.GaussianBlur(scrap(), (0, 0), 1.2).astype(float)), "frame_blurred"),
        (covered(0.4), "frame_blocked"),
    ],
    ids=["dim", "sun on a part", "out of focus", "part covered"],
)
def test_a_poor_frame_is_used_with_a_doubt(luma: Picture, code: str) -> None:
    assert measure_quality(luma).usable
    assert code in codes(luma)


def test_sharpness_falls_as_blur_grows_whatever_the_contrast() -> None:
    measured = [
        measure_quality(toned(cv2.GaussianBlur(scrap(), (0, 0), blur).astype(float))).sharpness
        for blur in (0.5, 1, 2, 4)
    ]
    assert measured == sorted(measured, reverse=True)
    faint = toned(110 + (scrap().astype(float) - 110) * 0.4)
    assert measure_quality(faint).sharpness == pytest.approx(measure_quality(scrap()).sharpness, rel=0.1)


@pytest.mark.parametrize("shape", [(1, 240), (64, 64), (3, 5)])
def test_a_picture_of_any_shape_can_be_measured(shape: tuple[int, int]) -> None:
    assert not measure_quality(np.full(shape, 7, np.uint8)).usable


@pytest.mark.photos
def test_no_crane_frame_is_lost_or_doubted(photos: Path) -> None:
    for path in sorted((photos / "unloading_frames").glob("*.jpg")):
        quality = measure_quality(Frame.from_bytes(path.read_bytes(), name=path.name, time_s=0.0).luma(240))
        assert quality.usable, path.name
        assert quality.reasons == (), path.name


@pytest.mark.photos
def test_no_grade_photo_is_lost(photos: Path) -> None:
    measured = 0
    for path in sorted((photos / "scrap_grades").rglob("*.*")):
        if path.suffix.lower() == ".jpg":
            try:
                frame = Frame.from_bytes(path.read_bytes(), name=path.name, time_s=0.0)
            except SourceError:
                continue
            measured += 1
            assert measure_quality(frame.luma(240)).usable, path.name
    assert measured == 368


@pytest.mark.photos
def test_crane_frames_blurred_darkened_or_covered_on_purpose_are_found(photos: Path) -> None:
    path = sorted((photos / "unloading_frames").glob("*.jpg"))[0]
    rgb = Frame.from_bytes(path.read_bytes(), name=path.name, time_s=0.0).rgb()

    def seen(picture: NDArray[np.floating] | Picture) -> Picture:
        return Frame.from_rgb(toned(np.asarray(picture, float)), time_s=0.0).luma(240)

    assert codes(seen(cv2.GaussianBlur(rgb, (0, 0), 8))) == {"frame_blurred"}
    assert not measure_quality(seen(cv2.GaussianBlur(rgb, (0, 0), 16))).usable
    assert codes(seen(rgb * 0.25)) == {"frame_dark"}
    assert not measure_quality(seen(rgb * 0.05)).usable


# --- a stream that stands still


def test_a_stream_that_repeats_one_picture_is_noticed_after_ten_seconds() -> None:
    watch = FrozenWatch()
    said = [watch.push(second, scrap()) for second in range(14)]
    assert said[:11] == [None] * 11
    assert [doubt.code for doubt in said[11:] if doubt] == ["stream_frozen"] * 3


def test_a_still_scene_seen_by_a_live_sensor_is_not_frozen() -> None:
    watch = FrozenWatch()
    assert all(watch.push(second, toned(scrap() + noise(second, 0.3))) is None for second in range(60))


def test_movement_ends_the_wait() -> None:
    watch = FrozenWatch()
    for second in range(10):
        watch.push(second, scrap())
    assert watch.push(10.0, scrap(1)) is None
    assert watch.push(19.0, scrap(1)) is None
    assert watch.push(21.0, scrap(1)) is not None
    assert watch.push(22.0, np.zeros((64, 64), np.uint8)) is None
