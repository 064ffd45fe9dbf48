"""A tiny recipe from drawn scenes to a model file that serving loads: it learns, resumes and says the same in ONNX."""

import json
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from loadlens.training.commands import recipe_path
from loadlens.training.processes import Machine, Processes
from loadlens.training.recipe import RecipeError, load_recipe
from loadlens.training.train import load_trained, train
from loadlens.vision.model import load_model

TINY = load_recipe(recipe_path("tiny"))


@pytest.fixture(scope="module")
def scenes(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("runs") / "scenes"


@pytest.fixture(scope="module")
def recipe():
    return replace(TINY, scenes=4, steps=4, calibration_clips=1, scene_crop=(128, 160))


@pytest.fixture(scope="module")
def alone(recipe, scenes) -> Path:
    """A run by one process that was not cut off."""
    run = scenes.parent / "alone"
    train(recipe, run, photos=None, scenes=scenes, backbone=None)
    return run


def test_a_run_that_was_cut_off_ends_as_one_that_was_not(recipe, scenes, alone, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr("loadlens.training.train._SAVE_EVERY", 2)

    class CutError(Exception):
        pass

    def cut(*_: object) -> None:
        raise CutError

    from loadlens.training import train as loop

    save = loop._save

    def save_then_die(run: Path, of: object, step: int, state: object) -> None:
        save(run, of, step, state)
        cut()

    monkeypatch.setattr(loop, "_save", save_then_die)
    with pytest.raises(CutError):
        train(recipe, tmp_path / "cut", photos=None, scenes=scenes, backbone=None)
    with pytest.raises(RecipeError, match="stopped at step 2 of 4"):
        load_trained(tmp_path / "cut")
    monkeypatch.setattr(loop, "_save", save)
    train(recipe, tmp_path / "cut", photos=None, scenes=scenes, backbone=None)
    whole, cut_off = (load_trained(run)[1].state_dict() for run in (alone, tmp_path / "cut"))
    assert all(torch.equal(whole[name], cut_off[name]) for name in whole)


def write_recipe(path: Path, **changed: object) -> None:
    """The recipe `tiny` with other values."""
    text = recipe_path("tiny").read_text(encoding="utf-8")
    for name, value in changed.items():
        text, count = re.subn(rf"^{name} = .*", f"{name} = {value}", text, flags=re.MULTILINE)
        assert count == 1
    path.write_text(text, encoding="utf-8")


def metrics(run: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in (run / "metrics.jsonl").read_text(encoding="utf-8").splitlines()]


def losses(run: Path) -> list[float]:
    return [step["dense"] for step in metrics(run)]


@pytest.mark.long
@pytest.mark.parametrize("by", ["torchrun", "ray"])
def test_two_processes_take_the_steps_that_one_takes(alone, scenes, by, request) -> None:
    folder = scenes.parent
    write_recipe(folder / "r.toml", scenes=4, steps=4, scene_crop=[128, 160])
    words = ["-m", "loadlens.serving.cli", "train", "r.toml", "--out", by]
    if by == "torchrun":
        command = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", *words]
    else:
        command = [sys.executable, *words, "--workers", "2", "--ray", request.getfixturevalue("cluster").address]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=580)
    assert done.returncode == 0, done.stderr
    # A sum of two halves is rounded otherwise than the whole.
    assert losses(folder / by) == pytest.approx(losses(alone), abs=1e-3)
    assert load_trained(folder / by)[0].steps == 4


def test_readers_change_nothing_but_the_time(recipe, scenes, alone, tmp_path) -> None:
    train(recipe, tmp_path / "read", photos=None, scenes=scenes, backbone=None, machine=Machine(readers=2))
    one, other = (load_trained(run)[1].state_dict() for run in (alone, tmp_path / "read"))
    assert all(torch.equal(value, other[name]) for name, value in one.items())


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_gpu_that_is_not_there_is_told(recipe, scenes, tmp_path) -> None:
    with pytest.raises(RecipeError, match="--device cuda: no GPU that PyTorch can use; leave it out"):
        train(recipe, tmp_path / "run", photos=None, scenes=scenes, backbone=None, machine=Machine("cuda"))
    assert not (tmp_path / "run").exists()


def test_a_batch_that_cannot_be_shared_equally_is_refused(recipe, tmp_path) -> None:
    with pytest.raises(RecipeError, match="scenes_per_step = 2 cannot be shared by 3"):
        train(recipe, tmp_path / "run", photos=None, scenes=tmp_path, backbone=None, processes=Processes(0, 3))
    assert not (tmp_path / "run").exists()


def test_a_run_of_another_recipe_is_not_continued(recipe, scenes, tmp_path) -> None:
    train(replace(recipe, steps=1), tmp_path, photos=None, scenes=scenes, backbone=None)
    with pytest.raises(RecipeError, match="another recipe"):
        train(replace(recipe, steps=2), tmp_path, photos=None, scenes=scenes, backbone=None)
    # What is on record of the run is still what it was.
    assert json.loads((tmp_path / "recipe.json").read_text(encoding="utf-8"))["steps"] == 1


def test_training_without_the_photos_that_a_recipe_needs_is_refused(tmp_path) -> None:
    with pytest.raises(RecipeError, match="--photos"):
        train(load_recipe(recipe_path("surface")), tmp_path / "run", photos=None, scenes=tmp_path, backbone=None)


@pytest.mark.long
def test_the_command_line_trains_and_exports_a_model_that_serving_loads(tmp_path) -> None:
    write_recipe(tmp_path / "r.toml", scenes=4, steps=2, calibration_clips=1)

    def loadlens(*words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "loadlens.serving.cli", *words]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=580)

    trained = loadlens("train", "r.toml", "--out", "run")
    assert trained.returncode == 0, trained.stderr
    assert len((tmp_path / "run" / "metrics.jsonl").read_text(encoding="utf-8").splitlines()) == 2
    # A model whose interval cannot be fitted is not left behind as if it were whole.
    for loads, why in (("1", "too few for an interval"), ("1001", "kept for measuring")):
        refused = loadlens("export", "run", "--out", "few.onnx", "--loads", loads)
        assert (refused.returncode, why in refused.stderr) == (3, True), refused.stderr
        assert not list(tmp_path.glob("few*"))
    exported = loadlens("export", "run", "--out", "m.onnx", "--loads", "0")
    assert exported.returncode == 0, exported.stderr
    assert b'File "' not in (tmp_path / "m.onnx").read_bytes(), "names where it was made"
    model = load_model(tmp_path / "m.onnx")
    assert model.metadata.class_ids == TINY.classes
    assert model.metadata.area_error is None
    probs = model.look(np.zeros((136, 240, 3), np.uint8)).probs
    assert probs.sum(axis=0) == pytest.approx(np.ones(probs.shape[1:]), abs=1e-4)
    verified = loadlens("models", "verify", "m.onnx")
    assert verified.returncode == 0, verified.stderr
    assert json.loads((tmp_path / "run" / "environment.json").read_text(encoding="utf-8"))["torch"]
