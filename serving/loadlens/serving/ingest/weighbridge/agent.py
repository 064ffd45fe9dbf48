"""The reader as a process: one thread that reads, one that sends, and this one, which tells how the device does."""

import logging
import threading
import time
from collections.abc import Sequence
from typing import Any, Protocol

from loadlens.serving.errors import CommandError
from loadlens.serving.ingest.server import LaneServer, ServerUnreachableError
from loadlens.serving.ingest.weighbridge.device import Device
from loadlens.serving.ingest.weighbridge.push import ReadingPusher
from loadlens.serving.ingest.weighbridge.spool import ReadingSpool

log = logging.getLogger("loadlens.weighbridge")

# The server raises an alarm where no report comes for a while; a change is reported at once.
_REPORT_EVERY_S = 10.0
_LOOK_EVERY_S = 0.5


class Reader(Protocol):
    """Reads devices until it is told to stop."""

    @property
    def devices(self) -> Sequence[Device]:
        """The devices known so far."""

    def run(self, stop: threading.Event) -> None:
        """Read until `stop` is set."""


def run_reader(reader: Reader, spool: ReadingSpool, server: LaneServer, stop: threading.Event) -> None:
    """Read, send and report until `stop` is set. What waits in the spool is sent by the next run.

    Raises CommandError where reading or sending has ended by itself: then whoever started us must know.
    """
    threads = [
        threading.Thread(target=reader.run, args=(stop,), name="reader"),
        threading.Thread(target=ReadingPusher(spool, server, stop).run, name="pusher"),
    ]
    for thread in threads:
        thread.start()
    reported: dict[str, tuple[str, float]] = {}
    while not stop.wait(_LOOK_EVERY_S) and all(thread.is_alive() for thread in threads):
        for device in reader.devices:
            _report(server, device.name, device.health(), reported)
    asked = stop.is_set()
    stop.set()
    for thread in threads:
        thread.join()
    if not asked:
        raise CommandError("the reader has ended after an error that nobody foresaw; see above, then start it again")


def _report(server: LaneServer, name: str, health: dict[str, Any], reported: dict[str, tuple[str, float]]) -> None:
    state, at = reported.get(name, ("", 0.0))
    if health["state"] != state:
        log.info("%s is %s %s", name, health["state"], health["why"])
    elif time.monotonic() - at < _REPORT_EVERY_S:
        return
    reported[name] = health["state"], time.monotonic()
    try:
        answer = server.put_device_health(name, health)
    except ServerUnreachableError as error:
        log.warning("the server does not hear how %s does: %s", name, error)
    else:
        if answer.status >= 300:
            log.warning("the server does not take how %s does: %d %s", name, answer.status, answer.reason)
