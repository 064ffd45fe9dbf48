"""Training on a data set of one's own: only its parts, only what it was begun on, and no form that cannot be learnt."""

import shutil
from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch

from loadlens.datasets.catalog import digest_of
from loadlens.datasets.errors import DataError
from loadlens.datasets.importing import ImportOptions, import_pictures, read_data_set
from loadlens.training.commands import evaluate, export, may_have_learnt
from loadlens.training.evaluate import NamedPhoto, measure_photos
from loadlens.training.export import rewrite_metadata
from loadlens.training.recipe import RecipeError, load_recipe, recipe_path
from loadlens.training.samples import Batches, own_part
from loadlens.training.train import refuse_other_data, train
from loadlens.vision.look import Look
from loadlens.vision.model import load_model, shipped_model

FORMS = ("hms_1", "shredded")
RECIPE = replace(
    load_recipe(recipe_path("tiny")), photos=True, scenes_per_step=0, photos_per_step=2, photo_size=(64, 64)
)


def data_set(folder, rows):
    folder.mkdir()
    lines = ["file,label,part,group"]
    for number, (label, part, *scene) in enumerate(rows):
        rng = np.random.default_rng(number)
        cv2.imwrite(str(folder / f"{number}.png"), rng.integers(0, 256, (96, 96, 3), np.uint8))
        lines.append(f"{number}.png,{label},{part},{scene[0] if scene else f'scene {number}'}")
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
        ([*ROWS, ("hms_1", "test", "scene 0")], FORMS, r"1 scenes, such as 'north/scene 0', lie in several parts"),
        ([("wood", "train"), ("hms_1", "test")], FORMS, "no photo of its part train shows exactly one form"),
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
    refuse_other_data(tmp_path / "run", tiny, None, None)
    with pytest.raises(RecipeError, match=r"learns from the data set None, not [0-9a-f]{16}"):
        refuse_other_data(tmp_path / "run", tiny, None, other)
    with pytest.raises(RecipeError, match=r"run: learns from the public sets; give their folder with --photos"):
        refuse_other_data(tmp_path / "run", RECIPE, None, None)


def test_a_run_without_the_public_sets_is_not_continued_nor_exported_with_them(tmp_path):
    from torchvision.models import mobilenet_v2

    own, backbone = data_set(tmp_path / "in", ROWS), tmp_path / "backbone.pth"
    torch.save(mobilenet_v2().state_dict(), backbone)
    begun = {"scenes": tmp_path, "backbone": backbone, "own": own}
    train(replace(RECIPE, steps=1), tmp_path / "run", photos=None, **begun)
    why = "run: does not learn from the public sets; leave out --photos"
    with pytest.raises(RecipeError, match=why):
        train(replace(RECIPE, steps=1), tmp_path / "run", photos=tmp_path, **begun)
    with pytest.raises(RecipeError, match=why):
        export(tmp_path / "run", tmp_path / "m.onnx", tmp_path, 0, own)


def test_photos_of_which_no_scene_is_said_are_no_single_scene(tmp_path):
    photos = own_part(data_set(tmp_path / "in", [("hms_1", "test", "")] * 3), "test", FORMS)
    assert len({one.scene for one in photos}) == 3


def test_photos_of_one_scene_are_right_or_wrong_together_so_few_scenes_prove_little(tmp_path):
    rows = [("hms_1", "test", "load 1")] * 6 + [("hms_1", "test", "load 2")] * 6 + [("hms_1", "train")]
    own = data_set(tmp_path / "in", rows)
    test, known = own_part(own, "test", FORMS), own_part(own, "train", FORMS)

    def accuracy(right):
        looks = [Look({}, 0.0, "hms_1" if photo.scene in right else "shredded", 0.9, abstain=False) for photo in test]
        named = [NamedPhoto(photo, look) for photo, look in zip(test, looks, strict=True)]
        return measure_photos(named, known)["photo_form_accuracy"]

    half, whole = accuracy({"north/load 1"}), accuracy({"north/load 1", "north/load 2"})
    assert (half.value, half.n) == (0.5, 12)
    assert half.low < 0.05 and half.high > 0.95
    assert whole.value == 1 and whole.low < 0.8  # all of twelve is no certainty


def test_a_model_that_may_have_learnt_test_photos_is_told_from_one_that_cannot_have(tmp_path):
    own, sets, file = data_set(tmp_path / "in", ROWS), tmp_path / "sets", tmp_path / "m.onnx"
    assert may_have_learnt(load_model(shipped_model()), sets, own) is None
    shutil.copy(shipped_model(), file)
    rewrite_metadata(file, data_digest=digest_of([read_data_set(own).digest, "drawn"]))
    assert may_have_learnt(load_model(file), sets, own) is None
    split_anew = data_set(tmp_path / "other", [("hms_1", "test"), ("shredded", "train"), ("hms_1", "train")])
    assert "may be too good" in may_have_learnt(load_model(file), sets, split_anew)


def test_loads_are_not_passed_over_where_a_model_has_no_interval(tmp_path):
    file = tmp_path / "m.onnx"
    shutil.copy(shipped_model(), file)
    rewrite_metadata(file, area_error=None)
    with pytest.raises(ValueError, match="no interval to measure on loads; export it with --loads, or give --loads 0"):
        evaluate(file, tmp_path, tmp_path / "e.json", 10, None)
