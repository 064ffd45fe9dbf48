"""Whether a frame can be believed: too dark, glaring, blurred, blocked, or a stream that stands still.

All is measured on the small grey picture, about 240 pixels wide, that the tracker uses. At that size only the blur and
dirt that would mislead the grading can be seen; a lens slightly out of focus cannot.

Where thresholds name "the crane frames" and "the grade photos", these are 35 frames of yard cameras above trucks and
368 photos of 25 scrap grades, the only real pictures at hand: each threshold lies outside what they show.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from loadlens.grading.observation import Doubt

Picture = NDArray[np.uint8]

_DARK_LEVEL = 12
_GLARE_LEVEL = 250
# Mean grey: the crane frames lie at 107..137, the grade photos at 63..183. Below 15 no form can be told.
_DIM, _BLACK = 40.0, 15.0
# Share of black pixels: at most 0.26 in the grade photos (shadow), 0 in the crane frames.
_DARK_DOUBT, _DARK_LOST = 0.35, 0.85
# Share of white pixels: at most 0.25 in the grade photos (sky, bright aluminium), 0.002 in the crane frames.
_GLARE_DOUBT, _GLARE_LOST = 0.30, 0.70
# Sharpness: at least 1.6 in the crane frames and 1.3 in the grade photos. Crane frames blurred on purpose by a
# Gaussian of 4, 8, 16 pixels (of 1920) measure 0.8..2.7, 0.3..0.65, 0.16..0.20.
_BLUR_DOUBT, _BLUR_LOST = 0.90, 0.25
# A tile without texture: its detail varies by less than one grey level. Share of such tiles: 0 in the crane frames,
# at most 0.13 in the grade photos; 0.25 with a third of the lens covered, 0.85 and more with nearly all of it.
_FLAT_TILE = 1.0
_BLOCKED_DOUBT, _BLOCKED_LOST = 0.20, 0.85
_TILES = (8, 12)
# Rounding to whole grey levels alone varies by 1/12, which the Laplacian's weights raise by 20.
_ROUNDING = 1 / 12
_LAPLACIAN_GAIN = 20
# Longer than cameras wait between two pictures that are complete in themselves (1..4 s as they are delivered), which
# change the picture a little even where nothing moves.
_FROZEN_AFTER_S = 10.0


@dataclass(frozen=True, slots=True)
class Quality:
    """What was measured on a frame.

    `brightness` is the mean grey level 0..255; `glare` and `dark` are the shares 0..1 of white and black pixels,
    `blocked` the share 0..1 of tiles without texture; `sharpness` is fine detail relative to local contrast, without
    unit. A frame that is not `usable` would mislead; a usable one may still have `reasons` for doubt.
    """

    usable: bool
    reasons: tuple[Doubt, ...]
    brightness: float
    glare: float
    dark: float
    sharpness: float
    blocked: float


def measure_quality(luma: Picture) -> Quality:
    """Measure a small grey picture, uint8 [h, w]."""
    brightness = float(luma.mean())
    dark = float((luma <= _DARK_LEVEL).mean())
    glare = float((luma >= _GLARE_LEVEL).mean())
    grey = luma.astype(np.float32)
    detail = grey - cv2.blur(grey, (9, 9))
    sharpness = _sharpness(grey, detail)
    blocked = _flat_share(detail)
    reasons = []
    if dark >= _DARK_DOUBT or brightness < _DIM:
        reasons.append(Doubt("frame_dark", "too dark to see the scrap well; switch the yard light on"))
    if glare >= _GLARE_DOUBT:
        reasons.append(Doubt("frame_glare", "glare hides part of the scrap; shade the camera or lower its exposure"))
    if sharpness < _BLUR_DOUBT:
        reasons.append(Doubt("frame_blurred", "the picture is blurred; clean and focus the lens"))
    if blocked >= _BLOCKED_DOUBT:
        reasons.append(
            Doubt("frame_blocked", "part of the picture shows nothing; look for dirt or an object before the lens")
        )
    lost = (
        brightness < _BLACK
        or dark >= _DARK_LOST
        or glare >= _GLARE_LOST
        or sharpness < _BLUR_LOST
        or blocked >= _BLOCKED_LOST
    )
    return Quality(not lost, tuple(reasons), brightness, glare, dark, sharpness, blocked)


def _sharpness(grey: NDArray[np.float32], detail: NDArray[np.float32]) -> float:
    """Variance of the Laplacian over that of the local contrast, both without what rounding adds."""
    edges = float(cv2.Laplacian(grey, cv2.CV_32F).var()) - _LAPLACIAN_GAIN * _ROUNDING
    contrast = float(detail.var()) - _ROUNDING
    return max(0.0, edges) / contrast if contrast > _ROUNDING else 0.0


def _flat_share(detail: NDArray[np.float32]) -> float:
    rows, columns = min(_TILES[0], detail.shape[0]), min(_TILES[1], detail.shape[1])
    height, width = detail.shape[0] // rows, detail.shape[1] // columns
    tiles = detail[: rows * height, : columns * width].reshape(rows, height, columns, width)
    return float((tiles.std(axis=(1, 3)) < _FLAT_TILE).mean())


class FrozenWatch:
    """Notices a stream that goes on sending one and the same picture.

    Only identical pictures count. Sensor noise that is gone proves nothing: measured on crane frames with the noise of
    a camera, H.264 at usual rates removes all but 0.001..0.07 grey levels of it between two frames, while a frozen
    picture that is encoded again changes by 0.07..0.37 at every complete picture. Such a stream goes unnoticed.
    """

    def __init__(self) -> None:
        self._last: Picture | None = None
        self._since_s = 0.0

    def push(self, time_s: float, luma: Picture) -> Doubt | None:
        """Take the next small grey picture, uint8 [h, w]; a doubt while it has stood still for over 10 seconds."""
        if self._last is None or not np.array_equal(self._last, luma):
            self._last, self._since_s = luma, time_s
            return None
        still_s = time_s - self._since_s
        if still_s <= _FROZEN_AFTER_S:
            return None
        return Doubt("stream_frozen", f"the picture has stood still for {still_s:.0f} s; check the camera")
