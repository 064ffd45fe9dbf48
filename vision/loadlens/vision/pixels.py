"""The pixels of a decoded video picture, converted only as far as somebody asks."""

import hashlib

import numpy as np
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange

from loadlens.vision.image import Picture, shrink

# The first plane of these is the grey picture itself, one byte a pixel.
_GREY_FIRST = {"yuv420p", "yuvj420p", "yuv422p", "yuvj422p", "yuv444p", "yuvj444p", "nv12", "gray"}
# Most video keeps black at 16 and white at 235; pictures, and so every threshold, at 0 and 255.
_FULL_RANGE: Picture = np.clip(np.rint((np.arange(256) - 16) * (255 / 219)), 0, 255).astype(np.uint8)


class VideoPixels:
    """The pixels of one decoded video picture, turned upright as the video's rotation says."""

    def __init__(self, picture: VideoFrame) -> None:
        self._picture = picture
        self._quarter_turns = round(picture.rotation / 90) % 4
        self._full_range = picture.color_range == ColorRange.JPEG or picture.format.name.startswith(("yuvj", "gray"))
        sides = (picture.width, picture.height)
        self.width, self.height = sides[::-1] if self._quarter_turns % 2 else sides

    def luma(self, width: int, height: int) -> Picture:
        """The grey picture, uint8 [height, width]."""
        if self._quarter_turns % 2:
            width, height = height, width
        small = shrink(self._grey(), width, height)
        if not self._full_range:
            small = _FULL_RANGE[small]
        return self._upright(small)

    def rgb(self, scale: int) -> Picture:
        """The picture at 1/scale, uint8 [H, W, 3], converted and scaled in one go."""
        scaled = self._picture.reformat(
            width=self._picture.width // scale, height=self._picture.height // scale, format="rgb24"
        )
        return self._upright(np.asarray(scaled.to_ndarray(), np.uint8))

    def digest(self) -> str:
        """SHA-256 of the decoded grey plane, hex."""
        return hashlib.sha256(np.ascontiguousarray(self._grey()).data).hexdigest()

    def _grey(self) -> Picture:
        picture = self._picture
        if picture.format.name not in _GREY_FIRST:
            picture = picture.reformat(format="gray")
        plane = picture.planes[0]
        rows = np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)
        return rows[: picture.height, : picture.width]

    def _upright(self, pixels: Picture) -> Picture:
        return np.ascontiguousarray(np.rot90(pixels, self._quarter_turns)) if self._quarter_turns else pixels
