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


class BedError(ValueError):
    """A bed that cannot be: the message names the figures and the remedy."""


@dataclass(frozen=True, slots=True)
class Bed:
    """The bed as a box in pixels of the source frame; `mm_per_px` only where a site has measured it."""

    x: int
    y: int
    w: int
    h: int
    mm_per_px: float | None = None

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
