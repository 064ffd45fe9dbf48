"""Streams that stand still or go black, encoded as cameras and relays do; live streams of a still scene."""

import io
from collections.abc import Iterator

import av
import cv2
import numpy as np
import pytest

from loadlens.serving.ingest.watch import StreamWatch
from loadlens.vision.frame import Frame

RNG = np.random.default_rng(9)
SCENE = cv2.resize(RNG.integers(40, 210, (30, 40, 3)).astype(np.uint8), (320, 240), interpolation=cv2.INTER_CUBIC)
FPS = 5


def noisy() -> np.ndarray:
    return np.clip(SCENE + RNG.normal(0, 2.0, SCENE.shape), 0, 255).astype(np.uint8)


def live(seconds: int) -> Iterator[np.ndarray]:
    return (noisy() for _ in range(seconds * FPS))


def frozen(seconds: int, picture: np.ndarray | None = None) -> Iterator[np.ndarray]:
    still = noisy() if picture is None else picture
    return (still for _ in range(seconds * FPS))


def encoded(pictures: Iterator[np.ndarray], **options: str) -> Iterator[np.ndarray]:
    """Pictures as they come out of an encoder, a group of pictures every two seconds."""
    stream = io.BytesIO()
    with av.open(stream, "w", format="mpegts") as target:
        video = target.add_stream("libx264", rate=FPS, options={"g": str(2 * FPS), "preset": "ultrafast", **options})
        video.width, video.height, video.pix_fmt = 320, 240, "yuv420p"
        for number, picture in enumerate(pictures):
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts = number
            target.mux(video.encode(frame))
        target.mux(video.encode(None))
    stream.seek(0)
    with av.open(stream) as source:
        for frame in source.decode(video=0):
            yield frame.to_ndarray(format="rgb24")


def states(pictures: Iterator[np.ndarray]) -> list[str]:
    """The state after every second."""
    watch, found = StreamWatch(), []
    for number, picture in enumerate(pictures):
        if number % FPS == 0:
            watch.push(number / FPS, Frame.from_rgb(picture, time_s=number / FPS))
            found.append(watch.state)
    return found


def test_a_live_camera_over_a_still_scene_is_not_frozen() -> None:
    assert set(states(encoded(live(90)))) == {"ok"}


def test_a_picture_that_is_sent_again_and_again_is_frozen_after_half_a_minute() -> None:
    found = states(frozen(60))
    assert found[:30] == ["ok"] * 30
    assert found[32:] == ["frozen"] * 28


def test_a_frozen_picture_that_is_encoded_anew_is_noticed() -> None:
    found = states(encoded(frozen(90)))
    assert found[:30] == ["ok"] * 30
    assert found[-1] == "frozen"


def test_a_running_clock_in_a_frozen_picture_does_not_hide_it() -> None:
    def with_clock() -> Iterator[np.ndarray]:
        for number, picture in enumerate(frozen(90)):
            drawn = picture.copy()
            cv2.putText(drawn, f"{number // FPS:05d}", (4, 16), cv2.FONT_HERSHEY_SIMPLEX, 0.4, (255, 255, 255))
            yield drawn

    assert states(encoded(with_clock()))[-1] == "frozen"


def test_a_frozen_picture_whose_encoder_never_repeats_itself_is_noticed_after_minutes() -> None:
    """A constant bit rate: the encoder goes on adjusting its quality, so no two groups of pictures are the same."""
    rate = {"b": "300k", "maxrate": "300k", "minrate": "300k", "bufsize": "300k", "tune": "zerolatency"}
    found = states(encoded(frozen(320), **rate))
    assert found[-1] == "frozen"


def test_a_stream_that_thaws_is_well_again() -> None:
    def thawing() -> Iterator[np.ndarray]:
        yield from frozen(50)
        yield from live(10)

    found = states(thawing())
    assert "frozen" in found
    assert found[-5:] == ["ok"] * 5


@pytest.mark.parametrize("level", [0, 12])
def test_a_black_picture_is_black_after_five_seconds_not_frozen(level: int) -> None:
    found = states(frozen(60, np.full_like(SCENE, level)))
    assert found[:5] == ["ok"] * 5
    assert found[7:] == ["black"] * 53
