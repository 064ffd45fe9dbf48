"""One camera of the agent: its frames go into its spool in one thread, and from there to the server in another."""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from loadlens.serving.ingest.backoff import Backoff
from loadlens.serving.ingest.folder import UploadFolder
from loadlens.serving.ingest.gate import Gate
from loadlens.serving.ingest.push import Pusher
from loadlens.serving.ingest.server import LaneServer
from loadlens.serving.ingest.source import CaptureClock, LiveSource
from loadlens.serving.ingest.spool import Spool, SpoolFullError
from loadlens.serving.ingest.watch import StreamWatch
from loadlens.serving.jpeg import encode_jpeg
from loadlens.vision.frame import Frame
from loadlens.vision.stillness import LUMA_WIDTH

log = logging.getLogger("loadlens.camera")

JPEG_QUALITY = 90
_FOLDER_EVERY_S = 0.5
# Nothing has moved for so long: no load's order of time suffers when the clock is set.
_CLOCK_FOLLOWS_AFTER_S = 60.0


@dataclass(frozen=True, slots=True)
class Options:
    """How frames are taken: at most `fps` a second, one at least every `heartbeat_s`, `timeout_s` for an answer."""

    fps: float = 5.0
    heartbeat_s: float = 5.0
    timeout_s: float = 10.0
    spool_bytes: int = 20 * 10**9


class Camera:
    """One camera at work. `health` says how it does; a subclass says where its frames come from."""

    def __init__(self, name: str, spool: Spool, server: LaneServer, stop: threading.Event) -> None:
        self.name = name
        self._spool = spool
        self._stop = stop
        self._pusher = Pusher(spool, server, name, stop)
        self._threads = [
            threading.Thread(target=self._supervised, args=(work,), name=f"{name} {what}", daemon=True)
            for what, work in (("intake", self._take_in), ("push", self._pusher.run))
        ]
        # Why frames are lost now, though the camera may show something: a disk that takes none, a failure of ours.
        self._losing = ""
        self._state, self._since = "ok", datetime.now(UTC)
        self._crashes = 0

    def start(self) -> None:
        """Begin to take and to send frames."""
        for thread in self._threads:
            thread.start()

    def join(self, timeout_s: float) -> bool:
        """Wait so long for the camera to end, which it does after `stop` or, for a file, when all is sent."""
        end = time.monotonic() + timeout_s
        for thread in self._threads:
            thread.join(max(0.0, end - time.monotonic()))
        return not any(thread.is_alive() for thread in self._threads)

    def close(self) -> None:
        """Let go of the spool."""
        self._spool.close()

    def health(self) -> dict[str, Any]:
        """The state (ok, lost, black or frozen), since when, why, and what was counted since the start."""
        state, why = ("lost", self._losing) if self._losing else self._judge()
        if state != self._state:
            self._state, self._since = state, datetime.now(UTC)
            log.warning("%s: is %s%s", self.name, state, f": {why}" if why else "")
        counts = {"waiting": len(self._spool), "waiting_bytes": self._spool.bytes, "dropped_full": self._spool.dropped}
        counts |= {"crashes": self._crashes, **self._pusher.counts, **self._counts()}
        return {"state": state, "since": self._since.isoformat(), "counts": counts}

    def _take_in(self) -> None:
        try:
            self._take_frames()
        except Exception as error:
            self._losing = f"{type(error).__name__}: {error}"
            raise

    def _take_frames(self) -> None:
        raise NotImplementedError

    def _judge(self) -> tuple[str, str]:
        raise NotImplementedError

    def _counts(self) -> dict[str, int]:
        raise NotImplementedError

    def _supervised(self, work: Callable[[], None]) -> None:
        """One camera's failure that nobody foresaw must not end the others: it is said, and the work begun again."""
        backoff = Backoff(first_s=1.0)
        while True:
            try:
                work()
                return
            except Exception:
                self._crashes += 1
                log.exception("%s: failed and begins again", self.name)
                if self._stop.wait(backoff.failed()):
                    return


class StreamCamera(Camera):
    """A camera whose stream is read."""

    def __init__(
        self,
        name: str,
        address: str,
        spool: Spool,
        server: LaneServer,
        stop: threading.Event,
        *,
        options: Options,
    ) -> None:
        super().__init__(name, spool, server, stop)
        self._source = LiveSource(address, name, fps=options.fps, timeout_s=options.timeout_s, stop=stop)
        self._gate = Gate(options.heartbeat_s)
        self._watch = StreamWatch()
        self._clock = CaptureClock()
        self._last_s = time.monotonic()
        self._seen = self._not_taken = 0

    def _take_frames(self) -> None:
        try:
            for frame in self._source.frames():
                self._take(frame, time.monotonic())
        finally:
            if self._source.is_file:
                self._pusher.no_more.set()

    def _take(self, frame: Frame, now_s: float) -> None:
        still_s = max(now_s - self._last_s, self._gate.quiet_s(now_s))
        self._last_s = now_s
        if still_s > _CLOCK_FOLLOWS_AFTER_S:
            self._clock.follow()
        captured_at = self._clock.now()
        self._seen += 1
        self._watch.push(now_s, frame)
        verdict = self._gate.judge(now_s, frame.luma(LUMA_WIDTH))
        if not verdict.kept:
            return
        try:
            self._spool.add(encode_jpeg(frame.rgb(), JPEG_QUALITY), captured_at, verdict.why)
            if self._losing:
                log.info("%s: frames are taken again", self.name)
            self._losing = ""
        except (SpoolFullError, OSError) as error:
            self._gate.forget()
            self._not_taken += 1
            if not self._losing:
                log.error("%s: ALARM: frames are lost: %s", self.name, error)
            self._losing = str(error)

    def _judge(self) -> tuple[str, str]:
        if self._source.lost_since is not None:
            return "lost", self._source.reason
        return self._watch.state, ""

    def _counts(self) -> dict[str, int]:
        judged = {f"frames_{why}": count for why, count in self._gate.counts.items()}
        opened = {"opened": self._source.opened, "failed": self._source.failed}
        return (
            {"seen": self._seen, "not_taken": self._not_taken, "clock_off_s": round(abs(self._clock.off_s))}
            | judged
            | opened
        )


class FolderCamera(Camera):
    """A camera, a phone or a person that uploads pictures to a folder."""

    def __init__(self, name: str, folder: Path, spool: Spool, server: LaneServer, stop: threading.Event) -> None:
        super().__init__(name, spool, server, stop)
        self._folder = UploadFolder(folder, name, spool)

    def _take_frames(self) -> None:
        while not self._stop.wait(_FOLDER_EVERY_S):
            self._folder.take(time.monotonic())
            self._losing = ""

    def _judge(self) -> tuple[str, str]:
        return "ok", ""

    def _counts(self) -> dict[str, int]:
        return {"taken": self._folder.taken, "unreadable": self._folder.refused}
