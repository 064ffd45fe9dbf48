"""A private MQTT broker, a receiver of webhooks, and a database with its journal: all real, all to be broken."""

import asyncio
import http.server
import json
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice
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
        # As root it would become a user that may not write here; as anybody else it stays who it is.
        self._config.write_text(
            f"user root\nlistener {self.port} 127.0.0.1\nallow_anonymous true\n"
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


def _wait_until(true: Callable[[], object], what: str, within_s: float = 200.0) -> None:
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


class Office:
    """The lane routes of a server, for faults that a real one cannot be made to show on demand."""

    def __init__(self, spool: Path) -> None:
        self.readings: list[dict[str, Any]] = []
        self.health: dict[str, dict[str, Any]] = {}
        self.keys: set[str] = set()
        self.answer = 201
        self.refuse_kg = self.fail_kg = ""
        self.lose_answers = self.refusals = self.posts = 0
        self._port = 0
        self._spool = spool
        self.open()
        self.url = f"http://127.0.0.1:{self._port}"

    def open(self) -> None:
        office = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self._told(office.take)

            def do_PUT(self) -> None:
                self._told(lambda body: office.note(self.path.split("/")[5], body))

            def _told(self, take: Callable[[Any], int | None]) -> None:
                office.keys.add(self.headers["Authorization"])
                status = take(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                if status is not None:
                    self.send_response(status)
                    self.send_header("Content-Length", "0")
                    self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", self._port), Handler)
        self._port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()

    def take(self, reading: dict[str, Any]) -> int | None:
        """The answer to a reading; None is a connection that is cut before the answer."""
        self.posts += 1
        if self.answer >= 300:
            self.refusals += 1
            return self.answer
        if self.refuse_kg and reading.get("kg") == self.refuse_kg:
            return 422
        if self.fail_kg and reading.get("kg") == self.fail_kg:
            return 500
        is_new = reading["id"] not in {known["id"] for known in self.readings}
        if is_new:
            self.readings.append(reading)
        if self.lose_answers:
            self.lose_answers -= 1
            return None
        return 201 if is_new else 200

    def note(self, device: str, health: dict[str, Any]) -> int:
        self.health[device] = health
        return 204

    def counted(self, device: str, what: str) -> int:
        return int(self.health.get(device, {}).get("counts", {}).get(what, 0))

    def state_of(self, device: str) -> str | None:
        return self.health.get(device, {}).get("state")

    def spooled(self, count: int) -> bool:
        return self.query_spool("SELECT count(*) FROM waiting") == [(count,)]

    def query_spool(self, statement: str) -> list[tuple[Any, ...]]:
        file = next(self._spool.glob("*.sqlite"), None)
        if file is None:
            return []
        with closing(sqlite3.connect(file)) as database:
            return database.execute(statement).fetchall()

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    running = Office(tmp_path / "spool")
    yield running
    running.close()


@pytest.fixture
def read(tmp_path: Path, office: Office, start_command: Callable[..., Any]) -> Iterator[Callable[..., Any]]:
    """Start a reader; options as on the command line. It can be killed and started again over its spool."""
    running = []
    log = tmp_path / "reader.log"

    def start(port: str, *options: str) -> Any:
        command = ["weighbridge", port, "--lane", "3", *options]
        command += ["--to", office.url, "--spool", str(tmp_path / "spool"), "--capacity", "80000"]
        running.append(start_command(command, {**os.environ, "LOADLENS_KEY": "test-key"}, log))
        return running[-1]

    yield start
    for process in running:
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) in {0, -signal.SIGKILL}, log.read_text()
        process.stdout.close()


class Modbus:
    """A device on Modbus TCP with a hundred holding registers."""

    def __init__(self, port: int) -> None:
        self.port = port
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        self._server = self._do(self._started())

    async def _started(self) -> ModbusTcpServer:
        registers = SimData(0, count=100, values=0, datatype=DataType.REGISTERS)
        server = ModbusTcpServer(SimDevice(1, simdata=[registers]), address=("127.0.0.1", self.port))
        await server.serve_forever(background=True)
        return server

    def set(self, address: int, *values: int) -> None:
        self._do(self._server.async_setValues(1, 16, address, list(values)))

    def close(self) -> None:
        self._do(self._server.shutdown())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _do(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(30)


@pytest.fixture
def modbus(free_port: int) -> Iterator[Modbus]:
    running = Modbus(free_port)
    yield running
    running.close()
