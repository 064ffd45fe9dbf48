"""From a grid of probabilities to the shares of a layer: nothing is lost, nothing hidden is graded."""

import numpy as np
import pytest

from loadlens.vision.layer import SeenLayer, cell_share, layer_observation, occluded
from loadlens.vision.surface import Surface
from loadlens.vision.taxonomy import load_taxonomy

CLASSES = ("turnings", "shredded", "wood", "gas_cylinder", "magnet", "ground")
GRID = (20, 30)
SIZE = (320, 480)
ALL = np.ones((80, 120), np.bool_)
NONE = np.zeros((80, 120), np.bool_)


def surface(**probs: np.ndarray | float) -> Surface:
    """Turnings everywhere, but for what is given."""
    planes = np.zeros((len(CLASSES), *GRID), np.float32)
    for name, value in probs.items():
        planes[CLASSES.index(name)] = value
    planes[0] = 1 - planes[1:].sum(axis=0)
    return Surface(planes, CLASSES, 16)


def seen(of: Surface, new: np.ndarray = ALL, hidden: np.ndarray = NONE) -> SeenLayer:
    return SeenLayer(0.0, 3.0, 1.0, "a" * 64, new, NONE, hidden, of, SIZE)


def graded(layer: SeenLayer, unsure_below: float = 0.3):
    return layer_observation(0, layer, ALL, load_taxonomy(), unsure_below=unsure_below)


def test_shares_are_those_of_the_cells_and_sum_to_one() -> None:
    wood, shredded = np.zeros(GRID, np.float32), np.zeros(GRID, np.float32)
    wood[:, :3] = 1.0
    shredded[:5, 3:] = 1.0
    layer = graded(seen(surface(wood=wood, shredded=shredded)))
    assert layer.contaminants["wood"] == pytest.approx(0.1)
    assert layer.forms["shredded"] == pytest.approx(0.225)
    assert sum(layer.forms.values()) + sum(layer.contaminants.values()) + layer.unknown == pytest.approx(1)
    assert layer.new_area == pytest.approx(1)


def test_ground_is_no_load() -> None:
    ground = np.zeros(GRID, np.float32)
    ground[:10] = 1.0
    layer = graded(seen(surface(ground=ground)))
    assert layer.new_area == pytest.approx(0.5)
    assert layer.forms["turnings"] == pytest.approx(1)


def test_what_is_hidden_or_was_seen_before_is_not_graded() -> None:
    left, top = NONE.copy(), NONE.copy()
    left[:, :60], top[:40] = True, True
    layer = graded(seen(surface(), new=left, hidden=top))
    assert layer.new_area == pytest.approx(0.25, abs=0.01)
    assert layer.visible == pytest.approx(0.5)


def test_hardly_any_load_is_no_layer() -> None:
    speck = NONE.copy()
    speck[:8, :10] = True
    assert graded(seen(surface(), new=speck)) is None


def test_a_cell_that_could_be_anything_is_unknown_and_hazards_are_no_form() -> None:
    layer = graded(seen(surface(shredded=0.35, wood=0.3)), unsure_below=0.5)
    assert layer.forms["turnings"] == 0
    assert layer.unknown == pytest.approx(0.7)
    assert graded(seen(surface(gas_cylinder=0.2))).unknown == pytest.approx(0.2)


def test_forms_count_as_their_mixture_while_confidence_stays_that_of_each_cell() -> None:
    layer = graded(seen(surface(shredded=0.3)))
    assert layer.forms["turnings"] == pytest.approx(1)
    assert layer.confidence == pytest.approx(0.7)
    assert graded(seen(surface(shredded=0.3)), unsure_below=0.75).unknown == pytest.approx(1)


def test_a_mask_is_shared_out_to_cells() -> None:
    half = NONE.copy()
    half[:, :6] = True  # one and a half cells of four columns each
    share = cell_share(half, surface(), SIZE)
    assert share.shape == GRID
    assert share.sum() / share.size == pytest.approx(6 / 120, abs=0.005)


def test_a_magnet_hides_its_whole_outline_with_a_margin_and_a_spot_does_not_grow() -> None:
    ring = np.zeros(GRID, np.float32)
    ring[4:14, 5:17] = 0.9
    ring[7:11, 8:14] = 0.0  # cells in its middle that look like scrap
    hidden = occluded(surface(magnet=ring), load_taxonomy(), SIZE, (80, 120))
    assert hidden[28:44, 32:56].all()
    # Three cells of margin all around.
    assert hidden.mean() == pytest.approx(16 * 18 / 600, abs=0.05)
    spot = np.zeros(GRID, np.float32)
    spot[3, 3] = spot[3, 5] = 0.9
    assert not occluded(surface(magnet=spot), load_taxonomy(), SIZE, (80, 120))[14, 18]
