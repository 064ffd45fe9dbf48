"""The shipped model on rendered unloadings: the whole way from a clip file to a graded load."""

import json
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest

from loadlens.datasets.crane import load_crane_frames
from loadlens.datasets.procedural import ProceduralTextures
from loadlens.datasets.yard import Clip, ClipSpec, render_clip, write_clip
from loadlens.grading.assessment import assess_load
from loadlens.grading.standard import load_standard
from loadlens.training.commands import recipe_path
from loadlens.training.crane import measure_crane, see_crane
from loadlens.training.evaluate import measure_photos, name_photos
from loadlens.training.loads import GradedLoad, match_layers
from loadlens.training.recipe import load_recipe
from loadlens.training.samples import photo_part
from loadlens.vision.bed import Bed
from loadlens.vision.colour import has_cast
from loadlens.vision.frame import Frame
from loadlens.vision.model import load_model
from loadlens.vision.observed import Observed
from loadlens.vision.pipeline import Unloading, observe_source
from loadlens.vision.stillness import LUMA_WIDTH

SEEDS = (2001, 2002, 2003)
Shown = Iterable[tuple[float, np.ndarray]]  # pictures and when, in seconds


@pytest.fixture(scope="module")
def clips() -> list[Clip]:
    return [render_clip(ClipSpec(seed=seed, seconds=25, hazard=False), ProceduralTextures()) for seed in SEEDS]


@pytest.fixture(scope="module")
def first(clips) -> Shown:
    """Every frame of the first clip, which several tests show."""
    return list(clips[0].frames())


def watch(shown: Shown, bed: Bed | None = None, *, look_back: bool = False) -> Observed:
    unloading = Unloading(
        load_model(), bed=bed, load_id="test", source="rendered", started_at="2026-03-01T08:00:00+00:00"
    )
    for number, (time_s, rgb) in enumerate(shown):
        unloading.push(Frame.from_rgb(rgb, time_s=time_s))
        if look_back and number % 50 == 0:
            unloading.so_far()
    return unloading.finish()


@pytest.fixture(scope="module")
def watched(clips, first) -> list[Observed]:
    return [watch(first), *(watch(clip.frames()) for clip in clips[1:])]


def test_layers_are_found_once_each(clips, watched) -> None:
    found = true = wrong = 0
    for clip, observed in zip(clips, watched, strict=True):
        pairs, missed, invented, twice = match_layers(GradedLoad(0, observed.observation, clip.truth))
        assert twice == 0
        found, true, wrong = found + len(pairs), true + len(pairs) + missed, wrong + invented
    assert 2 * found / (found + true + wrong) >= 0.9


def test_the_bed_is_found_where_it_was_drawn(clips, watched) -> None:
    for clip, observed in zip(clips, watched, strict=True):
        x, y, w, h = clip.bed
        bed = observed.bed
        assert bed is not None
        across = max(0, min(bed.x + bed.w, x + w) - max(bed.x, x))
        down = max(0, min(bed.y + bed.h, y + h) - max(bed.y, y))
        assert across * down / (bed.w * bed.h + w * h - across * down) > 0.8


def test_a_load_is_no_larger_than_the_surface_that_was_exposed(clips, watched) -> None:
    """Counting a surface twice would show as more newly exposed area than there was."""
    for clip, observed in zip(clips, watched, strict=True):
        seen = sum(layer.new_area for layer in observed.observation.layers)
        assert seen <= 1.2 * sum(layer.new_area for layer in clip.truth.layers)


def test_the_interval_of_the_deduction_comes_with_the_model(watched) -> None:
    for observed in watched:
        report = assess_load(observed.observation, load_standard("gbt-39733-2024")).to_report()
        deduction = report["truck"]["deduction"]
        assert deduction["percent_low"] <= deduction["percent_of_net"] <= deduction["percent_high"]
        assert deduction["coverage_level"] == 0.9


def test_the_same_frames_give_the_same_bytes_though_somebody_looks_at_them_on_the_way(first, watched) -> None:
    standard = load_standard("example-mill")
    alone, again = watched[0].observation, watch(first, look_back=True).observation
    assert assess_load(alone, standard).to_bytes() == assess_load(again, standard).to_bytes()


def test_an_alarm_that_misses_much_is_said_with_every_load(watched) -> None:
    recall = load_model().metadata.hazard_recall
    assert min(recall.values()) < 0.9, "once the alarm is good, this doubt goes"
    for observed in watched:
        flags = assess_load(observed.observation, load_standard("gbt-39733-2024")).flags
        assert ("hazards_may_be_missed", "review") in [(flag.code, flag.level) for flag in flags]


def test_nothing_is_graded_while_the_colours_are_false(first) -> None:
    """The green channel fails for the first half; what lies open then is graded when it is back, once."""
    unloading, half_s = Unloading(load_model(), load_id="test", source="rendered", started_at=""), 12.0
    for time_s, rgb in first:
        faulty = np.clip(rgb * (1.25, 0.6, 1.1), 0, 255).astype(np.uint8) if time_s < half_s else rgb
        unloading.push(Frame.from_rgb(faulty, time_s=time_s))
    observation = unloading.finish().observation
    assert observation.layers
    assert all(layer.key_frame_s >= half_s for layer in observation.layers)
    assert "colour_cast" in [doubt.code for doubt in observation.doubts]
    assert sum(layer.new_area for layer in observation.layers[:1]) > 0.5, "all that lay open is new by then"


def test_what_lies_still_is_looked_at_once_and_whatever_is_new_within_two_seconds(clips) -> None:
    """New is a speck that stays, 3 x 3 pixels of the small picture; and whatever moves is looked at every second."""
    _, scene = next(iter(clips[1].frames()))
    noise = np.random.default_rng(8).normal(0, 2, (4, *scene.shape[:2], 1)).astype(np.int16)
    unloading = Unloading(load_model(), load_id="test", source="rendered", started_at="")

    def show(picture: np.ndarray, seconds: float) -> int:
        before = unloading.frames_used
        for _ in range(round(5 * seconds)):
            number = unloading.frames_seen
            noisy = np.clip(picture + noise[number % len(noise)], 0, 255).astype(np.uint8)
            unloading.push(Frame.from_rgb(noisy, time_s=number / 5))
        return unloading.frames_used - before

    assert show(scene, 10) == 2  # the first picture, and the rest once it is one
    speck, pixel = scene.copy(), scene.shape[1] // LUMA_WIDTH
    speck[200 : 200 + 4 * pixel, 400 : 400 + 4 * pixel] ^= 0x80
    assert show(speck, 2) >= 1
    assert show(speck, 5) <= 1
    assert show(speck, 30) == 1  # and in any case once in half a minute
    tool = [np.roll(speck[:, :300], 40 * step, axis=1) for step in range(20)]
    assert sum(show(np.hstack([part, speck[:, 300:]]), 0.2) for part in tool) >= 4


def test_every_layer_has_a_picture(watched) -> None:
    observed = watched[0]
    pictures = list(observed.pictures())
    assert [picture.index for picture in pictures] == [layer.index for layer in observed.observation.layers]
    for picture in pictures:
        assert picture.overlay.shape[0] > picture.rgb.shape[0], "the legend lies below the picture"


def test_a_file_is_graded_like_its_frames(clips, watched, tmp_path: Path) -> None:
    write_clip(clips[0], tmp_path / "clip.mp4", crf=18)
    from_file = observe_source(tmp_path / "clip.mp4", load_model()).observation
    assert len(from_file.layers) == len(watched[0].observation.layers)
    for one, other in zip(from_file.layers, watched[0].observation.layers, strict=True):
        assert one.new_area == pytest.approx(other.new_area, abs=0.05)


def test_the_command_line_grades_a_rendered_clip(tmp_path: Path) -> None:
    def loadlens(*words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "loadlens.serving.cli", *words]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=200)

    rendered = loadlens("data", "render", "--seed", "2004", "--seconds", "15", "--out", "clip.mp4")
    assert rendered.returncode == 0, rendered.stderr
    graded = loadlens("grade", "clip.mp4", "--gross", "48960", "--tare", "16420", "--out", "load", "--json")
    assert graded.returncode in (0, 4), graded.stderr
    report = json.loads(graded.stdout)
    assert report["truck"]["net_kg"] == 32540
    for layer in report["layers"]:
        shares = [*layer["forms"].values(), *(entry["area"] for entry in layer["contaminants"].values())]
        assert sum(shares) + layer["unknown"] == pytest.approx(1, abs=1e-4)
        assert (tmp_path / "load" / layer["overlay"]).is_file()


@pytest.mark.photos
def test_a_magnet_well_in_view_of_a_sound_camera_is_not_graded(photos) -> None:
    """The cameras are none that the model was trained on. Slivers and the magenta camera are on the model's card."""
    model = load_model()
    frames = load_crane_frames(photos / "unloading_frames")
    unseen = [frame for frame in frames if frame.camera not in load_recipe(recipe_path("surface")).crane_cameras]
    seen = see_crane(model, unseen)
    magnets = [item for item in seen if "magnet" in item.cells and item.cells["magnet"].sum() >= 40]
    sound = [item for item in magnets if not has_cast(item.rgb)]
    assert len(sound) >= 3
    assert measure_crane(sound)["crane_magnet_graded_worst"].value < 0.02
    figures = measure_crane(seen)
    assert figures["crane_material_recall"].value > figures["crane_material_recall_commonest"].value


@pytest.mark.photos
def test_photos_of_loads_never_seen_are_named(photos) -> None:
    """Better than its own cells say, and sure where it is right."""
    named = name_photos(load_model(), photo_part(photos, "test"))
    figures = measure_photos(named, photo_part(photos, "train"))
    assert figures["photo_form_macro_f1"].value > 0.75
    assert figures["photo_family_macro_f1"].value > 0.85
    assert figures["photo_form_accuracy_answered"].value >= figures["photo_form_accuracy"].value
    assert figures["photo_calibration_error"].value < 0.15
