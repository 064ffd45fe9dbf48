"""Pictures of one scene find each other, so that a split cannot put two views of one load on both of its sides.

A perceptual hash finds re-encoded copies only: on the trade's photos no two views of one load came closer than 7 of
64 bits, while strangers came to 9. What two views do share is small patches in the same arrangement: SIFT features
that match both ways and agree on one shift, turn and scale. Mirrored copies and pictures without texture are missed.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from loadlens.datasets.errors import DataError
from loadlens.datasets.groups import Joined
from loadlens.datasets.samples import Sample

# Matches that agree before two pictures count as one scene. On every second folder of `scrap_grades` no two pictures
# of different folders agree on 6; 10 leaves a margin. Of all 63,240 such pairs none reaches 7.
_AGREEING = 10
_LONG_SIDE = 480
_FEATURES = 500
_NEXT_BEST = 0.8


@dataclass(frozen=True, slots=True)
class Features:
    """Places float32 [N, 2] in pixels and descriptors float32 [N, 128] of length 1 of one picture, N from 0 to 500."""

    places: NDArray[np.float32]
    descriptors: NDArray[np.float32]


def group_near_duplicates(
    samples: Sequence[Sample], candidates: Iterable[tuple[int, int]] | None = None
) -> list[Sample]:
    """The same samples with `group` filled in: "1", "2" ... in the order of their first pictures.

    Compared are the `candidates`, pairs of places in `samples`; by default all pictures that share a label, for then
    splits are made label by label, and time grows with the square of a label's pictures, about 4 ms a pair. A group
    that the source gives stays together. Raises DataError for a file that is no picture.
    """
    features = [picture_features(sample.path) for sample in samples]
    joined = Joined(len(samples))
    # Two sources may use the same number for different things.
    joined.join_equal((sample.source, sample.group) if sample.group else None for sample in samples)
    pairs = combinations(range(len(samples)), 2) if candidates is None else candidates
    for first, second in pairs:
        if candidates is None and not set(samples[first].labels) & set(samples[second].labels):
            continue
        if joined.leader(first) != joined.leader(second) and same_scene(features[first], features[second]):
            joined.join(first, second)
    numbers: dict[int, str] = {}
    for index in range(len(samples)):
        numbers.setdefault(joined.leader(index), str(len(numbers) + 1))
    return [replace(sample, group=numbers[joined.leader(index)]) for index, sample in enumerate(samples)]


def picture_features(path: Path) -> Features:
    """The features of a picture, found at 480 pixels on its long side. Raises DataError where it is no picture."""
    grey = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
    if grey is None:
        raise DataError(path, "not a readable picture; restore it or leave it out")
    scale = _LONG_SIDE / max(grey.shape)
    small = cv2.resize(grey, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    points, descriptors = cv2.SIFT.create(nfeatures=_FEATURES).detectAndCompute(small, None)
    if descriptors is None:
        return Features(np.zeros((0, 2), np.float32), np.zeros((0, 128), np.float32))
    # Square roots of shares compare better than the counts themselves (RootSIFT, Arandjelović and Zisserman 2012).
    roots = np.sqrt(descriptors / np.maximum(descriptors.sum(axis=1, keepdims=True), 1e-6))
    return Features(np.asarray([point.pt for point in points], np.float32), roots.astype(np.float32))


def same_scene(first: Features, second: Features) -> bool:
    """Whether enough features of two pictures match in one arrangement."""
    if min(len(first.places), len(second.places)) < _AGREEING:
        return False
    alike = first.descriptors @ second.descriptors.T
    best = alike.argmax(axis=1)
    rows = np.arange(len(best))
    nearest = np.sqrt(np.maximum(2 - 2 * alike[rows, best], 0))
    mutual = alike.argmax(axis=0)[best] == rows
    alike[rows, best] = -1
    next_nearest = np.sqrt(np.maximum(2 - 2 * alike.max(axis=1), 0))
    matched = mutual & (nearest < _NEXT_BEST * next_nearest)
    if matched.sum() < _AGREEING:
        return False
    _, agree = cv2.estimateAffinePartial2D(
        first.places[matched], second.places[best[matched]], method=cv2.RANSAC, ransacReprojThreshold=8
    )
    return agree is not None and int(agree.sum()) >= _AGREEING
