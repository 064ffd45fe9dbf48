"""Splits that do not leak: near-duplicate pictures form a group, and a group lies whole in one part or fold.

Near-duplicates are the commonest cause of an accuracy nobody meets again: two frames of one pile in train and test.
"""

import random
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Literal

Part = Literal["train", "calibration", "test"]
PARTS: tuple[Part, ...] = ("train", "calibration", "test")


class Joined:
    """Which of the places 0..n-1 belong together (a forest of disjoint sets)."""

    def __init__(self, n: int) -> None:
        self._leader = list(range(n))

    def leader(self, place: int) -> int:
        """The same place for all that belong together."""
        while self._leader[place] != place:
            self._leader[place] = self._leader[self._leader[place]]
            place = self._leader[place]
        return place

    def join(self, first: int, second: int) -> None:
        """Put together all that belongs to the two."""
        self._leader[self.leader(second)] = self.leader(first)

    def join_equal(self, values: Iterable[object]) -> None:
        """Put together the places whose values are equal; None and "" are equal to nothing."""
        first: dict[object, int] = {}
        for place, value in enumerate(values):
            if value not in (None, ""):
                self.join(first.setdefault(value, place), place)


def _units(labels: Sequence[str], groups: Sequence[str], seed: int) -> dict[str, list[tuple[str, list[int]]]]:
    """By label: its groups with the indexes of their samples, largest first, ties in an order drawn from the seed."""
    if len(labels) != len(groups):
        raise ValueError(f"{len(labels)} labels but {len(groups)} groups: give one of each per sample")
    members: dict[str, dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
    for index, (label, group) in enumerate(zip(labels, groups, strict=True)):
        members[label][group].append(index)
    ordered = {}
    for label in sorted(members):
        units = sorted(members[label].items())
        random.Random(f"{seed}/{label}").shuffle(units)
        ordered[label] = sorted(units, key=lambda unit: -len(unit[1]))
    return ordered


def assign_parts(
    labels: Sequence[str],
    groups: Sequence[str],
    *,
    seed: int = 0,
    shares: tuple[float, float, float] = (0.6, 0.2, 0.2),
) -> list[Part]:
    """A part for every sample: whole (label, group) units, each label near the `shares` of train, calibration, test.

    A label with at least three groups is in all three parts; with two in train and test; with one in train only,
    so nothing is ever measured on what was trained on. The same input and seed give the same parts everywhere.
    Raises ValueError where labels and groups differ in number or a share is not above zero.
    """
    if min(shares) <= 0:
        raise ValueError(f"shares {shares}: each of train, calibration and test needs a share above zero")
    parts: dict[int, Part] = {}
    for units in _units(labels, groups, seed).values():
        for part, indexes in _deal(units, shares):
            for index in indexes:
                parts[index] = part
    return [parts[index] for index in range(len(labels))]


def _deal(units: Sequence[tuple[str, list[int]]], shares: tuple[float, float, float]) -> list[tuple[Part, list[int]]]:
    """Deal one label's groups, largest first, each to the part that is furthest below its share."""
    by_groups: dict[int, tuple[Part, ...]] = {1: ("train",), 2: ("train", "test")}
    must = by_groups.get(len(units), PARTS)
    total = sum(len(indexes) for _, indexes in units)
    wanted = dict(zip(PARTS, shares, strict=True))
    given = dict.fromkeys(PARTS, 0)
    dealt: list[tuple[Part, list[int]]] = []
    for position, (_, indexes) in enumerate(units):
        empty = [part for part in must if given[part] == 0]
        # Once as few groups are left as parts are still empty, every one of them goes to an empty part.
        choice = empty if len(units) - position <= len(empty) else list(must)
        part = max(choice, key=lambda part: wanted[part] - given[part] / total)
        given[part] += len(indexes)
        dealt.append((part, indexes))
    return dealt


def assign_folds(labels: Sequence[str], groups: Sequence[str], *, folds: int = 5, seed: int = 0) -> list[int]:
    """A fold, 0..folds-1, for every sample: whole (label, group) units.

    Every label is spread over the folds as evenly as its groups allow; a label with fewer groups than folds is
    missing from some. Raises ValueError for fewer than two folds or where labels and groups differ in number.
    """
    if folds < 2:
        raise ValueError(f"{folds} folds: cross-validation needs at least 2")
    assigned = [0] * len(labels)
    totals = [0] * folds
    for units in _units(labels, groups, seed).values():
        sizes = [0] * folds
        for _, indexes in units:
            fold = min(range(folds), key=lambda fold: (sizes[fold], totals[fold]))
            sizes[fold] += len(indexes)
            totals[fold] += len(indexes)
            for index in indexes:
                assigned[index] = fold
    return assigned
