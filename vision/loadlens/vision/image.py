"""One encoded picture: every refusal before it costs memory, then pixels at the size that is asked for.

Half a picture is worse than none, because the missing half would be graded: whatever is cut or damaged is refused.
"""

import hashlib
import io
import struct
from collections.abc import Callable
from pathlib import Path

import av
import av.error
import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

Picture = NDArray[np.uint8]

MAX_BYTES = 64 * 2**20  # the largest camera JPEG in use is below 20 MB
MAX_PIXELS = 50_000_000
MAX_SIDE = 16_384
MIN_SIDE = 64
# Scaled to the width that a model was trained at, a picture must be a few cells high and no more than it takes.
_NARROWEST = 12
_FORMATS = ("JPEG", "PNG", "BMP", "WEBP")
_JPEG_START = b"\xff\xd8"
_EXIF_ORIENTATION = 0x0112
# Pillow's parsers raise all of these on a damaged header.
_HEADER_ERRORS = (OSError, SyntaxError, ValueError, TypeError, KeyError, IndexError, EOFError, struct.error)
_PROOF_WIDTH = 240
_REDUCED_GREY = {
    8: cv2.IMREAD_REDUCED_GRAYSCALE_8,
    4: cv2.IMREAD_REDUCED_GRAYSCALE_4,
    2: cv2.IMREAD_REDUCED_GRAYSCALE_2,
    1: cv2.IMREAD_GRAYSCALE,
}
_REDUCED_COLOUR = {1: cv2.IMREAD_COLOR, 2: cv2.IMREAD_REDUCED_COLOR_2, 4: cv2.IMREAD_REDUCED_COLOR_4}


class SourceError(ValueError):
    """The input cannot be read, or is refused; the message names it and the remedy."""


def check_size(width: int, height: int, name: str) -> None:
    """Raise SourceError where a picture of this many pixels is too large, too small or too narrow."""
    if width * height > MAX_PIXELS or max(width, height) > MAX_SIDE:
        raise SourceError(
            f"{name}: {width} x {height} pixels is too large; "
            f"scale it below {MAX_PIXELS // 1_000_000} megapixels and {MAX_SIDE} pixels a side"
        )
    if min(width, height) < MIN_SIDE:
        raise SourceError(
            f"{name}: {width} x {height} pixels is too small to grade; give at least {MIN_SIDE} x {MIN_SIDE}"
        )
    if max(width, height) > _NARROWEST * min(width, height):
        raise SourceError(
            f"{name}: {width} x {height} pixels is too narrow to grade; "
            f"cut it so that no side is more than {_NARROWEST} times the other"
        )


def shrink(picture: Picture, width: int, height: int) -> Picture:
    """The picture averaged down to width x height pixels; the picture itself where it has that size already."""
    if picture.shape[:2] == (height, width):
        return picture
    return np.asarray(cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA), np.uint8)


def read_bytes(path: Path) -> bytes:
    """The bytes of a picture file; raises SourceError where it is missing, unreadable or too large."""
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise SourceError(
                f"{path}: {size / 2**20:.0f} MB is too large for one picture; save it below {MAX_BYTES // 2**20} MB"
            )
        return path.read_bytes()
    except OSError as error:
        raise SourceError(f"{path}: cannot be read ({error.strerror}); check the path and its permissions") from error


def scale_for(picture_width: int, width: int, scales: tuple[int, ...] = (4, 2)) -> int:
    """The coarsest 1/scale, coarsest first in `scales`, at which a picture is at least `width` pixels wide; 1 else."""
    return next((scale for scale in scales if picture_width // scale >= width), 1)


class EncodedImage:
    """A JPEG, PNG, BMP or WebP picture that has passed every check and is known to decode.

    `width` and `height` are those of the upright picture, after the EXIF rotation. Raises SourceError otherwise.
    Whoever wants `rgb(scale_for(width, colour_width))` says so with `colour_width`: it is decoded once then, not twice.
    """

    def __init__(self, data: bytes, name: str, *, colour_width: int | None = None) -> None:
        self._data: bytes | None = data
        self._read: Callable[[], bytes] = bytes  # not asked while the bytes are here
        self._name = name
        self._orientation, self._stored, last_rows = _check(data, name)
        self._on_its_side = self._orientation >= 5
        self.width, self.height = self._stored[::-1] if self._on_its_side else self._stored
        # Damage inside the compressed data shows only in decoding; small and grey is the cheapest full decode.
        if colour_width is None:
            scale = self._grey_scale(_PROOF_WIDTH)
            self._proof_flag, wide, high = _REDUCED_GREY[scale], 32, last_rows
        else:
            scale = scale_for(self.width, colour_width)
            # Colours are stored coarser, and mix where two blocks meet: so less is looked at.
            self._proof_flag, wide, high = _REDUCED_COLOUR[scale], 8, (last_rows + 1) // 2
        self._proof = self._decode(self._proof_flag, scale)
        # Where JPEG data run out, the decoder fills the rest with one level: then a strict one has the last word. Up to
        # three missing blocks are let pass: so few are often of one level in sound pictures too.
        end = self._proof[-max(1, high // scale) :, -wide // scale :]
        if data[:2] == _JPEG_START and np.ptp(end, axis=(0, 1)).max() == 0:
            _refuse_filled_up(data, name)

    @property
    def memory_bytes(self) -> int:
        """How much memory it holds."""
        return len(self._data or b"") + self._proof.nbytes

    def let_go_of_bytes(self, read: Callable[[], bytes]) -> None:
        """Free most of its memory: what proved it sound stays. `read` gives the same bytes when more is wanted.

        What `read` raises is then raised by `luma`, `rgb` and `digest`.
        """
        self._data, self._read = None, read

    def luma(self, width: int, height: int) -> Picture:
        """The grey picture, uint8 [height, width]."""
        scale = self._grey_scale(width)
        grey = self._decoded(_REDUCED_GREY[scale], scale)
        if self._on_its_side:
            width, height = height, width
        return _upright(shrink(grey, width, height), self._orientation)

    def rgb(self, scale: int) -> Picture:
        """The picture at 1/scale, uint8 [H, W, 3]; `scale` is 1, 2 or 4."""
        bgr = self._decoded(_REDUCED_COLOUR[scale], scale)
        return _upright(np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), np.uint8), self._orientation)

    def digest(self) -> str:
        """SHA-256 of the encoded bytes, hex."""
        return hashlib.sha256(self._encoded()).hexdigest()

    def _encoded(self) -> bytes:
        if self._data is None:
            self._data = self._read()
        return self._data

    def _grey_scale(self, width: int) -> int:
        return scale_for(self.width, width, (8, 4, 2))

    def _decoded(self, flag: int, scale: int) -> Picture:
        return self._proof if flag == self._proof_flag else self._decode(flag, scale)

    def _decode(self, flag: int, scale: int) -> Picture:
        """The stored picture at 1/scale, before any rotation."""
        try:
            picture = cv2.imdecode(np.frombuffer(self._encoded(), np.uint8), flag | cv2.IMREAD_IGNORE_ORIENTATION)
        except cv2.error:
            picture = None
        # A decoder may round a scaled size up or down, never further off.
        if picture is None or any(
            abs(found - wanted / scale) >= 1 for found, wanted in zip(picture.shape[1::-1], self._stored, strict=True)
        ):
            raise SourceError(f"{self._name}: the picture is damaged; copy or record it again")
        return np.asarray(picture, np.uint8)


def _check(data: bytes, name: str) -> tuple[int, tuple[int, int], int]:
    """The EXIF orientation 1..8, the stored size, and how many lines the last row of JPEG blocks fills.

    SourceError for a picture that may not be decoded.
    """
    if not data:
        raise SourceError(f"{name}: the file is empty; copy or record it again")
    if len(data) > MAX_BYTES:
        raise SourceError(f"{name}: {len(data) / 2**20:.0f} MB is too large; save it below {MAX_BYTES // 2**20} MB")
    _refuse_webp_bomb(data, name)
    try:
        with Image.open(io.BytesIO(data), formats=_FORMATS) as image:
            check_size(*image.size, name)
            _refuse_kind(image, data, name)
            _refuse_cut(image, data, name)
            orientation = image.getexif().get(_EXIF_ORIENTATION, 1)
            size = image.size
            # (name, columns, rows, table) of each plane: the finest has so many rows of 8 lines for one of others.
            planes = getattr(image, "layer", [])
            row = 8 * max(rows for _, _, rows, _ in planes) if len(planes) > 1 else 8
    except SourceError:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise SourceError(
            f"{name}: the picture is too large; scale it below {MAX_PIXELS // 1_000_000} megapixels"
        ) from error
    except UnidentifiedImageError as error:
        raise SourceError(
            f"{name}: not a JPEG, PNG, BMP or WebP picture, whatever its name says; save it as JPEG or PNG"
        ) from error
    except _HEADER_ERRORS as error:
        raise SourceError(f"{name}: the picture is damaged ({error}); copy or record it again") from error
    return orientation if orientation in range(1, 9) else 1, size, (size[1] - 1) % row + 1


def _refuse_webp_bomb(data: bytes, name: str) -> None:
    """Pillow allocates the whole canvas of a WebP picture when it opens it, so its size is read by hand before."""
    if data[:4] != b"RIFF" or data[8:12] != b"WEBP" or len(data) < 30:
        return
    if data[12:16] == b"VP8X":
        check_size(1 + int.from_bytes(data[24:27], "little"), 1 + int.from_bytes(data[27:30], "little"), name)
    elif data[12:16] == b"VP8L":
        bits = int.from_bytes(data[21:25], "little")
        check_size(1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF), name)
    elif data[12:16] == b"VP8 ":
        width, height = struct.unpack("<HH", data[26:30])
        check_size(width & 0x3FFF, height & 0x3FFF, name)


def _refuse_kind(image: Image.Image, data: bytes, name: str) -> None:
    # A stereo JPEG ("MPO") has a second picture as well; its first is an ordinary photo.
    if getattr(image, "is_animated", False) and image.format in ("PNG", "WEBP"):
        raise SourceError(f"{name}: an animated picture; save one of its frames as JPEG, or give it as a video")
    if image.mode.startswith("I") or (image.format == "PNG" and data[24] == 16):
        raise SourceError(f"{name}: 16 bits a channel; save it with 8 bits a channel")
    if image.mode == "CMYK":
        raise SourceError(f"{name}: CMYK colours for print; save it as RGB")
    if "A" in image.mode or "transparency" in image.info:
        raise SourceError(f"{name}: has transparent parts that hide what was there; save it without transparency")
    if image.mode not in ("RGB", "L", "P"):
        raise SourceError(f"{name}: colour mode {image.mode} is not a photo; save it as RGB with 8 bits a channel")


def _refuse_cut(image: Image.Image, data: bytes, name: str) -> None:
    if image.format in ("JPEG", "MPO"):
        whole = _jpeg_ends(data)
    elif image.format == "PNG":
        # Every chunk's checksum; raises where one is wrong or missing. What has been verified cannot be read any more.
        Image.open(io.BytesIO(data), formats=("PNG",)).verify()
        whole = True
    elif image.format == "WEBP":
        whole = len(data) >= 8 + int.from_bytes(data[4:8], "little")
    else:
        whole = len(data) >= int.from_bytes(data[2:6], "little")
    if not whole:
        raise SourceError(f"{name}: the picture is cut off; copy or record it again")


def _jpeg_ends(data: bytes) -> bool:
    """Whether the picture's own end marker is there: not that of the thumbnail that its header may hold."""
    at = 2
    while at + 4 <= len(data):
        marker, length = data[at + 1], int.from_bytes(data[at + 2 : at + 4], "big")
        if data[at] != 0xFF:
            return False
        if marker == 0xFF:  # fill byte
            at += 1
        elif marker == 0xDA:  # start of scan: compressed data follow, in which 0xFF 0xD9 cannot occur
            return data.rfind(b"\xff\xd9", at + 2 + length) >= 0  # from the end, where it stands in most pictures
        else:
            at += 2 + length
    return False


def _refuse_filled_up(data: bytes, name: str) -> None:
    """Decode strictly: this decoder tells missing data from a picture that ends in one level, where OpenCV does not."""
    decoder = av.CodecContext.create("mjpeg", "r")
    decoder.options = {"err_detect": "explode"}
    decoder.thread_count = 1
    try:
        decoder.decode(av.Packet(data))
    except av.error.InvalidDataError as error:
        raise SourceError(f"{name}: the picture is cut off; copy or record it again") from error
    except av.error.FFmpegError as error:
        # What OpenCV reads and this decoder does not know: then nothing proves that the picture is whole.
        why = "a rare kind of JPEG, or damaged: whether all of it is there cannot be told"
        raise SourceError(f"{name}: {why}; save it as an ordinary JPEG, or record it again") from error


def _upright(picture: Picture, orientation: int) -> Picture:
    """The stored picture turned and mirrored as its EXIF orientation 1..8 says."""
    if orientation in (5, 6, 7, 8):
        picture = picture.swapaxes(0, 1)
    if orientation in (2, 3, 6, 7):
        picture = picture[:, ::-1]
    if orientation in (3, 4, 7, 8):
        picture = picture[::-1]
    return np.ascontiguousarray(picture)
