"""Frames of a live stream, for ever: where it ends or fails it is opened again, ever more slowly while that fails."""

import logging
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from loadlens.serving.ingest.backoff import Backoff
from loadlens.vision.frame import Frame, SourceError
from loadlens.vision.source import read_frames
from loadlens.vision.video import SCHEMES, source_name

log = logging.getLogger("loadlens.camera")

# A stream that breaks off sooner than this after it was opened counts as one that cannot be opened.
_SOUND_AFTER_S = 10.0


class LiveSource:
    """One camera's stream, or a video file that is played once at its own speed.

    `lost_since` is when the frames ended (None while they come), `reason` why; `opened` and `failed` count.
    """

    def __init__(self, address: str, camera: str, *, fps: float, timeout_s: float, stop: threading.Event) -> None:
        self._address = address
        self._camera = camera
        self._every_s = 1 / fps
        self._timeout_s = timeout_s
        self._stop = stop
        self._backoff = Backoff(first_s=1.0, limit_s=60.0)
        self.is_file = address.split("://", 1)[0].lower() not in SCHEMES
        self.lost_since: datetime | None = datetime.now(UTC)
        self.reason = "the stream has not been opened yet"
        self.opened = 0
        self.failed = 0

    def frames(self) -> Iterator[Frame]:
        """Every frame, until `stop` is set; times count from the opening. A file that cannot be read is a SourceError.

        A new opening is told by a time that went back to 0.
        """
        while not self._stop.is_set():
            began = time.monotonic()
            try:
                yield from self._once(began)
                self.reason = "the stream ended"
            except SourceError as error:
                if self.is_file:
                    raise
                self.reason = str(error)
            if self.is_file or self._stop.is_set():
                return
            self.lost_since = self.lost_since or datetime.now(UTC)
            self.failed += 1
            if time.monotonic() - began > _SOUND_AFTER_S:
                self._backoff.worked()
            wait_s = self._backoff.failed()
            log.warning("%s: %s; opened again in %.1f s", self._camera, self.reason, wait_s)
            self._stop.wait(wait_s)

    def _once(self, began: float) -> Iterator[Frame]:
        reader = read_frames(self._address, camera=self._camera, every_s=self._every_s, timeout_s=self._timeout_s)
        for frame in reader:
            if self.lost_since is not None:
                self.lost_since = None
                self.opened += 1
                log.info("%s: frames come from %s", self._camera, source_name(self._address))
            if self.is_file:
                self._stop.wait(max(0.0, began + frame.time_s - time.monotonic()))
            if self._stop.is_set():
                return
            yield frame
        for doubt in reader.doubts:
            log.warning("%s: %s", self._camera, doubt.why)


class CaptureClock:
    """The time of day at which frames are taken, going on evenly while the machine's clock is set.

    A jump in the middle of a load would spoil its order of time, so the clock is followed only when `follow` is called.
    """

    def __init__(self) -> None:
        self.follow()

    def follow(self) -> None:
        """Take over what the machine's clock says now."""
        self._wall, self._steady = datetime.now(UTC), time.monotonic()

    def now(self) -> datetime:
        """The present moment, UTC."""
        return self._wall + timedelta(seconds=time.monotonic() - self._steady)

    @property
    def off_s(self) -> float:
        """How far the machine's clock has moved away from this one, in seconds."""
        return (datetime.now(UTC) - self.now()).total_seconds()
