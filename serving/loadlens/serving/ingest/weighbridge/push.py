"""From the spool to the server: each reading until the server has it or refuses it for good, in order but for those
at which the server fails."""

import logging
import threading
from typing import Any

from loadlens.serving.ingest.backoff import Backoff
from loadlens.serving.ingest.server import LaneServer, ServerUnreachableError
from loadlens.serving.ingest.weighbridge.spool import ReadingSpool

log = logging.getLogger("loadlens.weighbridge")

_STORED = {200, 201}
# Never taken, however often it is sent. All else may be mended at the server: a key, a lane, a full disk.
_REFUSED = {400, 409, 413, 422}
_FAILED = 500
_LOOK_EVERY_S = 0.2


class ReadingPusher:
    """Sends readings; under its id a reading that was sent twice is stored once."""

    def __init__(self, spool: ReadingSpool, server: LaneServer, stop: threading.Event) -> None:
        self._spool = spool
        self._server = server
        self._stop = stop
        self._backoff = Backoff(limit_s=30.0)

    def run(self) -> None:
        """Send until `stop` is set."""
        while not self._stop.is_set():
            reading = self._spool.oldest()
            self._stop.wait(_LOOK_EVERY_S if reading is None else self._send(reading))

    def _send(self, reading: dict[str, Any]) -> float:
        """One try; returns how long to wait before the next, in seconds."""
        try:
            answer = self._server.post_reading(reading)
        except ServerUnreachableError as error:
            log.warning("the server does not answer (%s)", error)
            return self._backoff.failed()
        if answer.status in _STORED:
            self._spool.done(reading["id"])
        elif answer.status in _REFUSED:
            log.error("reading %s is refused for good: %s", reading["id"], answer.reason)
            self._spool.refused(reading, f"{answer.status}: {answer.reason}")
        elif answer.status == _FAILED:
            # Perhaps of this very reading: it is tried again behind the others, which may be an alarm.
            log.error("the server failed to take reading %s: %s", reading["id"], answer.reason)
            self._spool.postpone(reading["id"])
            return self._backoff.failed(answer.wait_s)
        else:
            log.warning("the server answers %d: %s", answer.status, answer.reason)
            return self._backoff.failed(answer.wait_s)
        self._backoff.worked()
        return 0.0
