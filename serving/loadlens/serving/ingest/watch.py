"""Whether a stream still shows what is there: a black picture, or one that stands still though frames come.

A frozen picture that is encoded again is not the same bytes twice, so two things are looked for.

*Recurring tiles.* An encoder that is given one picture for ever may come to repeat itself, pixel for pixel, from one
group of pictures to the next; a camera's noise makes every complete picture a new one. Measured with H.264 on a crane
frame with a camera's noise (0.7 and 3 grey levels), at constant quality and at 0.4 to 2 Mbit/s: of a live picture all
tiles were new at least every 5 s; of a frozen one none after the first 5 s at constant quality, few after 20..50 s at
some constant bit rates, and nearly all for ever at others.

*No change at all.* For these others: a frozen picture differs only by what encoding adds, at most 10 grey levels in any
pixel of the small picture and 1.0 in the mean of a block (measured at bit rates that starve it; 6 and 0.4 at usual
ones), however long one waits. A live picture of a scene without movement, under a light that does not drift, looks the
same; so this takes minutes, and says no more than that nothing has changed.
"""

import zlib

import cv2
import numpy as np
from numpy.typing import NDArray

from loadlens.vision.frame import Frame
from loadlens.vision.quality import measure_quality

Picture = NDArray[np.uint8]

_LOOK_EVERY_S = 1.0
_SMALL_WIDTH = 240
_TILES = (6, 8)
# A clock drawn into the picture goes on while the picture is frozen; it covers a few tiles.
_NEW_SHARE = 0.1
_LEAST_TEXTURE = 1.0  # grey levels: a black or white tile is the same in every frame
_REMEMBERED = 240  # looks, so as many seconds: many groups of pictures
_RECURS_FOR_S = 30.0  # three times the longest usual group of pictures
_UNCHANGED_FOR_S = 300.0
_CHANGED_PIXEL = 12.0
_CHANGED_BLOCK = 1.5
_BLOCK = 15
_BLACK_FOR_S = 5.0
_BLACK_LEVEL = 15.0
_BLACK_SHARE = 0.85  # of black pixels


class StreamWatch:
    """Looks at the frames of one camera, once a second; `state` is ok, black or frozen."""

    def __init__(self) -> None:
        self.state = "ok"
        self._looked_s = -np.inf
        self._seen: list[NDArray[np.uint32]] = []
        self._new_s = 0.0
        self._reference: NDArray[np.float32] | None = None
        self._changed_s = 0.0
        self._bright_s = 0.0

    def push(self, time_s: float, frame: Frame) -> None:
        """Take the next frame, at this second of a steady clock."""
        if time_s - self._looked_s < _LOOK_EVERY_S:
            return
        if self._reference is None:
            self._bright_s = time_s
        self._looked_s = time_s
        small = frame.luma(_SMALL_WIDTH)
        quality = measure_quality(small)
        if quality.brightness >= _BLACK_LEVEL and quality.dark < _BLACK_SHARE:
            self._bright_s = time_s
        if self._is_new(frame.luma(frame.width)):
            self._new_s = time_s
        if self._has_changed(small.astype(np.float32)):
            self._changed_s = time_s
        if time_s - self._bright_s > _BLACK_FOR_S:
            self.state = "black"
        elif time_s - self._new_s > _RECURS_FOR_S or time_s - self._changed_s > _UNCHANGED_FOR_S:
            self.state = "frozen"
        else:
            self.state = "ok"

    def _is_new(self, luma: Picture) -> bool:
        """Whether enough tiles show what none of the remembered pictures had in that place."""
        rows, columns = min(_TILES[0], luma.shape[0]), min(_TILES[1], luma.shape[1])
        height, width = luma.shape[0] // rows, luma.shape[1] // columns
        digests, textured = [], []
        for row in range(rows):
            for column in range(columns):
                tile = luma[row * height : (row + 1) * height, column * width : (column + 1) * width]
                digests.append(zlib.crc32(tile.tobytes()))
                textured.append(float(tile.std()) >= _LEAST_TEXTURE)
        now = np.array(digests, np.uint32)
        known = [before for before in self._seen if before.shape == now.shape]
        new = ~np.any([before == now for before in known], axis=0) if known else np.ones(now.shape, np.bool_)
        self._seen = [*known[1 - _REMEMBERED :], now]
        telling = np.array(textured) if any(textured) else np.ones(now.shape, np.bool_)
        return bool(new[telling].mean() >= _NEW_SHARE)

    def _has_changed(self, small: NDArray[np.float32]) -> bool:
        """Whether anything differs from the reference by more than encoding adds; then this is the reference."""
        reference = self._reference
        if reference is not None and reference.shape == small.shape:
            difference = small - reference
            blocks = cv2.blur(difference, (_BLOCK, _BLOCK))
            if np.abs(difference).max() <= _CHANGED_PIXEL and np.abs(blocks).max() <= _CHANGED_BLOCK:
                return False
        self._reference = small
        return True
