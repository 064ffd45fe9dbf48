"""The picture of a layer: what an inspector must be able to read on it."""

import numpy as np

from loadlens.grading.observation import HazardSighting
from loadlens.vision.overlay import draw_layer
from loadlens.vision.surface import Surface
from loadlens.vision.taxonomy import load_taxonomy


def drawn(*hazards):
    probs = np.ones((1, 20, 40), np.float32)
    surface = Surface(probs, ("turnings",), 16)
    rgb = np.full((320, 640, 3), 90, np.uint8)
    about = {"source_width": 640, "title": "Layer 0", "taxonomy": load_taxonomy()}
    return draw_layer(rgb, surface, np.ones((20, 40), np.float32), hazards, **about)[:320]


def test_two_hazards_in_one_place_have_a_label_each():
    gas, drum = (HazardSighting(name, 0.62, (200, 150, 40, 40), 1.0, "0" * 64) for name in ("gas_cylinder", "drum"))
    label = np.s_[122:149, 200:380]
    one, other, both = drawn(gas), drawn(drum), drawn(gas, drum)
    assert not np.array_equal(one[label], other[label])
    assert np.array_equal(both[label], one[label])
    assert np.array_equal(both[95:122, 205:240], other[122:149, 205:240])
    assert np.array_equal(both[149:200], one[149:200])  # the thing itself stays in view
