"""The map of a layer: what lies in a region that a person draws."""

import io
import zipfile

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadlens.grading.correction import UNKNOWN
from loadlens.vision.layer import SeenLayer, layer_observation
from loadlens.vision.layer_map import LayerMapError, Region, likeliest, map_of, parts_of_regions, read_map
from loadlens.vision.surface import Surface
from loadlens.vision.taxonomy import load_taxonomy

CLASSES = ("turnings", "shredded", "wood", "gas_cylinder", "ground")
GRID, STRIDE = (6, 10), 16
SIZE = (88, 152)  # the last row and column reach past the picture
ALL = np.ones((22, 38), np.bool_)
POINT = st.tuples(st.floats(0, 1), st.floats(0, 1))


def a_map(seed: int = 0):
    probs = np.random.default_rng(seed).dirichlet([0.4] * len(CLASSES), GRID).astype(np.float32)
    surface = Surface(np.ascontiguousarray(probs.transpose(2, 0, 1)), CLASSES, STRIDE)
    seen = SeenLayer(0.0, 3.0, 1.0, "a" * 64, ALL, ~ALL, ~ALL, surface, SIZE)
    return seen, map_of(seen, ALL, 0.3)


WHOLE = Region(((0, 0), (1, 0), (1, 1), (0, 1)))


def test_the_whole_picture_takes_all_that_was_counted():
    _, found = a_map()
    [taken] = parts_of_regions(found, [WHOLE], load_taxonomy())
    assert set(taken) == {"turnings", "shredded", "wood", UNKNOWN}
    assert list(taken.values()) == pytest.approx([1.0] * 4, abs=1e-5)


@given(
    regions=st.lists(
        st.builds(Region, st.lists(POINT, min_size=3, max_size=6).map(tuple), st.none() | st.floats(0.01, 0.3)),
        max_size=4,
    )
)
def test_regions_never_take_more_than_there_is_however_they_overlap(regions):
    _, found = a_map()
    parts = parts_of_regions(found, regions, load_taxonomy())
    assert len(parts) == len(regions)
    for name in {name for taken in parts for name in taken}:
        assert sum(taken.get(name, 0.0) for taken in parts) <= 1 + 1e-6


def test_what_is_painted_later_lies_on_top():
    _, found = a_map()
    below, above = parts_of_regions(found, [WHOLE, WHOLE], load_taxonomy())
    assert below == {}
    assert above["wood"] == pytest.approx(1, abs=1e-5)


def test_a_map_comes_back_from_its_bytes_and_counts_what_the_layer_counted():
    seen, kept = a_map()
    found = read_map(kept.to_bytes())
    assert found.to_bytes() == kept.to_bytes()
    layer = layer_observation(0, seen, ALL, load_taxonomy(), unsure_below=0.3)
    left = Region(((0, 0), (0.5, 0), (0.5, 1), (0, 1)))
    [taken] = parts_of_regions(found, [left], load_taxonomy())
    # The same by hand, from the grid itself: columns 0..4 whole, of column 4 the 12 pixels left of the middle.
    weight = (1 - seen.surface.probs[4])[:, :]
    cover = np.array([1, 1, 1, 1, 0.75, 0, 0, 0, 0, 0])
    wood = seen.surface.probs[2] / (1 - seen.surface.probs[4]) * weight
    there = np.outer(np.r_[np.ones(5), 0.5], np.r_[np.ones(9), 0.5])
    assert taken["wood"] == pytest.approx(float((wood * there * cover).sum() / (wood * there).sum()), abs=0.02)
    assert layer.contaminants["wood"] == pytest.approx(float((wood * there).sum() / (weight * there).sum()), abs=0.01)


def test_the_likeliest_class_of_a_cell_comes_first():
    seen, kept = a_map()
    classes, shares = likeliest(kept, 3)
    assert (classes[0] == seen.surface.probs.argmax(axis=0)).all()
    assert (shares[0] >= shares[1]).all()


def bomb():
    """A small file of 300 MiB."""
    file = io.BytesIO()
    with (
        zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as packed,
        packed.open("probs.npy", "w") as out,
    ):
        for _ in range(300):
            out.write(bytes(2**20))
    return file.getvalue()


@pytest.mark.parametrize("data", [b"", b"no map", b"PK\x03\x04", a_map()[1].to_bytes()[:200], bomb()])
def test_what_is_no_map_is_refused(data):
    with pytest.raises(LayerMapError):
        read_map(data)
