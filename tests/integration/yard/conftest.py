"""A private MQTT broker, a receiver of webhooks, and a database with its journal: all real, all to be broken."""

import http.server
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion
from sqlalchemy import Engine

from loadlens.serving.store.anchor import Anchor
from loadlens.serving.store.database import open_database
from loadlens.serving.store.journal import Seal, sealed
from loadlens.serving.store.signing import SigningKeys

# Debian keeps it out of the path of ordinary users.
MOSQUITTO = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin")


class Broker:
    """Mosquitto with persistence; `port` stays the same over restarts."""

    def __init__(self, folder: Path, port: int) -> None:
        self.port = port
        self._config = folder / "mosquitto.conf"
        self._config.write_text(
            f"listener {self.port} 127.0.0.1\nallow_anonymous true\n"
            f"persistence true\npersistence_location {folder}/\nautosave_on_changes true\nautosave_interval 1\n"
        )
        self.start()

    def start(self) -> None:
        assert MOSQUITTO is not None
        self._process = subprocess.Popen(
            [MOSQUITTO, "-c", str(self._config)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        _wait_until(self._answers, "the broker answers")

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait()

    def _answers(self) -> bool:
        assert self._process.poll() is None, "mosquitto has ended"
        try:
            socket.create_connection(("127.0.0.1", self.port), 1).close()
        except OSError:
            return False
        return True


class Listener:
    """Keeps every message under a topic filter; a session that outlives the broker's restarts."""

    def __init__(self, broker: Broker, topics: str = "#") -> None:
        self.heard: list[tuple[str, str, bool]] = []
        self._topics = topics
        self._ready = False
        self._client = Client(CallbackAPIVersion.VERSION2, client_id=f"listener-{id(self)}", clean_session=False)
        self._client.on_connect = lambda client, *_: client.subscribe(self._topics, qos=1)
        self._client.on_subscribe = self._subscribed
        self._client.on_message = lambda _client, _data, message: self.heard.append(
            (message.topic, message.payload.decode(), message.retain)
        )
        self._client.reconnect_delay_set(1, 1)
        self._client.connect("127.0.0.1", broker.port)
        self._client.loop_start()
        _wait_until(lambda: self._ready, "the listener is subscribed")

    def _subscribed(self, *_: object) -> None:
        self._ready = True

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


def _wait_until(true: Callable[[], object], what: str, within_s: float = 120.0) -> None:
    """Look again and again; the limit is generous, because it only ends a test that hangs."""
    end = time.monotonic() + within_s
    while not true():
        assert time.monotonic() < end, f"never so: {what}"
        time.sleep(0.02)


@pytest.fixture(scope="session")
def wait_until() -> Callable[..., None]:
    return _wait_until


@pytest.fixture
def broker(tmp_path: Path, free_port: int, absent: Callable[[str, str], None]) -> Iterator[Broker]:
    if MOSQUITTO is None:
        absent("mqtt", "no mosquitto is installed")
    folder = tmp_path / "broker"
    folder.mkdir()
    running = Broker(folder, free_port)
    yield running
    running.stop()


@pytest.fixture
def listen(broker: Broker) -> Iterator[Callable[..., Listener]]:
    listeners: list[Listener] = []

    def start(topics: str = "#") -> Listener:
        listeners.append(Listener(broker, topics))
        return listeners[-1]

    yield start
    for listener in listeners:
        listener.close()


class Receiver:
    """A web server that keeps what is posted to it and answers what it is told to."""

    def __init__(self) -> None:
        self.posts: list[tuple[dict[str, str], bytes]] = []
        self.answer = 204
        self.location: str | None = None
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.posts.append(({name.lower(): value for name, value in self.headers.items()}, body))
                self.send_response(receiver.answer)
                if receiver.location is not None:
                    self.send_header("Location", receiver.location)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self._server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}/hooks/loadlens"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    running = Receiver()
    yield running
    running.close()


@pytest.fixture
def engine(tmp_path: Path, database_url: str) -> Iterator[Engine]:
    seal = Seal(SigningKeys(tmp_path / "signing.key"), Anchor(tmp_path / "journal.anchor"))
    opened = sealed(open_database(database_url), seal)
    yield opened
    opened.dispose()
