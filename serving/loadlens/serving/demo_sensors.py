"""The sensors of the waste demo: a broker of its own (Mosquitto), what they publish, and the real readers beside it."""

import json
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from datetime import datetime
from decimal import Decimal
from pathlib import Path

from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion

from loadlens.serving.errors import CommandError
from loadlens.serving.ingest.server import LaneServer
from loadlens.serving.ingest.weighbridge.agent import run_reader
from loadlens.serving.ingest.weighbridge.spool import ReadingSpool
from loadlens.serving.ingest.weighbridge.wiring import Scale, Serial, open_reader

UNITS = {"temperature": "C", "humidity": "%"}
_WITHIN_S = 60.0


class Broker:
    """Mosquitto on a port that stays the same, so that it can go and come back. Raises CommandError where it cannot."""

    def __init__(self, folder: Path) -> None:
        # Debian keeps it out of the path of ordinary users.
        program = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin")
        if program is None:
            raise CommandError("the demo needs the broker Mosquitto; install it (Debian: apt install mosquitto)")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port: int = free.getsockname()[1]
        self._command = [program, "-c", str(folder / "mosquitto.conf")]
        # As root it would become a user that may not write here; as anybody else it stays who it is.
        (folder / "mosquitto.conf").write_text(
            f"user root\nlistener {self.port} 127.0.0.1\nallow_anonymous true\n"
            f"persistence true\npersistence_location {folder}/\nmax_queued_messages 0\n"
        )
        self.start()

    def start(self) -> None:
        """Start, and wait until it answers."""
        self._process = subprocess.Popen(self._command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        end = time.monotonic() + _WITHIN_S
        while time.monotonic() < end and self._process.poll() is None:
            with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
                return
            time.sleep(0.05)
        raise CommandError("the broker does not answer")

    def stop(self) -> None:
        """Stop; what it has taken and not delivered yet lies on its disk."""
        self._process.terminate()
        self._process.wait()


class Sensors:
    """Publishes what the sensors of the rooms measure; while the broker is away they keep it, as good ones do."""

    def __init__(self, port: int) -> None:
        self._client = Client(CallbackAPIVersion.VERSION2, client_id="loadlens-demo-sensors", clean_session=False)
        self._client.max_queued_messages_set(0)
        self._client.reconnect_delay_set(1, 1)
        # What is published while the broker is away is queued, but its own record calls it failed for ever: so count.
        self._taken = threading.Semaphore(0)
        self._client.on_publish = lambda *_: self._taken.release()
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()
        self._client.publish("yard/demo", b"", qos=1)
        self._published = 1

    def publish(self, room: str, quantity: str, at: datetime, value: float) -> None:
        """One reading of a room's sensor."""
        said = {"at": at.isoformat(), "quantity": quantity, "value": value, "unit": UNITS[quantity]}
        self._client.publish(f"yard/{room}/{quantity}-1/room", json.dumps(said), qos=1)
        self._published += 1

    def close(self) -> None:
        """Wait until the broker has all of it. Raises CommandError where it does not come back for it."""
        for _ in range(self._published):
            if not self._taken.acquire(timeout=_WITHIN_S):
                raise CommandError("the broker did not take everything that the sensors measured")
        self._client.disconnect()
        self._client.loop_stop()


@contextmanager
def readers(rooms: Mapping[str, LaneServer], port: int, folder: Path) -> Iterator[None]:
    """A reader for each room's lane, as `loadlens weighbridge mqtt://…` runs one, each in threads of its own."""
    stop = threading.Event()
    with ExitStack() as stack:
        threads = [
            threading.Thread(target=_read, args=(room, there, port, folder, stop)) for room, there in rooms.items()
        ]
        for thread in threads:
            thread.start()
            stack.callback(thread.join)
        stack.callback(stop.set)
        yield


def _read(room: str, there: LaneServer, port: int, folder: Path, stop: threading.Event) -> None:
    scale = Scale(room, "room", Decimal(1), None, None, None, None, None, Serial(9600, "N", 8, 1))
    spool = ReadingSpool(folder / f"{room}.sqlite")
    run_reader(open_reader(f"mqtt://127.0.0.1:{port}", scale, spool), spool, there, stop)
    there.close()
    spool.close()
