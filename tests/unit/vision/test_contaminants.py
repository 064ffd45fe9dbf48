"""A cell counts as contaminated where it stands out from its layer, and then as a whole."""

import numpy as np
import pytest

from loadlens.vision.contaminants import decide_contaminants
from loadlens.vision.surface import Surface
from loadlens.vision.taxonomy import load_taxonomy

CLASSES = ("turnings", "shredded", "wood", "brick", "gas_cylinder", "ground")
GRID = (10, 20)
WHOLE = np.ones(GRID, np.float32)


def decided(exposed: np.ndarray = WHOLE, **given: np.ndarray | float) -> dict[str, np.ndarray]:
    """What is decided of a surface that is turnings but for what is given."""
    planes = np.zeros((len(CLASSES), *GRID), np.float32)
    for name, value in given.items():
        planes[CLASSES.index(name)] = value
    planes[0] = 1 - planes[1:].sum(axis=0)
    before = Surface(planes, CLASSES, 16)
    after = decide_contaminants(before, exposed, load_taxonomy())
    assert after.probs.sum(axis=0) == pytest.approx(before.probs.sum(axis=0), abs=1e-5)
    assert (after.probs[4:] == before.probs[4:]).all(), "hazards and scene are not for this to decide"
    return dict(zip(CLASSES, after.probs, strict=True))


def piece(likely: float, elsewhere: float) -> np.ndarray:
    cells = np.full(GRID, elsewhere, np.float32)
    cells[2:4, 5:9] = likely
    return cells


def test_a_piece_that_stands_out_counts_whole_and_what_lies_over_everything_counts_nothing() -> None:
    found = decided(wood=piece(0.21, 0.03), brick=piece(0.07, 0.0), shredded=0.2)
    inside = piece(1, 0) == 1
    # One piece of one material.
    assert found["wood"][inside] == pytest.approx(1, abs=1e-4)
    assert found["brick"][inside] == pytest.approx(0, abs=1e-4)
    assert not found["wood"][~inside].any()
    # Clean scrap keeps the proportions of its forms.
    assert found["shredded"][~inside] == pytest.approx(0.2 / 0.97)


def test_a_patch_is_named_by_its_own_cells_whatever_lies_elsewhere_in_the_layer() -> None:
    brick, wood = piece(0.3, 0.0), np.zeros(GRID, np.float32)
    wood[2:4, 5:9] = 0.2
    wood[6:10, :10] = 0.5  # far more, of another piece
    brick[2:4, 5:7], wood[2:4, 5:7] = 0.2, 0.3  # where the first piece looks like the second
    found = decided(brick=brick, wood=wood)
    brick[2:4, 5:9], wood[2:4, 5:9] = 0.4, 0.1
    surely = decided(brick=brick, wood=wood)
    assert found["brick"][2:4, 5:9] + found["wood"][2:4, 5:9] == pytest.approx(1)
    assert surely["brick"][2:4, 5:9] == pytest.approx(1, abs=1e-4)
    assert surely["wood"][6:10, :10] == pytest.approx(1)


def test_dirt_that_covers_the_whole_layer_is_seen_though_it_stands_out_from_nothing() -> None:
    assert decided(wood=0.35)["wood"] == pytest.approx(1)
    assert not decided(wood=0.25)["wood"].any()


def test_a_patch_counts_only_where_one_of_its_cells_is_surely_contaminated() -> None:
    patch = piece(0.15, 0.0)
    assert not decided(wood=patch)["wood"].any()
    patch[4, 9] = 0.25  # touches the patch at a corner
    patch[8, 15] = 0.15  # touches nothing
    assert np.array_equal(decided(wood=patch)["wood"] > 0, (patch > 0) & (np.arange(GRID[0]) < 8)[:, None])


def test_a_layer_is_compared_with_itself_and_not_with_what_lies_beside_it() -> None:
    beside = np.zeros(GRID, np.float32)
    beside[:, :4] = 1  # the layer; all else was seen before, and is dusty
    wood = np.full(GRID, 0.08, np.float32)
    wood[:, :4] = 0.01
    wood[0, 0] = 0.25
    found = decided(beside, wood=wood)["wood"]
    assert found[0, 0] == pytest.approx(1)
    assert not decided(wood=wood)["wood"].any()


def test_hazards_and_scene_keep_their_share_of_a_contaminated_cell() -> None:
    found = decided(wood=piece(0.3, 0.0), gas_cylinder=piece(0.2, 0.0), ground=piece(0.4, 0.0))
    assert found["wood"][2, 5] == pytest.approx(0.4)
    assert found["turnings"][2, 5] == 0
