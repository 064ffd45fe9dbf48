"""The way from the spool to the server, against a server that answers as real ones do on bad days."""

import hashlib
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from loadlens.serving.ingest.push import Pusher
from loadlens.serving.ingest.server import LaneServer, ServerUnreachableError, read_key
from loadlens.serving.ingest.spool import Spool

BEGAN = datetime(2026, 3, 1, 8, tzinfo=UTC)
OpenSpool = Callable[..., Spool]


class BadDay:
    """A server that keeps frames as the real one does, but first works off a list of misfortunes.

    A misfortune is a status with headers; `lost` keeps the frame and cuts the line before its answer.
    """

    def __init__(self, next_seq: int = 0) -> None:
        self.misfortunes: list[tuple[int | str, dict[str, str]]] = []
        self.frames: dict[int, bytes] = {}
        self.requests: list[str] = []
        self.times: list[float] = []
        self.headers: dict[str, str] = {}
        self.next_seq = next_seq

    def answer(self, method: str, path: str, data: bytes) -> tuple[int | str, dict[str, str], dict[str, object]]:
        self.requests.append(f"{method} {path}")
        self.times.append(time.monotonic())
        if method == "GET":
            return 200, {}, {"next_seq": max([self.next_seq - 1, *self.frames]) + 1}
        status, headers = self.misfortunes.pop(0) if self.misfortunes else (201, {})
        seq = int(path.rpartition("/")[2])
        if status in (201, "lost"):
            known = self.frames.setdefault(seq, data)
            if known != data:
                status = 409
            elif status == 201 and self.requests.count(f"PUT {path}") > 1:
                status = 200
        return status, headers, {"detail": f"status {status}"}


@contextmanager
def running(day: BadDay) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self.answer("GET")

        def do_PUT(self) -> None:
            self.answer("PUT")

        def answer(self, method: str) -> None:
            data = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            day.headers = dict(self.headers)
            status, headers, body = day.answer(method, self.path, data)
            if status == "lost":
                self.connection.shutdown(socket.SHUT_RDWR)
                self.close_connection = True
                return
            content = json.dumps(body).encode()
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(content))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def bad_day() -> Iterator[tuple[BadDay, LaneServer]]:
    day = BadDay()
    with running(day) as address:
        server = LaneServer(address, "3", "a-key")
        yield day, server
        server.close()


def fill(spool: Spool, count: int) -> list[bytes]:
    frames = [f"frame {number}".encode() for number in range(count)]
    for number, data in enumerate(frames):
        spool.add(data, BEGAN + timedelta(seconds=number), "changed")
    return frames


def push_all(spool: Spool, server: LaneServer) -> Pusher:
    """Send until the spool is empty."""
    pusher = Pusher(spool, server, "yard", threading.Event())
    pusher.no_more.set()
    pusher.run()
    return pusher


def test_frames_arrive_in_order_with_their_time_and_reason(
    tmp_path: Path, open_spool: OpenSpool, bad_day: tuple[BadDay, LaneServer]
) -> None:
    day, server = bad_day
    spool = open_spool(tmp_path)
    frames = fill(spool, 3)
    pusher = push_all(spool, server)
    assert list(day.frames.items()) == list(enumerate(frames))
    assert day.headers["Captured-At"] == "2026-03-01T08:00:02+00:00"
    assert day.headers["Why-Kept"] == "changed"
    assert day.headers["Authorization"] == "Bearer a-key"
    assert day.requests == [
        "GET /v1/lanes/3/cameras/yard",
        *(f"PUT /v1/lanes/3/frames/yard/{seq}" for seq in range(3)),
    ]
    assert pusher.counts["stored"] == 3 and not len(spool)


def test_a_frame_is_sent_with_what_the_clock_that_it_was_taken_by_says_now(
    tmp_path: Path, open_spool: OpenSpool, bad_day: tuple[BadDay, LaneServer]
) -> None:
    """The machine began with a clock that was years behind, and it was set while the frame waited."""
    day, server = bad_day
    spool = open_spool(tmp_path)
    spool.add(b"taken by the wrong clock", BEGAN - timedelta(days=3000), "changed")
    push_all(spool, server)
    taken, sent = (datetime.fromisoformat(day.headers[name]) for name in ("Captured-At", "Sent-At"))
    assert timedelta(0) <= sent - taken < timedelta(minutes=5)
    spool.add(b"left by an earlier process", BEGAN, "changed")
    spool.close()
    push_all(open_spool(tmp_path), server)
    assert abs(datetime.fromisoformat(day.headers["Sent-At"]) - datetime.now(UTC)) < timedelta(minutes=5)


def test_numbers_go_on_where_the_server_says_after_the_disk_was_lost(
    tmp_path: Path, open_spool: OpenSpool, bad_day: tuple[BadDay, LaneServer]
) -> None:
    day, server = bad_day
    first = open_spool(tmp_path / "first disk")
    fill(first, 3)
    push_all(first, server)
    new = open_spool(tmp_path / "new disk")
    fill(new, 2)
    push_all(new, server)
    assert sorted(day.frames) == [0, 1, 2, 3, 4]


def test_a_frame_that_came_back_after_a_power_cut_does_not_lead_the_numbers_back(
    tmp_path: Path, open_spool: OpenSpool, bad_day: tuple[BadDay, LaneServer]
) -> None:
    """It was sent and removed, but the removal did not outlast the cut; the frames behind it were sent too."""
    day, server = bad_day
    before = open_spool(tmp_path)
    frames = fill(before, 3)
    come_back = before.promise(before.oldest(), 0).name
    push_all(before, server)
    before.close()
    (tmp_path / come_back).write_bytes(frames[0])
    after = open_spool(tmp_path)
    after.add(b"a new frame", BEGAN + timedelta(hours=1), "changed")
    pusher = push_all(after, server)
    assert day.frames == {0: frames[0], 1: frames[1], 2: frames[2], 3: b"a new frame"}
    assert pusher.counts == {"stored": 2}


@pytest.mark.parametrize("misfortune", [429, 503, 500, 502, 507, 401, 403, 404, "lost"])
def test_a_frame_is_sent_again_until_it_is_stored_and_is_stored_once(
    misfortune: int | str, tmp_path: Path, open_spool: OpenSpool, bad_day: tuple[BadDay, LaneServer]
) -> None:
    day, server = bad_day
    day.misfortunes = [(misfortune, {})]
    spool = open_spool(tmp_path)
    frames = fill(spool, 2)
    pusher = push_all(spool, server)
    assert list(day.frames.values()) == frames
    assert day.requests.count("PUT /v1/lanes/3/frames/yard/0") == 2
    assert pusher.counts["retries"] == 1
    assert pusher.reason == ""


class Patience(threading.Event):
    """Is never set, and notes how long it is waited for instead of waiting."""

    def __init__(self) -> None:
        super().__init__()
        self.waits: list[float] = []

    def wait(self, timeout: float | None = None) -> bool:
        self.waits.append(timeout or 0.0)
        return False


def test_the_wait_that_the_server_asks_for_is_kept(
    tmp_path: Path, open_spool: OpenSpool, bad_day: tuple[BadDay, LaneServer]
) -> None:
    day, server = bad_day
    soon, long_ago = (format_datetime(datetime.now(UTC) + timedelta(hours=h), usegmt=True) for h in (0.1, -1))
    day.misfortunes = [(503, {"Retry-After": asked}) for asked in ("40", soon, long_ago, "99999999", "soon")]
    spool = open_spool(tmp_path)
    fill(spool, 1)
    patience = Patience()
    pusher = Pusher(spool, server, "yard", patience)
    pusher.no_more.set()
    pusher.run()
    assert 40 <= patience.waits[0] < 42
    assert 300 < patience.waits[1] < 362
    assert 0 < patience.waits[2] < 5
    assert 900 <= patience.waits[3] < 910
    assert 0 < patience.waits[4] < 20


def test_waits_grow_to_a_minute_and_begin_short_again(
    tmp_path: Path, open_spool: OpenSpool, bad_day: tuple[BadDay, LaneServer]
) -> None:
    day, server = bad_day
    day.misfortunes = [*[(500, {})] * 12, (201, {}), (500, {})]
    spool = open_spool(tmp_path)
    fill(spool, 2)
    patience = Patience()
    pusher = Pusher(spool, server, "yard", patience)
    pusher.no_more.set()
    pusher.run()
    assert len(day.frames) == 2
    assert all(30 <= wait <= 60 for wait in patience.waits[8:12])
    assert patience.waits[12] <= 0.5


@pytest.mark.parametrize("refusal", [400, 413, 415, 422])
def test_a_frame_that_is_refused_for_good_is_set_aside_and_its_number_used_again(
    refusal: int, tmp_path: Path, open_spool: OpenSpool, bad_day: tuple[BadDay, LaneServer]
) -> None:
    day, server = bad_day
    day.misfortunes = [(201, {}), (refusal, {})]
    spool = open_spool(tmp_path)
    frames = fill(spool, 4)
    pusher = push_all(spool, server)
    assert day.frames == {0: frames[0], 1: frames[2], 2: frames[3]}
    assert pusher.counts["refused"] == 1
    picture, note = sorted((tmp_path / "refused").iterdir())
    assert picture.read_bytes() == frames[1]
    assert note.read_text() == f"{refusal}: status {refusal}\n"


def test_other_bytes_under_a_number_are_an_alarm_and_nothing_is_lost(
    tmp_path: Path, open_spool: OpenSpool, bad_day: tuple[BadDay, LaneServer], caplog: pytest.LogCaptureFixture
) -> None:
    day, server = bad_day
    spool = open_spool(tmp_path)
    frames = fill(spool, 2)
    spool.promise(spool.oldest(), 5)
    day.frames[5] = b"what another camera of the same name has sent"
    pusher = push_all(spool, server)
    assert day.frames[5] != frames[0] and day.frames[6] == frames[1]
    assert pusher.counts["conflicts"] == 1
    assert "ALARM" in caplog.text
    assert frames[0] in [path.read_bytes() for path in (tmp_path / "refused").iterdir()]


def test_a_server_that_is_away_is_waited_for(tmp_path: Path, open_spool: OpenSpool) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound but not listening: refused at once
        address = f"http://127.0.0.1:{taken.getsockname()[1]}"
        server = LaneServer(address, "3", None)
        spool = open_spool(tmp_path)
        fill(spool, 2)
        stop = threading.Event()
        pusher = Pusher(spool, server, "yard", stop)
        thread = threading.Thread(target=pusher.run)
        thread.start()
        end = time.monotonic() + 60
        while pusher.counts["retries"] < 3:
            assert time.monotonic() < end
            time.sleep(0.02)
        stop.set()
        thread.join()
        server.close()
    assert "does not answer" in pusher.reason
    assert len(spool) == 2


def test_a_slow_proxy_that_answers_pages_is_no_server(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        server = LaneServer(f"http://127.0.0.1:{taken.getsockname()[1]}", "3", None)
        with pytest.raises(ServerUnreachableError):
            server.ask_camera("yard")
        server.close()


def test_a_key_is_read_from_its_file_or_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOADLENS_KEY", "from-the-environment")
    file = tmp_path / "key"
    file.write_text("from-the-file\n")
    assert read_key(file) == "from-the-file"
    assert read_key(None) == "from-the-environment"
    file.write_text("two words")
    with pytest.raises(Exception, match="holds no key"):
        read_key(file)
    with pytest.raises(Exception, match="cannot be read"):
        read_key(tmp_path / "absent")


def test_a_frame_changed_on_the_disk_is_never_sent_twice_under_one_number(
    tmp_path: Path, open_spool: OpenSpool, bad_day: tuple[BadDay, LaneServer]
) -> None:
    """The answer is lost, and meanwhile the disk spoils the bytes: the server knows the number with other bytes."""
    day, server = bad_day
    spool = open_spool(tmp_path)
    fill(spool, 1)
    promised = spool.promise(spool.oldest(), 0)
    server.put_frame("yard", 0, spool.read(promised), promised)
    (tmp_path / promised.name).write_bytes(b"spoiled")
    pusher = push_all(spool, server)
    assert pusher.counts["conflicts"] == 1
    assert hashlib.sha256(day.frames[0]).digest() == hashlib.sha256(b"frame 0").digest()
