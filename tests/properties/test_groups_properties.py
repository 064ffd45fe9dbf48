"""What must hold of every split, whatever the data."""

from collections import Counter, defaultdict

from hypothesis import given
from hypothesis import strategies as st

from loadlens.datasets.groups import PARTS, assign_folds, assign_parts

SAMPLES = st.lists(
    st.tuples(st.sampled_from(["shredded", "hms_1", "turnings"]), st.integers(0, 9).map(str)), min_size=1, max_size=60
)
SEEDS = st.integers(0, 5)


def placed(samples: list[tuple[str, str]], where: list) -> dict[tuple[str, str], set]:
    found = defaultdict(set)
    for unit, place in zip(samples, where, strict=True):
        found[unit].add(place)
    return found


@given(samples=SAMPLES, seed=SEEDS)
def test_a_group_of_one_label_is_never_torn_apart(samples, seed):
    labels, groups = zip(*samples, strict=True)
    for where in (assign_parts(labels, groups, seed=seed), assign_folds(labels, groups, seed=seed)):
        assert all(len(places) == 1 for places in placed(samples, where).values())


@given(samples=SAMPLES, seed=SEEDS)
def test_a_label_is_in_as_many_parts_as_its_groups_allow(samples, seed):
    labels, groups = zip(*samples, strict=True)
    parts = assign_parts(labels, groups, seed=seed)
    for label in set(labels):
        own_groups = {group for other, group in samples if other == label}
        own_parts = {part for part, other in zip(parts, labels, strict=True) if other == label}
        expected = {1: {"train"}, 2: {"train", "test"}}.get(len(own_groups), set(PARTS))
        assert own_parts == expected


@given(samples=SAMPLES, seed=SEEDS)
def test_a_split_depends_only_on_the_samples_and_the_seed(samples, seed):
    labels, groups = zip(*samples, strict=True)
    first = placed(samples, assign_parts(labels, groups, seed=seed))
    turned = list(reversed(samples))
    labels, groups = zip(*turned, strict=True)
    assert placed(turned, assign_parts(labels, groups, seed=seed)) == first


@given(samples=SAMPLES, seed=SEEDS, folds=st.integers(2, 6))
def test_single_photo_groups_are_spread_evenly_over_the_folds(samples, seed, folds):
    labels = [label for label, _ in samples]
    groups = [str(index) for index in range(len(samples))]
    assigned = assign_folds(labels, groups, folds=folds, seed=seed)
    for label in set(labels):
        sizes = Counter(fold for fold, other in zip(assigned, labels, strict=True) if other == label)
        counts = [sizes[fold] for fold in range(folds)]
        assert max(counts) - min(counts) <= 1
