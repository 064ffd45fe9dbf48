"""Frames that were just taken in, already checked and decoded once, so that the grader need not do it again.

Only a shortcut: a frame that is not here is read from the store. Decoding is the dearest part of taking a frame in.
"""

import threading
from collections import OrderedDict

from loadlens.vision.image import EncodedImage

ROOM_BYTES = 64 * 2**20


class RecentFrames:
    """Pictures by their digest, each given out once; beyond so many bytes the oldest is dropped. For any thread."""

    def __init__(self, room_bytes: int = ROOM_BYTES) -> None:
        self._room = room_bytes
        self._kept: OrderedDict[str, EncodedImage] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()

    def add(self, sha256: str, picture: EncodedImage) -> None:
        """Keep a picture for the grader."""
        with self._lock:
            if sha256 in self._kept:
                return
            self._kept[sha256] = picture
            self._bytes += picture.memory_bytes
            while self._bytes > self._room:
                _, dropped = self._kept.popitem(last=False)
                self._bytes -= dropped.memory_bytes

    def take(self, sha256: str) -> EncodedImage | None:
        """The picture of this digest, which is then no longer kept; None where it is not here."""
        with self._lock:
            picture = self._kept.pop(sha256, None)
            if picture is not None:
                self._bytes -= picture.memory_bytes
            return picture
