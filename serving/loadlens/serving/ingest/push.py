"""From the spool to the server: in order, one frame in flight, each until the server has it or refuses it for good.

A frame gets its number when it is sent for the first time, on the disk before the first byte leaves; so the numbers of
a camera have no gaps, and a frame that was sent and never answered is sent again under the same number. Which number
is next the server knows: it is asked at the start and after a refusal, so it survives the loss of this disk.
"""

import logging
import threading
from collections import Counter

from loadlens.serving.ingest.backoff import Backoff
from loadlens.serving.ingest.server import Answer, LaneServer, ServerUnreachableError
from loadlens.serving.ingest.spool import Spool, Spooled

log = logging.getLogger("loadlens.camera")

_STORED = {200, 201}
# Never taken, however often it is sent. All else may be mended at the server: a key, a lane, a full disk.
_REFUSED = {400, 409, 411, 413, 415, 422}
_LOOK_EVERY_S = 0.5


class Pusher:
    """Sends the frames of one camera; `counts` of stored, refused, conflicts and retries; `reason`: why it waits."""

    def __init__(self, spool: Spool, server: LaneServer, camera: str, stop: threading.Event) -> None:
        self._spool = spool
        self._server = server
        self._camera = camera
        self._stop = stop
        self._next: int | None = None
        self._backoff = Backoff()
        self.no_more = threading.Event()
        self.counts: Counter[str] = Counter()
        self.reason = ""

    def run(self) -> None:
        """Send until `stop` is set, or until nothing waits once `no_more` is set."""
        while not self._stop.is_set():
            frame = self._spool.oldest(wait_s=_LOOK_EVERY_S)
            if frame is None:
                if self.no_more.is_set() and not len(self._spool):
                    return
                continue
            try:
                waits_s = self._send(frame)
            except ServerUnreachableError as error:
                waits_s = self._failed(f"the server does not answer ({error})")
            except OSError as error:  # the spool's disk: the frames stay where they are until it works again
                waits_s = self._failed(f"the spool cannot be used ({error})")
            if waits_s:
                self._stop.wait(waits_s)

    def _send(self, frame: Spooled) -> float:
        """One try; returns how long to wait before the next."""
        promised = frame if frame.seq is not None else self._promise(frame)
        if promised is None:
            return self._backoff.failed() if self._next is None else 0.0
        seq = promised.seq
        if seq is None:
            raise RuntimeError(f"{promised.name} was promised without a number")
        data = self._spool.read(promised)
        answer = self._server.put_frame(self._camera, seq, data, promised)
        if answer.status in _STORED:
            self._spool.done(promised)
            # A frame promised by an earlier process, or come back after a power cut, does not say which is next.
            self._next = None if self._next is None else seq + 1
            self.counts["stored"] += 1
            self._worked()
            return 0.0
        if answer.status in _REFUSED:
            self._refused(promised, answer)
            return 0.0
        return self._failed(f"the server answers {answer.status}: {answer.reason}", answer.wait_s)

    def _promise(self, frame: Spooled) -> Spooled | None:
        """The frame with its number; None where it was dropped or no number is to be had (then `_next` is None)."""
        if self._next is None:
            answer = self._server.ask_camera(self._camera)
            known = answer.body.get("next_seq")
            if answer.status != 200 or not isinstance(known, int):
                self._note(f"the server tells no number for the next frame ({answer.status}: {answer.reason})")
                return None
            self._next = known
        return self._spool.promise(frame, self._next)

    def _refused(self, frame: Spooled, answer: Answer) -> None:
        """Out of the way with it; whether its number is free again only the server knows."""
        self.counts["conflicts" if answer.status == 409 else "refused"] += 1
        log.error(
            "%s: ALARM: frame %s is set aside, the server answers %d: %s",
            self._camera,
            frame.seq,
            answer.status,
            answer.reason,
        )
        self._spool.set_aside(frame, f"{answer.status}: {answer.reason}")
        self._next = None

    def _failed(self, reason: str, asked_s: float = 0.0) -> float:
        self.counts["retries"] += 1
        self._note(reason)
        return self._backoff.failed(asked_s)

    def _note(self, reason: str) -> None:
        """Said once, however often it happens."""
        if reason != self.reason:
            log.warning("%s: frames wait: %s", self._camera, reason)
        self.reason = reason

    def _worked(self) -> None:
        if self.reason:
            log.info("%s: the server takes frames again", self._camera)
        self.reason = ""
        self._backoff.worked()
