"""Training on a data set of one's own: only its parts, only what it was begun on, and no form that cannot be learnt."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from loadlens.datasets.errors import DataError
from loadlens.datasets.importing import ImportOptions, import_pictures
from loadlens.training.recipe import RecipeError, load_recipe, recipe_path
from loadlens.training.samples import Batches, own_part
from loadlens.training.train import refuse_other_data, train

FORMS = ("hms_1", "shredded")
RECIPE = replace(
    load_recipe(recipe_path("tiny")), photos=True, scenes_per_step=0, photos_per_step=2, photo_size=(64, 64)
)


def data_set(folder, rows):
    folder.mkdir()
    lines = ["file,label,part,group"]
    for number, (label, part) in enumerate(rows):
        rng = np.random.default_rng(number)
        cv2.imwrite(str(folder / f"{number}.png"), rng.integers(0, 256, (96, 96, 3), np.uint8))
        lines.append(f"{number}.png,{label},{part},scene {number}")
    (folder / "labels.csv").write_text("\n".join(lines) + "\n")
    said = {"source": "north", "site": "", "day": "", "part": ""}
    import_pictures("csv", folder, folder / "set", ImportOptions(said=said))
    return folder / "set"


ROWS = [("hms_1", "train"), ("shredded", "train"), ("hms_1", "test"), ("wood", "train")]


def test_only_the_asked_part_and_only_photos_of_a_form_are_learnt_from(tmp_path):
    photos = own_part(data_set(tmp_path / "in", ROWS), "train", FORMS)
    assert sorted((one.form, one.scene) for one in photos) == [
        ("hms_1", "north/scene 0"),
        ("shredded", "north/scene 1"),
    ]


def test_a_step_takes_photos_of_the_data_set(tmp_path):
    batches = Batches(RECIPE, [], own_part(data_set(tmp_path / "in", ROWS), "train", RECIPE.classes), [])
    pictures, labels = batches.photos(0)
    assert pictures.shape == (2, 3, 64, 64)
    assert {RECIPE.classes[label] for label in labels} == set(FORMS)


@pytest.mark.parametrize(
    ("rows", "forms", "why"),
    [
        ([*ROWS, ("hms_1", "")], FORMS, "1 pictures are in no part; split it with `loadlens data split"),
        (ROWS, ("hms_1",), "shows shredded, which the recipe's classes lack"),
    ],
)
def test_a_data_set_that_cannot_be_learnt_from_is_refused(tmp_path, rows, forms, why):
    with pytest.raises(DataError, match=why):
        own_part(data_set(tmp_path / "in", rows), "train", forms)


def test_too_few_forms_for_a_step_are_told(tmp_path):
    photos = own_part(data_set(tmp_path / "in", ROWS[:1]), "train", RECIPE.classes)
    with pytest.raises(ValueError, match="photos of 1 forms, but each step takes 2 of different forms"):
        Batches(RECIPE, [], photos, []).photos(0)


def test_a_run_is_not_continued_nor_exported_on_other_data(tmp_path):
    one, other = data_set(tmp_path / "a", ROWS), data_set(tmp_path / "b", ROWS[:3])
    tiny = replace(load_recipe(recipe_path("tiny")), scenes=1, steps=1)
    with pytest.raises(RecipeError, match="looks at no whole photos"):
        train(tiny, tmp_path / "run", photos=None, scenes=tmp_path, backbone=None, own=one)
    (tmp_path / "run").mkdir()
    refuse_other_data(tmp_path / "run", None)
    with pytest.raises(RecipeError, match=r"learns from the data set None, not [0-9a-f]{16}"):
        refuse_other_data(tmp_path / "run", other)
