"""Many cameras of one lane in one process, and how they do, told to the server and to the log."""

import logging
import signal
import threading
import time
from collections.abc import Sequence
from types import FrameType

from loadlens.serving.ingest.backoff import Backoff
from loadlens.serving.ingest.camera import Camera
from loadlens.serving.ingest.server import LaneServer, ServerUnreachableError

log = logging.getLogger("loadlens.camera")

_LOOK_EVERY_S = 1.0
_TELL_EVERY_S = 60.0
_END_WITHIN_S = 15.0


def run_cameras(cameras: Sequence[Camera], server: LaneServer, stop: threading.Event) -> None:
    """Run until SIGTERM or SIGINT, or until every source has ended and all its frames are sent.

    What is in the spools stays there for the next start.
    """

    def end(_signal: int, _frame: FrameType | None) -> None:
        stop.set()

    for wanted in (signal.SIGTERM, signal.SIGINT):
        signal.signal(wanted, end)
    for camera in cameras:
        camera.start()
    telling = threading.Thread(target=_tell, args=(cameras, server, stop), name="health", daemon=True)
    telling.start()
    while not stop.is_set() and not all(camera.join(0.0) for camera in cameras):
        stop.wait(_LOOK_EVERY_S)
    stop.set()
    for camera in cameras:
        # A stream that is silent holds its thread for as long as its timeout; nothing of it is worth waiting for.
        camera.join(_END_WITHIN_S)
    log.info("ended; %d frames wait in the spools", sum(camera.health()["counts"]["waiting"] for camera in cameras))


def _tell(cameras: Sequence[Camera], server: LaneServer, stop: threading.Event) -> None:
    """Tell the server of every change of state at once, and of every camera each minute."""
    told: dict[str, tuple[str, float]] = {}
    backoff = Backoff(first_s=1.0)
    problem = ""
    while not stop.wait(_LOOK_EVERY_S):
        for camera in cameras:
            health = camera.health()
            state, at_s = told.get(camera.name, ("", 0.0))
            now_s = time.monotonic()
            if health["state"] == state and now_s - at_s < _TELL_EVERY_S:
                continue
            try:
                answer = server.put_health(camera.name, health)
                failed = "" if answer.status < 300 else f"the server answers {answer.status}: {answer.reason}"
            except ServerUnreachableError as error:
                failed = str(error)
            if failed:
                if failed != problem:
                    log.warning("the health of the cameras cannot be told: %s", failed)
                problem = failed
                stop.wait(backoff.failed())
                break
            problem = ""
            backoff.worked()
            told[camera.name] = (health["state"], now_s)
            log.info("%s: %s %s", camera.name, health["state"], _line(health["counts"]))


def _line(counts: dict[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in counts.items() if count)
