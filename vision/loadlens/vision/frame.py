"""One frame: what one camera saw at one instant, decoded only as far as it is looked at."""

import hashlib
from typing import Protocol, Self

import numpy as np

from loadlens.vision.image import EncodedImage, Picture, SourceError, check_size, shrink

__all__ = ["Frame", "Picture", "Pixels", "SourceError"]


class Pixels(Protocol):
    """Where a frame's pixels come from: an encoded picture, a decoded video picture or an array."""

    width: int
    height: int

    def luma(self, width: int, height: int) -> Picture:
        """The grey picture, uint8 [height, width]."""

    def rgb(self, scale: int) -> Picture:
        """The picture at 1/scale, uint8 [H, W, 3]."""

    def digest(self) -> str:
        """SHA-256 that identifies the picture, hex."""


class Frame:
    """A picture with its time in seconds from the start of its source, and the name of its camera.

    `width` and `height` are pixels of the upright source picture. A frame stays usable after its reader has moved on.
    `unbroken` says of a frame that comes long after the one before it that nothing happened in between.
    """

    def __init__(self, pixels: Pixels, *, time_s: float, camera: str = "", unbroken: bool = False) -> None:
        self.time_s = time_s
        self.camera = camera
        self.unbroken = unbroken
        self.width = pixels.width
        self.height = pixels.height
        self._pixels = pixels
        self._sha256 = ""

    @classmethod
    def from_rgb(cls, rgb: Picture, *, time_s: float, camera: str = "") -> Self:
        """A frame over uint8 [H, W, 3]; the array is not copied, so it must not change afterwards."""
        return cls(_ArrayPixels(rgb), time_s=time_s, camera=camera)

    @classmethod
    def from_bytes(
        cls, data: bytes, *, name: str, time_s: float, camera: str = "", colour_width: int | None = None
    ) -> Self:
        """A frame over an encoded JPEG, PNG, BMP or WebP picture; `name` is what its errors call it.

        `colour_width` says that it will be wanted in colour at that width of a model, which spares a decode.
        Raises SourceError where the picture is damaged, cut off, too large or of a kind that is not graded.
        """
        return cls(EncodedImage(data, name, colour_width=colour_width), time_s=time_s, camera=camera)

    def luma(self, width: int) -> Picture:
        """The grey picture, uint8 [h, width]; never wider than the frame itself."""
        width = min(width, self.width)
        return self._pixels.luma(width, max(1, round(self.height * width / self.width)))

    def rgb(self, scale: int = 1) -> Picture:
        """The picture at 1/scale, uint8 [H, W, 3]; `scale` is 1, 2 or 4, sizes are rounded by the decoder."""
        if scale not in (1, 2, 4):
            raise ValueError(f"scale {scale}: a frame is decoded at 1/1, 1/2 or 1/4")
        return self._pixels.rgb(scale)

    @property
    def sha256(self) -> str:
        """SHA-256, hex: of the encoded bytes of a picture, of the decoded luma plane of a video frame."""
        if not self._sha256:
            self._sha256 = self._pixels.digest()
        return self._sha256


class _ArrayPixels:
    def __init__(self, rgb: Picture) -> None:
        if rgb.dtype != np.uint8 or rgb.ndim != 3 or rgb.shape[2] != 3:
            raise ValueError(f"a frame is made from uint8 [H, W, 3], not {rgb.dtype} {list(rgb.shape)}")
        self.height, self.width = rgb.shape[:2]
        check_size(self.width, self.height, "array")
        self._rgb = rgb

    def luma(self, width: int, height: int) -> Picture:
        small = shrink(self._rgb, width, height).astype(np.float32)
        # ITU-R BT.601, as JPEG and video encoders weigh the colours.
        return np.asarray(np.rint(small @ np.array([0.299, 0.587, 0.114], np.float32)), np.uint8)

    def rgb(self, scale: int) -> Picture:
        return shrink(self._rgb, self.width // scale, self.height // scale)

    def digest(self) -> str:
        return hashlib.sha256(np.ascontiguousarray(self._rgb).data).hexdigest()
