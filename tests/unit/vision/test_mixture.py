"""A layer's forms are the mixture that all of its cells together show."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from loadlens.vision.mixture import as_mixture

GRID = (6, 9)
EVERYWHERE = np.ones(GRID, np.float32)


def cells(*forms: np.ndarray | float) -> np.ndarray:
    return np.stack([np.full(GRID, form, np.float32) for form in forms])


@given(arrays(np.float32, (4, *GRID), elements=st.floats(0, 0.25, width=32)), st.integers(0, 2**32 - 1))
def test_every_cell_keeps_what_it_has_and_where_it_lies_changes_nothing(probs: np.ndarray, seed: int) -> None:
    mixed = as_mixture(probs, EVERYWHERE)
    assert mixed.sum(axis=0) == pytest.approx(probs.sum(axis=0), abs=1e-6)
    assert (mixed >= 0).all()
    order = np.random.default_rng(seed).permutation(GRID[0])
    assert as_mixture(probs[:, order], EVERYWHERE) == pytest.approx(mixed[:, order], abs=1e-5)


def test_two_forms_that_lie_apart_are_told_from_a_third_that_only_looks_alike() -> None:
    left = np.zeros(GRID, np.float32)
    left[:, :3] = 1
    probs = cells(0.1, 0.6, 0.3) * (1 - left) + cells(0.6, 0.1, 0.3) * left
    shares = as_mixture(probs, EVERYWHERE).mean(axis=(1, 2))
    assert probs.mean(axis=(1, 2))[2] == pytest.approx(0.3)
    assert shares[2] < 0.03
    assert shares[0] == pytest.approx(1 / 3, abs=0.1)


def test_where_the_cells_say_nothing_the_mixture_says_nothing_either() -> None:
    assert as_mixture(cells(0.25, 0.25, 0.25), EVERYWHERE) == pytest.approx(cells(0.25, 0.25, 0.25))
    nothing = cells(0.0, 0.0)
    assert np.array_equal(as_mixture(nothing, EVERYWHERE), nothing)


def test_a_layer_of_which_rounding_alone_is_left_stays_as_it_is() -> None:
    probs = cells(0.0, 0.0)
    probs[:, 0, :2] = [[0.3, 0.1], [0.2, 0.4]]
    rounding = np.zeros(GRID, np.float32)
    rounding[0, :2] = 1.1e-7, -1.0e-7
    mixed = as_mixture(probs, rounding)
    assert np.isfinite(mixed).all()
    assert mixed.sum(axis=0) == pytest.approx(probs.sum(axis=0))
    assert (mixed >= 0).all()


def test_what_lies_outside_the_layer_has_no_say() -> None:
    layer = np.zeros(GRID, np.float32)
    layer[:, :3] = 1
    probs = cells(0.55, 0.45) * layer + cells(0.1, 0.9) * (1 - layer)
    mixed = as_mixture(probs, layer)
    assert (mixed[0, :, :3] > 0.9).all()
