"""A rendered load seen layer by layer has its true layers, once each, in shares that grading accepts."""

import numpy as np
import pytest

from loadlens.datasets.procedural import ProceduralTextures
from loadlens.datasets.yard import ClipSpec, render_clip
from loadlens.grading.assessment import assess_load
from loadlens.grading.standard import load_standard
from loadlens.training.layer_loads import observe_clip
from loadlens.vision.model import load_model


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
