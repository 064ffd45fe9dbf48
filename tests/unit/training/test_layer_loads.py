"""A rendered load seen layer by layer has its true layers, once each, in shares that grading accepts."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from loadlens.datasets.procedural import ProceduralTextures
from loadlens.datasets.yard import ClipSpec, render_clip
from loadlens.grading.assessment import assess_load, impurity_estimate
from loadlens.grading.standard import load_standard
from loadlens.training.layer_loads import observe_clip
from loadlens.training.loads import GradedLoad, render_load
from loadlens.training.worst_loads import draw_worst
from loadlens.vision.model import load_model

STANDARD = load_standard("gbt-39733-2024")


def test_a_clip_is_seen_layer_by_layer() -> None:
    clip = render_clip(ClipSpec(seed=4, seconds=20), ProceduralTextures())
    masks = [new for _, _, new in clip.layers()]
    for truth, new in zip(clip.truth.layers, masks, strict=True):
        # What is new holds the layer, and the bare floor beside it.
        assert not (new & ~clip.inside).any()
        assert new.sum() / clip.inside.sum() >= truth.new_area - 1e-9
    seen = observe_clip(clip, load_model())
    assert len(seen.layers) == len(masks)
    for layer, truth in zip(seen.layers, clip.truth.layers, strict=True):
        assert layer.new_area == pytest.approx(truth.new_area, abs=0.15)
    composition = assess_load(seen, load_standard("gbt-39733-2024")).composition
    assert np.isclose(sum(layer.weight for layer in composition.layers), 1)


def test_the_load_that_was_deducted_worst_is_drawn_first(tmp_path) -> None:
    model = load_model()
    clip = render_load(4, None, "test")
    seen = observe_clip(clip, model)
    right = replace(clip.truth.truck, impurity_mass=impurity_estimate(seen, STANDARD)[0])
    loads = [
        GradedLoad(4, seen, replace(clip.truth, truck=replace(right, impurity_mass=right.impurity_mass + off)))
        for off in (0.0, 0.2)
    ]
    loads[1] = replace(loads[1], seed=5)
    sheet = tmp_path / "worst.png"
    assert draw_worst(loads, STANDARD, None, "test", sheet) == [5, 4]
    drawn = cv2.imread(str(sheet))
    assert drawn.shape[1] == 1280 and drawn.shape[0] % 2 == 0
    # Both rows hold pictures.
    assert all(half[100:].std() > 10 for half in np.split(drawn, 2))
