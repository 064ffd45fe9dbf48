"""What is queued for labelling: the doubtful and unlike first, each scene once, yards in turn, always with a reason."""

import csv
from collections import Counter

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadlens.datasets.label_queue import Candidate, margin_doubt, pick_next
from loadlens.serving.cli import main

DOUBTS = st.dictionaries(st.sampled_from(["uncertain", "strange", "disputed", "hazard"]), st.floats(0, 1))
CANDIDATES = st.lists(
    st.builds(Candidate, doubts=DOUBTS, scene=st.sampled_from("abcdef"), site=st.sampled_from(["north", "south"])),
    min_size=1,
    max_size=12,
)


def features(n, seed=0):
    return np.random.default_rng(seed).normal(size=(n, 8)).astype(np.float32)


@given(candidates=CANDIDATES, count=st.integers(1, 15), known=st.integers(0, 3))
def test_every_pick_is_another_and_scenes_come_twice_only_when_all_came_once(candidates, count, known):
    picked = pick_next(candidates, features(len(candidates)), features(known, seed=1), count)
    places = [one.index for one in picked]
    assert len(set(places)) == len(places) == min(count, len(candidates))
    assert all(one.reasons for one in picked)
    scenes = [candidates[place].scene for place in places]
    all_scenes = {one.scene for one in candidates}
    assert len(set(scenes[: len(all_scenes)])) == min(len(places), len(all_scenes))


@given(st.integers(1, 10))
def test_yards_take_turns(count):
    candidates = [Candidate({"uncertain": 0.9 if n < 10 else 0.1}, str(n), "ab"[n // 10]) for n in range(20)]
    sites = Counter(candidates[one.index].site for one in pick_next(candidates, features(20), features(0), count))
    assert abs(sites["a"] - sites["b"]) <= 1


def test_of_equally_far_pictures_the_most_doubtful_comes_first_and_of_equally_doubtful_the_farthest():
    apart = np.eye(4, dtype=np.float32)
    doubts = (0.2, 0.9, 0.4, 0.6)
    candidates = [Candidate({"uncertain": doubt}, str(n)) for n, doubt in enumerate(doubts)]
    assert [one.index for one in pick_next(candidates, apart, apart[:0], 4)] == [1, 3, 2, 0]
    # The second is what is known already, the third beside it.
    candidates = [Candidate({"disputed": 1.0}, str(n)) for n in range(3)]
    near = np.array([(0, 1, 0), (1, 0, 0), (1, 0.1, 0)], np.float32)
    first, *others = pick_next(candidates, near, near[1:2], 3)
    assert (first.index, first.reasons) == (0, ("disputed 1.00",))
    assert [one.index for one in others] == [2, 1]


def test_doubt_is_largest_where_two_classes_are_as_likely():
    assert margin_doubt(np.array([(0.5, 0.5, 0), (1, 0, 0), (0.6, 0.3, 0.1)])) == pytest.approx([1, 0, 0.7])


def test_a_folder_is_queued_without_what_is_labelled_or_cut_off(tmp_path, capsys):
    for number in range(5):
        rng = np.random.default_rng(number)
        small = rng.integers(0, 256, (24, 32, 3), np.uint8)
        folder = tmp_path / "in" / ("north" if number % 2 else "south")
        folder.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(folder / f"{number}.jpg"), cv2.resize(small, (320, 240), interpolation=cv2.INTER_CUBIC))
    cut = (tmp_path / "in" / "south" / "0.jpg").read_bytes()[:2000]
    (tmp_path / "in" / "cut.jpg").write_bytes(cut)
    labelled = tmp_path / "labelled"
    labelled.mkdir()
    (labelled / "known.jpg").write_bytes((tmp_path / "in" / "north" / "1.jpg").read_bytes())
    (labelled / "labels.csv").write_text("file,label\nknown.jpg,shredded\n")
    known = str(tmp_path / "set")
    assert main(["data", "import", "csv", str(labelled / "labels.csv"), "--out", known]) == 0
    command = ["data", "queue", str(tmp_path / "in"), "--count", "3", "--known", known, "--out", str(tmp_path / "out")]
    assert main(command) == 0
    assert "cut.jpg" in capsys.readouterr().err
    with (tmp_path / "out" / "queue.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 3
    assert "north/1.jpg" not in {row["picture"] for row in rows}
    assert {row["site"] for row in rows} == {"north", "south"}
    for row in rows:
        assert (tmp_path / "out" / row["file"]).read_bytes() == (tmp_path / "in" / row["picture"]).read_bytes()
        assert row["reasons"]
    # What is there is not written over.
    assert main(command) == 2
