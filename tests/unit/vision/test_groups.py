"""Where nothing changes only key frames are decoded, and nothing that happens is lost by it."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from loadlens.vision.frame import Frame
from loadlens.vision.source import read_frames
from loadlens.vision.tracker import LayerTracker

SIZE = (160, 120)
GROUP_S = 1.0
NOISE = np.random.default_rng(5)


def scrap(seed: int) -> np.ndarray:
    small = np.random.default_rng(seed).integers(40, 200, (SIZE[1] // 6, SIZE[0] // 6), dtype=np.uint8)
    return cv2.resize(small, SIZE, interpolation=cv2.INTER_CUBIC)


def shown(scene: np.ndarray, seconds: float, *, visitor_s: tuple[float, float] = (9e9, 9e9)) -> Iterator[np.ndarray]:
    """A scene as a camera with noise sees it at 25 frames a second; between two moments a tool crosses it."""
    for number in range(round(seconds * 25)):
        picture = scene.copy()
        if visitor_s[0] <= number / 25 < visitor_s[1]:
            x = 4 + 5 * number % 100
            picture[20:90, x : x + 50] = scrap(900 + number)[20:90, x : x + 50]
        yield np.clip(picture + NOISE.normal(0, 1.5, picture.shape), 0, 255).astype(np.uint8)


def video(
    path: Path,
    parts: Sequence[Iterator[np.ndarray]],
    group_s: float = GROUP_S,
    *,
    codec: str = "libx264",
    **options: str,
) -> Path:
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=25, options={"sc_threshold": "0", **options})
        stream.width, stream.height, stream.pix_fmt = *SIZE, "yuv420p"
        stream.codec_context.gop_size = round(25 * group_s)
        for picture in (picture for part in parts for picture in part):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="gray").reformat(format="yuv420p")))
        container.mux(stream.encode())
    return path


def pictures(path: Path, *, skip_still: bool) -> dict[float, str]:
    """The digest of every frame that is given, by its time."""
    reader = read_frames(path, skip_still=skip_still)
    found = {round(frame.time_s, 2): frame.sha256 for frame in reader}
    assert reader.doubts == ()
    return found


@pytest.mark.parametrize("codec_options", [{}, {"bf": "0"}], ids=["reordered", "as cameras send"])
def test_of_a_scene_that_stands_still_only_key_frames_are_given(tmp_path: Path, codec_options: dict[str, str]) -> None:
    path = video(tmp_path / "a.mp4", [shown(scrap(1), 10)], **codec_options)
    every, seldom = pictures(path, skip_still=False), pictures(path, skip_still=True)
    assert len(every) == 50
    assert set(seldom.items()) <= set(every.items())
    # Two groups before it is known that nothing changes, and the last, behind which no key frame says so.
    assert [time_s for time_s in seldom if 2 < time_s < 9] == [3, 4, 5, 6, 7, 8]
    assert [time_s for time_s in seldom if time_s > 9] == [time_s for time_s in every if time_s > 9]


def test_of_work_that_begins_no_frame_is_lost(tmp_path: Path) -> None:
    path = video(tmp_path / "a.mp4", [shown(scrap(1), 7.5), shown(scrap(1), 3, visitor_s=(0, 3))])
    every, given = pictures(path, skip_still=False), pictures(path, skip_still=True)
    assert {time_s: digest for time_s, digest in every.items() if time_s >= 7} == {
        time_s: digest for time_s, digest in given.items() if time_s >= 7
    }
    assert not [time_s for time_s in given if 5 < time_s < 6]


def test_what_comes_and_goes_between_two_key_frames_is_seen(tmp_path: Path) -> None:
    path = video(tmp_path / "a.mp4", [shown(scrap(1), 10, visitor_s=(6.2, 6.8))])
    given = pictures(path, skip_still=True)
    assert len([time_s for time_s in given if 6 < time_s < 7]) == 4
    assert not [time_s for time_s in given if 5 < time_s < 6]


@pytest.mark.parametrize(
    ("name", "group_s", "options"),
    [("a.mp4", 5.0, {}), ("a.mpg", GROUP_S, {"codec": "mpeg2video", "bf": "2"})],
    ids=["long", "open"],
)
def test_groups_too_long_to_wait_for_or_built_upon_each_other_are_all_decoded(
    tmp_path: Path, name: str, group_s: float, options: dict[str, str]
) -> None:
    path = video(tmp_path / name, [shown(scrap(1), 12)], group_s, **options)
    assert pictures(path, skip_still=True) == pictures(path, skip_still=False)


def test_no_layer_is_missed_and_none_is_found_twice(tmp_path: Path) -> None:
    work = [shown(scrap(seed), 1.4, visitor_s=(0, 1.4)) for seed in (1, 2)]
    path = video(tmp_path / "a.mp4", [shown(scrap(1), 8.3), work[0], shown(scrap(2), 9), work[1], shown(scrap(3), 6)])
    found = {skip: layers(path, skip_still=skip) for skip in (True, False)}
    assert [round(start_s) for start_s, _ in found[False]] == [0, 10, 20]
    assert np.allclose(found[True], found[False], atol=0.3)


def layers(path: Path, *, skip_still: bool) -> list[tuple[float, float]]:
    """Begin and end of the rests in which something new is seen."""
    tracker: LayerTracker[Frame] = LayerTracker(SIZE[::-1])
    nothing = np.zeros(SIZE[::-1], np.bool_)
    settled = [
        tracker.push(frame.time_s, frame.luma(SIZE[0]), frame, unbroken=frame.unbroken)
        for frame in read_frames(path, skip_still=skip_still)
    ]
    return [
        (rest.start_s, rest.end_s)
        for rest in [*settled, tracker.close()]
        if rest is not None and tracker.accept(rest, nothing) is not None
    ]


def test_where_every_picture_is_a_key_frame_all_are_given(tmp_path: Path) -> None:
    path = video(tmp_path / "a.mp4", [shown(scrap(1), 4)], group_s=0.04)
    assert len(pictures(path, skip_still=True)) == 20
