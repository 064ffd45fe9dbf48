"""How photos of waste are learnt from: things are cut out of plain walls, and no source weighs by its number alone."""

import cv2
import numpy as np
import pytest
import torch

from loadlens.training.cutouts import cut_out, paste
from loadlens.training.network import POOLED, PhotoNet
from loadlens.training.recipe import RecipeError, load_waste_recipe, recipe_path
from loadlens.training.waste import LeftOut, fit_waste_head
from loadlens.training.waste_samples import NONE, WastePhoto
from loadlens.waste.classes import waste_classes

SIZE = (300, 400)


@pytest.fixture
def disc():
    """A red disc with a shadow on a board that is lighter on one side; the picture, and where the disc is."""
    rng = np.random.default_rng(0)
    light = np.linspace(150, 210, SIZE[1])[None, :, None] + rng.normal(0, 2, (*SIZE, 3))
    cv2.circle(light, (215, 165), 70, (120, 120, 120), -1)
    cv2.circle(light, (200, 150), 70, (180, 40, 40), -1)
    there = cv2.circle(np.zeros(SIZE, np.uint8), (200, 150), 70, 1, -1) > 0
    return np.clip(light, 0, 255).astype(np.uint8), there


def test_a_thing_is_cut_out_of_a_plain_board(disc):
    picture, there = disc
    mask = cut_out(picture)
    assert mask is not None
    found = mask > 0.5
    assert (found & there).sum() / there.sum() > 0.95
    assert (found & ~there).mean() < 0.06  # some of its shadow may come along


def test_a_photo_without_a_plain_background_is_left_whole():
    busy = cv2.resize(np.random.default_rng(1).integers(0, 256, (30, 40, 3), np.uint8), (400, 300))
    assert cut_out(busy) is None
    assert cut_out(np.full((*SIZE, 3), 128, np.uint8)) is None


def test_a_pasted_thing_stands_on_the_other_background(disc):
    picture, there = disc
    green = np.full((200, 200, 3), (20, 200, 20), np.uint8)
    pasted = paste(np.random.default_rng(2), picture, there.astype(np.float32), green, 160)
    assert pasted.shape == (160, 160, 3)
    assert (pasted == (20, 200, 20)).all(axis=2).mean() > 0.1
    assert (np.abs(pasted.astype(int) - (180, 40, 40)).sum(axis=2) < 40).mean() > 0.1
    assert (paste(np.random.default_rng(2), picture, there.astype(np.float32), green, 160) == pasted).all()


def test_the_shipped_recipe_names_classes_that_have_codes(tmp_path):
    recipe = load_waste_recipe(recipe_path("waste"))
    assert set(recipe.classes) <= set(waste_classes())
    bad = tmp_path / "bad.toml"
    bad.write_text(recipe_path("waste").read_text(encoding="utf-8") + "colour = 1\n", encoding="utf-8")
    with pytest.raises(RecipeError, match="unknown key colour"):
        load_waste_recipe(bad)


def photos(n, label, source, tmp_path):
    return [WastePhoto(tmp_path / f"{source}{number}.jpg", label, source) for number in range(n)]


def test_a_small_source_counts_beside_a_large_one(tmp_path):
    # Glass of the large source shows in one feature, of the small one in another; the small one is a tenth.
    named = [
        *photos(200, "glass", "studio", tmp_path),
        *photos(20, "glass", "yard", tmp_path),
        *photos(220, NONE, "studio", tmp_path),
        *photos(100, "wood", "studio", tmp_path),
    ]
    rng = np.random.default_rng(3)
    features = rng.normal(0, 0.3, (len(named), 1, POOLED)).astype(np.float32)
    features[:200, 0, 0] += 3
    features[200:220, 0, 1] += 3
    features[440:, 0, 2] += 3
    network = PhotoNet(3)
    fit_waste_head(network, features, named, ["glass", "wood", NONE], 0.01)
    probes = np.zeros((2, POOLED), np.float32)
    probes[0, 0], probes[1, 1] = 3, 3
    said = network.head(torch.from_numpy(probes)).argmax(dim=1)
    assert said.tolist() == [0, 0]


def test_what_is_fitted_and_what_is_measured_share_no_neighbours(tmp_path):
    named = photos(6, "glass", "studio", tmp_path) + photos(3, "wood", "studio", tmp_path)
    logits = np.eye(3, dtype=np.float32)[[0] * 6 + [1] * 3] * 4
    found = LeftOut(logits, named, ["glass", "wood", NONE])
    assert found.validation.tolist() == [True] * 3 + [False] * 3 + [True] * 2 + [False]
    assert found.probabilities().sum(axis=1) == pytest.approx(1)
