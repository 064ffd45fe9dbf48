"""Parts hold whole groups and every class, or it is said why they cannot."""

from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loadlens.datasets.samples import Sample
from loadlens.datasets.splitting import SplitError, split_samples


def sample(labels, group, **said):
    return Sample(Path(f"{group}.jpg"), tuple(labels), group=group, **said)


def mixed(scenes=30):
    """Scenes of one to four pictures: wood and brick apart, soil beside either."""
    rows = []
    for number in range(scenes):
        label = "wood" if number % 2 else "brick"
        labels = (label, "soil") if number % 5 == 0 else (label,)
        rows += [sample(labels, str(number), site=f"yard {number % 6}", day=f"2026-01-{1 + number % 10:02}")] * (
            1 + number % 4
        )
    return rows


@pytest.mark.parametrize("by", [(), ("site",), ("day",)])
def test_nothing_that_belongs_together_is_parted_and_every_class_is_everywhere(by):
    done = split_samples(mixed(), by=by).samples
    for key in ("group", *by):
        parts = {}
        for one in done:
            parts.setdefault(getattr(one, key), set()).add(one.part)
        assert all(len(its) == 1 for its in parts.values())
    for label in ("wood", "brick", "soil"):
        assert {one.part for one in done if label in one.labels} >= {"train", "test"}


def test_each_class_comes_near_its_shares():
    done = split_samples(mixed(200)).samples
    for label in ("wood", "brick", "soil"):
        parts = Counter(one.part for one in done if label in one.labels)
        total = sum(parts.values())
        assert {part: round(count / total, 1) for part, count in parts.items()} == {
            "train": 0.6,
            "calibration": 0.2,
            "test": 0.2,
        }


@settings(max_examples=60, deadline=None)
@given(
    rows=st.lists(st.tuples(st.sets(st.sampled_from("abc"), max_size=2), st.integers(0, 12)), min_size=1, max_size=60),
    seed=st.integers(0, 3),
)
def test_whatever_is_given_a_split_never_leaks_or_is_refused(rows, seed):
    samples = [sample(sorted(labels), str(group)) for labels, group in rows]
    try:
        done = split_samples(samples, seed=seed)
    except SplitError as refused:
        assert "belong to one scene" in str(refused) or "hold other rare classes" in str(refused)
        return
    assert done == split_samples(samples, seed=seed)
    parts = {}
    for one in done.samples:
        parts.setdefault(one.group, set()).add(one.part)
    assert all(len(its) == 1 for its in parts.values())
    for label in {label for one in samples for label in one.labels}:
        assert {one.part for one in done.samples if label in one.labels} >= {"train", "test"}


def test_a_class_of_one_scene_is_refused_unless_it_may_go_unmeasured():
    rows = [*mixed(), sample(["drum"], "x"), sample(["drum"], "x")]
    with pytest.raises(SplitError, match=r"drum \(2 pictures\) belong to one scene, .*--allow-unmeasured"):
        split_samples(rows)
    done = split_samples(rows, allow_unmeasured=True)
    assert done.unmeasured == ("drum",)
    assert {one.part for one in done.samples if "drum" in one.labels} == {"train"}


def test_a_class_of_one_site_cannot_be_split_by_site():
    rows = [*mixed(), *(sample(["drum"], f"x{n}", site="north", day="2026-03-01") for n in range(5))]
    with pytest.raises(SplitError, match=r"drum .* belong to one scene and site"):
        split_samples(rows, by=("site",))
    assert split_samples(rows).samples


def test_a_picture_without_a_site_cannot_be_split_by_site():
    with pytest.raises(SplitError, match="1 of 61 pictures have no site; import them with --site"):
        split_samples([*mixed(24), sample(["wood"], "x")], by=("site",))


@pytest.mark.parametrize("shares", [(0.5, 0.2, 0.2), (1.0, 0.0, 0.0), (0.0, 0.5, 0.5)])
def test_shares_that_make_no_split_are_refused(shares):
    with pytest.raises(SplitError, match="shares"):
        split_samples(mixed(), shares=shares)
