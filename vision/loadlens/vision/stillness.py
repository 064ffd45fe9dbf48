"""Whether two small grey pictures show the same: the measure of change that tracker, alarm and reader share."""

from itertools import product

import cv2
import numpy as np
from numpy.typing import NDArray

Luma = NDArray[np.uint8]
Grid = NDArray[np.float32]

# The small grey picture in which change is looked for.
LUMA_WIDTH = 240
UNLIKE_BELOW = 0.5
JUMP = 26.0  # grey levels
_ALIKE_FROM = 0.7
_SHAKES = 2  # pixels
_NOISE_VARIANCE = 30.0  # grey levels squared: structure weaker than a camera's noise is no structure


def smoothed(luma: Luma) -> Grid:
    """The small grey picture, uint8 [h, w], without its finest noise."""
    return np.asarray(cv2.GaussianBlur(luma.astype(np.float32), (0, 0), 1.0), np.float32)


def structure(first: Grid, second: Grid) -> Grid:
    """How alike the local structure of two grey pictures is, float32 [h, w], at most 1; 1 where neither has any."""
    size = (9, 9)
    mean_1, mean_2 = cv2.blur(first, size), cv2.blur(second, size)
    variance_1 = cv2.blur(first * first, size) - mean_1 * mean_1
    variance_2 = cv2.blur(second * second, size) - mean_2 * mean_2
    covariance = cv2.blur(first * second, size) - mean_1 * mean_2
    return np.asarray((2 * covariance + _NOISE_VARIANCE) / (variance_1 + variance_2 + _NOISE_VARIANCE), np.float32)


def unlike(before: Grid, now: Grid) -> NDArray[np.bool_]:
    """Where two smoothed pictures of one size show another structure or a clear jump of brightness, bool [h, w]."""
    return np.asarray((structure(before, now) < UNLIKE_BELOW) | (np.abs(now - before) > JUMP))


def share_alike(before: Luma, now: Luma, cut: tuple[slice, slice]) -> float:
    """How much of a part of two grey pictures, uint8 [h, w], shows the same thing, 0..1, if the mast shook a little."""
    margin = _SHAKES + 4  # half of what `structure` looks at
    wide = tuple(slice(max(0, part.start - margin), part.stop + margin) for part in cut)
    inner = tuple(slice(one.start - other.start, one.stop - other.start) for one, other in zip(cut, wide, strict=True))
    earlier, later = before[wide].astype(np.float32), now[wide].astype(np.float32)
    shares = []
    for move in product(range(-_SHAKES, _SHAKES + 1), repeat=2):
        moved = np.roll(later, move, (0, 1))
        jump = np.abs(cv2.blur(earlier, (9, 9)) - cv2.blur(moved, (9, 9))) > JUMP
        shares.append(((structure(earlier, moved) >= _ALIKE_FROM) & ~jump)[inner].mean())
    return float(max(shares))


def differ(before: Grid, now: Grid) -> bool:
    """Whether two smoothed pictures differ anywhere, down to a speck of 3 x 3 pixels; always where their sizes do.

    At 240 pixels that is 12 mm of a view 1 m wide, 160 mm of 13 m.
    """
    if before.shape != now.shape:
        return True
    return bool(cv2.erode(unlike(before, now).astype(np.uint8), np.ones((3, 3), np.uint8)).any())
