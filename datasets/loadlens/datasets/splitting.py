"""Parts for a data set of one's own: whole scenes, and whole sources, sites or days where asked for.

A group may hold several classes and a picture several labels, so groups are dealt by iterative stratification
(Sechidis, Tsoumakas and Vlahavas 2011): the rarest class first, its groups to the part that lacks it most.
"""

import random
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from loadlens.datasets.groups import PARTS, Joined, Part
from loadlens.datasets.samples import Sample

Key = Literal["source", "site", "day"]
# Dealing greedily can paint itself into a corner; another order of equal groups often finds the way out.
_TRIES = 200


class SplitError(ValueError):
    """A split that cannot be made without leaking or leaving a class unmeasured; the message says why."""


@dataclass(frozen=True, slots=True)
class Split:
    """Samples with their parts, and the classes that could only be trained on."""

    samples: list[Sample]
    unmeasured: tuple[str, ...]


def split_samples(
    samples: Sequence[Sample],
    *,
    by: Sequence[Key] = (),
    shares: tuple[float, float, float] = (0.6, 0.2, 0.2),
    seed: int = 0,
    allow_unmeasured: bool = False,
) -> Split:
    """Put whole groups into train, calibration and test, each class near the shares; the same input gives the same.

    A group is a scene (`group` of the samples) together with all that shares the source, site or day with it, as `by`
    says. A class of two groups is in train and test, of more also in calibration if that has a share. Raises SplitError
    where a picture lacks what to split by, or a class cannot be in both train and test; with `allow_unmeasured` such a
    class goes into train alone.
    """
    if min(shares) < 0 or shares[0] <= 0 or shares[2] <= 0 or abs(sum(shares) - 1) > 1e-6:
        raise SplitError(f"shares {shares}: train and test need one above zero, and together they make 1")
    refuse_unsaid(samples, by)
    groups = _groups(samples, by)
    holding = _holding(samples, groups)
    alone = tuple(sorted(label for label, its in holding.items() if len(its) == 1))
    if alone and not allow_unmeasured:
        raise SplitError(_why_alone(samples, alone, by))
    needs = {label: _must(len(its), shares) for label, its in holding.items()}
    for attempt in range(_TRIES):
        parts = _deal(samples, groups, needs, shares, random.Random(f"{seed}/{attempt}"))
        lacking = {label: must - {parts[group] for group in holding[label]} for label, must in needs.items()}
        if not any(lacking.values()):
            dealt = [replace(sample, part=parts[group]) for sample, group in zip(samples, groups, strict=True)]
            return Split(dealt, alone)
    label, absent = next((label, absent) for label, absent in sorted(lacking.items()) if absent)
    raise SplitError(
        f"{label}: its {len(holding[label])} groups hold other rare classes as well, so that none is left for "
        f"{', '.join(sorted(absent))}; add pictures of it from elsewhere, or split by less"
    )


def refuse_unsaid(samples: Sequence[Sample], by: Sequence[Key]) -> None:
    """Raise SplitError where a picture does not say what is to be split by."""
    for key in by:
        if lacking := [getattr(sample, key) for sample in samples].count(""):
            raise SplitError(
                f"{lacking} of {len(samples)} pictures have no {key}; import them with --{key}, or do not split by it"
            )


def _groups(samples: Sequence[Sample], by: Sequence[Key]) -> list[int]:
    """The group of every sample: whatever shares a scene or one of the keys belongs together."""
    joined = Joined(len(samples))
    joined.join_equal(sample.group for sample in samples)
    for key in by:
        joined.join_equal(getattr(sample, key) for sample in samples)
    return [joined.leader(place) for place in range(len(samples))]


def _holding(samples: Sequence[Sample], groups: Sequence[int]) -> dict[str, set[int]]:
    """By class: the groups that hold a picture of it."""
    holding: dict[str, set[int]] = defaultdict(set)
    for sample, group in zip(samples, groups, strict=True):
        for label in sample.labels:
            holding[label].add(group)
    return holding


def _must(groups: int, shares: tuple[float, float, float]) -> set[Part]:
    """The parts that a class with so many groups has to be in."""
    if groups == 1:
        return {"train"}
    return {"train", "calibration", "test"} if groups > 2 and shares[1] > 0 else {"train", "test"}


def _why_alone(samples: Sequence[Sample], alone: Sequence[str], by: Sequence[Key]) -> str:
    unit = f"scene and {', '.join(by)}" if by else "scene"
    counts = ", ".join(f"{label} ({sum(label in sample.labels for sample in samples)} pictures)" for label in alone)
    return (
        f"all pictures of {counts} belong to one {unit}, so they cannot be both trained on and measured; "
        f"add pictures of another one{', split by less' if by else ''}, or only train on them (--allow-unmeasured)"
    )


def _deal(
    samples: Sequence[Sample],
    groups: Sequence[int],
    needs: Mapping[str, set[Part]],
    shares: tuple[float, float, float],
    rng: random.Random,
) -> dict[int, Part]:
    """A part for every group."""
    sizes: dict[int, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for sample, group in zip(samples, groups, strict=True):
        # Pictures without labels are spread as well, as a class that nothing is asked of.
        for label in sample.labels or ("",):
            sizes[group][label] += 1
    totals: dict[str, int] = defaultdict(int)
    for counts in sizes.values():
        for label, count in counts.items():
            totals[label] += count
    wanted = {
        label: dict(zip(PARTS, (total * share for share in shares), strict=True)) for label, total in totals.items()
    }
    usable = [part for part, share in zip(PARTS, shares, strict=True) if share > 0]
    empty = {label: set(must) for label, must in needs.items()}
    parts: dict[int, Part] = {}
    left = list(sizes)
    rng.shuffle(left)
    while left:
        having: dict[str, list[int]] = defaultdict(list)
        for group in left:
            for label in sizes[group]:
                having[label].append(group)
        # The rarest by what is left; its largest group first, since small ones fill gaps.
        rarest = sorted(
            having, key=lambda name: (len(having[name]) - len(empty.get(name, ())), len(having[name]), name)
        )
        group = max(having[rarest[0]], key=lambda one: sizes[one][rarest[0]])
        choice = usable
        for label in rarest:
            # Once only as many groups of a class are left as parts still lack it, each of them goes to such a part.
            if label in sizes[group] and len(having[label]) <= len(empty.get(label, ())):
                choice = [part for part in choice if part in empty[label]] or choice
        part = max(choice, key=lambda one: wanted[rarest[0]][one])
        for label, count in sizes[group].items():
            wanted[label][part] -= count
            empty.get(label, set()).discard(part)
        parts[group] = part
        left.remove(group)
    return parts
