"""A data set's faults are found: a wrong label, one scene in two parts or under two names, a class seen only once."""

import json
import re

import cv2
import numpy as np
import pytest

from loadlens.datasets.importing import ImportOptions, import_pictures, read_data_set
from loadlens.datasets.samples import Sample
from loadlens.serving.cli import main
from loadlens.training.data_check import check_data, with_scenes

NOTHING_SAID = {"source": "", "site": "", "day": "", "part": ""}


def scene(seed, size=320):
    """A picture with texture enough to be recognised."""
    rng = np.random.default_rng(seed)
    small = rng.integers(0, 256, (size // 8, size // 8, 3), np.uint8)
    return cv2.resize(small, (size, size), interpolation=cv2.INTER_CUBIC)


def features_of(kinds, *, seed=0):
    """Features in which pictures of one kind lie together."""
    rng = np.random.default_rng(seed)
    centres = rng.normal(0, 3, (max(kinds) + 1, 12))
    return np.asarray(centres[kinds] + rng.normal(0, 1, (len(kinds), 12)), np.float32)


def test_a_picture_of_one_kind_under_the_label_of_another_is_listed_with_what_it_looks_like(tmp_path):
    kinds = [number % 3 for number in range(60)]
    names = ["wood", "brick", "soil"]
    samples = [Sample(tmp_path / f"{n}.jpg", (names[kind],), group=str(n)) for n, kind in enumerate(kinds)]
    samples[7] = Sample(tmp_path / "7.jpg", ("soil",), group="7")  # is a brick
    found = check_data(samples, features_of(kinds))
    assert found.judged == 60
    assert [(one.index, one.label, one.said) for one in found.suspects] == [(7, "soil", "brick")]
    (only,) = found.suspects
    assert names[kinds[only.like_said]] == "brick" and names[kinds[only.like_label]] == "soil"


def test_a_class_of_one_scene_is_not_judged_since_nothing_else_shows_what_it_looks_like(tmp_path):
    kinds = [number % 2 for number in range(40)] + [2, 2, 2]
    names = ["wood", "brick", "soil"]
    samples = [
        Sample(tmp_path / f"{n}.jpg", (names[kind],), group=str(n) if n < 40 else "soil heap")
        for n, kind in enumerate(kinds)
    ]
    found = check_data(samples, features_of(kinds))
    assert found.judged == 40
    assert found.classes["soil"].scenes == 1
    assert not [one for one in found.suspects if one.label == "soil"]


@pytest.fixture
def folder(tmp_path):
    """Two views of one scene, in two parts and under two names, among pictures of other scenes."""
    rows = ["file,label,part"]
    wide = scene(1, 400)
    views = {"a.png": wide[:320, :320], "b.png": wide[40:360, 30:350]}
    others = {f"{number}.png": scene(number) for number in range(10, 16)}
    for name, picture in (views | others).items():
        cv2.imwrite(str(tmp_path / name), picture)
        label = "brick" if name == "b.png" or name < "13" else "wood"
        rows.append(f"{name},{label},{'test' if name == 'b.png' else 'train'}")
    (tmp_path / "labels.csv").write_text("\n".join(rows) + "\n")
    import_pictures("csv", tmp_path, tmp_path / "set", ImportOptions(said=NOTHING_SAID))
    return tmp_path / "set"


def test_the_command_names_the_leak_and_the_clash_and_writes_a_page_that_stands_alone(folder, tmp_path, capsys):
    assert main(["data", "check", str(folder), "--json", "--out", str(tmp_path / "page.html")]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [sorted(scene) for scene in found["leaks_between_parts"]] == [["a.png", "b.png"]]
    assert [sorted(scene) for scene in found["one_scene_several_labels"]] == [["a.png", "b.png"]]
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "a.png: wood [train]" in page and "data:image/jpeg;base64," in page
    assert not re.search(r'(src|href)=(?!"data:)', page), "asks for something from elsewhere"


def test_a_folder_that_is_no_data_set_is_refused(tmp_path, capsys):
    assert main(["data", "check", str(tmp_path)]) == 3
    assert "manifest.jsonl: cannot be read" in capsys.readouterr().err


def test_two_views_are_one_scene_also_when_their_labels_differ(tmp_path):
    wide = scene(1, 400)
    for name, picture in {"a": wide[:320, :320], "b": wide[40:360, 30:350], "c": scene(2)}.items():
        cv2.imwrite(str(tmp_path / f"{name}.png"), picture)
    samples = [
        Sample(tmp_path / f"{name}.png", (label,)) for name, label in zip("abc", ("wood", "brick", "wood"), strict=True)
    ]
    one, other, third = with_scenes(samples, features_of([0, 0, 1]))
    assert one.group == other.group != third.group


def test_a_split_mends_the_leak_says_the_same_again_and_is_written_into_the_data_set(folder, capsys):
    words = ["data", "split", str(folder), "--calibration", "0", "--train", "0.5", "--test", "0.5", "--json"]
    assert main(words) == 0
    first = json.loads(capsys.readouterr().out)
    assert first["replaced"] == 8
    manifest = (folder / "manifest.jsonl").read_bytes()
    parts = {one.name: one.part for one in read_data_set(folder).samples.values()}
    assert parts["a.png"] == parts["b.png"]
    assert set(parts.values()) == {"train", "test"}
    assert main(words) == 0
    assert json.loads(capsys.readouterr().out)["digest"] == first["digest"]
    assert (folder / "manifest.jsonl").read_bytes() == manifest
    assert main(["data", "split", str(folder), "--by", "site"]) == 3
    assert "8 of 8 pictures have no site" in capsys.readouterr().err
    assert (folder / "manifest.jsonl").read_bytes() == manifest
