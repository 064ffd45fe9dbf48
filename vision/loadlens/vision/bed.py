"""Where the bed of the truck or wagon lies in the picture: given, or found as what holds load and changes."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import cv2
import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.bool_]
# A bed under this share of the picture is too small to grade, and more likely something else that moved.
_LEAST_SHARE = 0.04
_SUBPIXEL_BITS = 4


class BedError(ValueError):
    """A bed that cannot be: the message names the figures and the remedy."""


@dataclass(frozen=True, slots=True)
class Bed:
    """The bed as a box in pixels of the source frame; `mm_per_px` only where a site has measured it.

    `corners` are those of the bed itself where they are known: seen from aslant it does not fill its box.
    """

    x: int
    y: int
    w: int
    h: int
    mm_per_px: float | None = None
    corners: tuple[tuple[float, float], ...] | None = None

    def __post_init__(self) -> None:
        if self.x < 0 or self.y < 0 or self.w < 16 or self.h < 16:
            raise BedError(f"bed {self.text}: x and y must not be negative, width and height at least 16 pixels")
        if self.mm_per_px is not None and not 0.1 <= self.mm_per_px <= 100:
            raise BedError(f"bed: {self.mm_per_px} mm per pixel is not between 0.1 and 100")

    @property
    def text(self) -> str:
        """The bed as it is given on the command line."""
        return f"{self.x},{self.y},{self.w},{self.h}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read "x,y,w,h" in pixels. Raises BedError."""
        try:
            x, y, w, h = (int(part) for part in text.split(","))
        except ValueError:
            raise BedError(f"bed {text!r}: give four whole numbers of pixels, x,y,width,height") from None
        return cls(x, y, w, h)

    def fits(self, width: int, height: int) -> None:
        """Raise BedError unless the bed lies inside a frame of this size."""
        if self.x + self.w > width or self.y + self.h > height:
            raise BedError(f"bed {self.text} reaches out of the {width}x{height} frame; give it in the frame's pixels")

    def mask(self, shape: tuple[int, int], frame_size: tuple[int, int]) -> Mask:
        """The bed as bool [h, w] of `shape` over the whole frame, which is `frame_size` (width, height) pixels large.

        A pixel at its edge belongs to it.
        """
        columns, rows = shape[1] / frame_size[0], shape[0] / frame_size[1]
        mask = np.zeros(shape, np.uint8)
        if self.corners is not None:
            # A pixel's number is that of its middle, which lies half a pixel behind its edge.
            corners = np.array(self.corners) * (columns, rows) - 0.5
            cv2.fillConvexPoly(mask, np.round(corners * 2**_SUBPIXEL_BITS).astype(np.int32), 1, shift=_SUBPIXEL_BITS)
        else:
            left, top = int(np.floor(self.x * columns)), int(np.floor(self.y * rows))
            right, bottom = int(np.ceil((self.x + self.w) * columns)), int(np.ceil((self.y + self.h) * rows))
            mask[top:bottom, left:right] = 1
        return mask.astype(np.bool_)


@dataclass(frozen=True, slots=True)
class MarkedBed:
    """A bed as a person marked it, of known size: its corners with the mean scale, and how far the scale varies.

    `mm_low` and `mm_high` are millimetres per pixel along the sides, least and most: near the camera and far from it.
    """

    bed: Bed
    mm_low: float
    mm_high: float


def mark_bed(
    corners: Sequence[tuple[float, float]], *, length_mm: float, width_mm: float, frame_size: tuple[int, int]
) -> MarkedBed:
    """The bed whose corners a person marked, four in pixels, one after the other; the first side is its length.

    The mean scale is that of the area, because shares of the bed are areas: the root of its mm2 over its pixels.
    Raises BedError for corners that cross or lie outside a frame of `frame_size` (width, height), and for a scale that
    cannot be.
    """
    points = np.array(corners, np.float64)
    sides = np.roll(points, -1, axis=0) - points
    turns = sides[:, 0] * np.roll(sides[:, 1], -1) - sides[:, 1] * np.roll(sides[:, 0], -1)
    if points.shape != (4, 2) or not (np.all(turns > 0) or np.all(turns < 0)):
        raise BedError("the corners do not go round a bed: mark four, one after the other, without crossing")
    if points.min() < 0 or points[:, 0].max() > frame_size[0] or points[:, 1].max() > frame_size[1]:
        raise BedError(f"a corner lies outside the {frame_size[0]}x{frame_size[1]} frame")
    area = abs(float(np.sum(points[:, 0] * np.roll(points[:, 1], -1) - points[:, 1] * np.roll(points[:, 0], -1)))) / 2
    along = np.array([length_mm, width_mm, length_mm, width_mm]) / np.linalg.norm(sides, axis=1)
    left, top = np.floor(points.min(axis=0)).astype(int)
    right, bottom = np.ceil(points.max(axis=0)).astype(int)
    scale = float(np.sqrt(length_mm * width_mm / area))
    marked = tuple((float(x), float(y)) for x, y in corners)
    bed = Bed(int(left), int(top), int(right - left), int(bottom - top), mm_per_px=scale, corners=marked)
    return MarkedBed(bed, float(along.min()), float(along.max()))


def find_bed(new: Sequence[Mask], *, source_size: tuple[int, int], scene: NDArray[np.float32]) -> Bed | None:
    """The bed from what the layers exposed, or None where it cannot be told from its surroundings.

    `new` is what every layer newly exposed, bool [h, w]; the first is usually the whole picture. `scene` is how much
    of the first layer is no load, float32 [h, w] in 0..1; `source_size` is width, height in pixels. The bed is the box
    round the largest connected piece of what shows load or changed later, without its thinnest 1 % at every side.
    """
    load = np.asarray(scene < 0.5)
    for mask in new[1:]:
        # A change far from any load is a person or a passing vehicle, not the bed.
        load = load | (mask & _grown(load, 9))
    count, label, stats, _ = cv2.connectedComponentsWithStats(
        cv2.morphologyEx(load.astype(np.uint8), cv2.MORPH_OPEN, np.ones((5, 5), np.uint8))
    )
    if count < 2:
        return None
    largest = label == 1 + int(stats[1:, cv2.CC_STAT_AREA].argmax())
    if largest.mean() < _LEAST_SHARE:
        return None
    rows, columns = np.nonzero(largest)
    left, right = np.quantile(columns, (0.01, 0.99))
    top, bottom = np.quantile(rows, (0.01, 0.99))
    across, down = source_size[0] / load.shape[1], source_size[1] / load.shape[0]
    x, y = int(left * across), int(top * down)
    width = min(source_size[0] - x, int(np.ceil((right + 1) * across)) - x)
    height = min(source_size[1] - y, int(np.ceil((bottom + 1) * down)) - y)
    return Bed(x, y, width, height) if min(width, height) >= 16 else None


def _grown(mask: Mask, by: int) -> Mask:
    return np.asarray(cv2.dilate(mask.astype(np.uint8), np.ones((by, by), np.uint8)), np.bool_)
