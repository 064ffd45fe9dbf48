"""Frames that were just taken in, already checked and decoded once, so that the grader need not do it again.

Only a shortcut: a frame that is not here is read from the store. Decoding is the dearest part of taking a frame in, and
most frames are looked at only as the small grey picture that was decoded then. So where the grader falls behind, the
oldest first lose their bytes, which the store has, and only then are dropped.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable
from functools import partial

from loadlens.vision.image import EncodedImage

ROOM_BYTES = 64 * 2**20


class RecentFrames:
    """Pictures by their digest, each given out once, in so many bytes of memory. For any thread."""

    def __init__(self, read: Callable[[str], bytes], room_bytes: int = ROOM_BYTES) -> None:
        """`read` gives the bytes of a digest from the store."""
        self._read = read
        self._room = room_bytes
        self._whole: OrderedDict[str, EncodedImage] = OrderedDict()
        self._small: OrderedDict[str, EncodedImage] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()

    def add(self, sha256: str, picture: EncodedImage) -> None:
        """Keep a picture for the grader."""
        with self._lock:
            if sha256 in self._whole or sha256 in self._small:
                return
            self._whole[sha256] = picture
            self._bytes += picture.memory_bytes
            while self._bytes > self._room:
                self._make_room()

    def take(self, sha256: str) -> EncodedImage | None:
        """The picture of this digest, which is then no longer kept; None where it is not here."""
        with self._lock:
            picture = self._whole.pop(sha256, None) or self._small.pop(sha256, None)
            if picture is not None:
                self._bytes -= picture.memory_bytes
            return picture

    def _make_room(self) -> None:
        if self._whole:
            sha256, picture = self._whole.popitem(last=False)
            self._bytes -= picture.memory_bytes
            picture.let_go_of_bytes(partial(self._read, sha256))
            self._small[sha256] = picture
            self._bytes += picture.memory_bytes
        else:
            _, dropped = self._small.popitem(last=False)
            self._bytes -= dropped.memory_bytes
