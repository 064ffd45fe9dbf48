"""Rendered unloadings: known truth that holds, the same bytes every time, files that open."""

import math
from pathlib import Path

import av
import numpy as np
import pytest

from loadlens.datasets.procedural import ProceduralTextures
from loadlens.datasets.yard import ClipSpec, render_clip, truth_json, write_clip
from loadlens.vision.taxonomy import load_taxonomy

BANK = ProceduralTextures()


@pytest.fixture(scope="module")
def clip():
    return render_clip(ClipSpec(seed=4, seconds=25, hazard=True), BANK)


def test_every_layer_of_the_truth_is_whole(clip) -> None:
    assert clip.truth.layers[0].new_area > 0.9
    for layer in clip.truth.layers:
        assert 0 < layer.new_area <= 1
        assert layer.start_s < layer.end_s
        hazards = 1 - math.fsum([*layer.forms.values(), *layer.contaminants.values()])
        assert -1e-9 < hazards < 0.2
        assert all(load_taxonomy()[name].kind == "form" for name in layer.forms)
    starts = [layer.start_s for layer in clip.truth.layers]
    assert starts == sorted(starts)


def test_the_truck_is_no_dirtier_by_mass_than_its_dirt_is_dense(clip) -> None:
    truck = clip.truth.truck
    assert math.fsum([*truck.forms.values(), *truck.contaminants.values()]) <= 1 + 1e-9
    assert 0 <= truck.impurity_mass <= 1


def test_a_hazard_that_was_asked_for_lies_in_the_bed(clip) -> None:
    x, y, w, h = clip.truth.bed
    for layer in clip.truth.layers:
        for name, (left, top, width, height) in layer.hazards:
            assert load_taxonomy()[name].kind == "hazard"
            assert x <= left + width / 2 <= x + w
            assert y <= top + height / 2 <= y + h


def test_the_same_seed_gives_the_same_clip_and_another_seed_another() -> None:
    spec = ClipSpec(seed=9, size=(136, 240), seconds=8)
    first, again = (list(render_clip(spec, BANK).frames()) for _ in range(2))
    assert [time for time, _ in first] == [time for time, _ in again]
    assert all(np.array_equal(a, b) for (_, a), (_, b) in zip(first, again, strict=True))
    other = next(render_clip(ClipSpec(seed=10, size=(136, 240), seconds=8), BANK).frames())
    assert not np.array_equal(first[0][1], other[1])


def test_a_written_clip_opens_with_its_frames_at_their_times(tmp_path: Path) -> None:
    clip = render_clip(ClipSpec(seed=9, size=(136, 240), seconds=8), BANK)
    write_clip(clip, tmp_path / "clip.mp4")
    with av.open(str(tmp_path / "clip.mp4")) as opened:
        times = [float(frame.time) for frame in opened.decode(video=0)]
    assert times == pytest.approx([time for time, _ in clip.frames()], abs=0.01)
    assert [path.name for path in tmp_path.iterdir()] == ["clip.mp4"]


def test_a_still_is_labelled_where_it_shows_load() -> None:
    clip = render_clip(ClipSpec(seed=4, seconds=12), BANK)
    rgb, label = next(clip.stills())
    assert rgb.shape[:2] == label.shape
    names = tuple(load_taxonomy())
    kinds = {load_taxonomy()[names[index]].kind for index in np.unique(label)}
    assert {"form", "scene"} <= kinds


def test_an_impossible_clip_is_refused() -> None:
    with pytest.raises(ValueError, match="6 seconds"):
        render_clip(ClipSpec(seed=1, seconds=2), BANK)


def test_the_truth_is_plain_data(clip) -> None:
    plain = truth_json(clip.truth)
    assert plain["schema"] == "loadlens.truth/1"
    assert len(plain["layers"]) == len(clip.truth.layers)
