"""Which frames are taken in: as many at once as the server can hold, while the disk has room, until it stops.

A camera that is turned away keeps its frame and sends it again after the seconds that Retry-After names.
"""

import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from starlette.exceptions import HTTPException

from loadlens.serving.settings import Settings

_BUSY_S, _STOPPING_S, _FULL_S = "1", "5", "30"


class Admission:
    """Use from the event loop alone: its count needs no lock there."""

    def __init__(self, settings: Settings, stopping: threading.Event) -> None:
        self._settings = settings
        self._stopping = stopping
        self._in_flight = 0

    @contextmanager
    def frame(self) -> Iterator[None]:
        """Hold a place for one frame while it is received and stored.

        Raises HTTPException: 503 while the server stops or every place is taken, 507 where the disk is nearly full.
        """
        if self._stopping.is_set():
            # A connection that stays open would keep the server from ending.
            raise HTTPException(
                503,
                "the server is stopping; send the frame again",
                {"Retry-After": _STOPPING_S, "Connection": "close"},
            )
        if self._in_flight >= self._settings.max_frames_in_flight:
            raise HTTPException(
                503,
                f"{self._in_flight} frames are being taken in, and no more fit; send the frame again",
                {"Retry-After": _BUSY_S},
            )
        if reason := disk_shortage(self._settings):
            raise HTTPException(507, f"{reason}; nothing was stored", {"Retry-After": _FULL_S})
        self._in_flight += 1
        try:
            yield
        finally:
            self._in_flight -= 1


def disk_shortage(settings: Settings) -> str | None:
    """Why the disk under the data folder is too full to take frames; None where it is not."""
    free, needed = shutil.disk_usage(settings.data).free, settings.min_free_bytes
    if free >= needed:
        return None
    return f"only {free >> 20} MiB are free on the disk; {needed >> 20} are needed"
