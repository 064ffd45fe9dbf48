"""Databases and stores stop and come back, and disks fill up: nothing acknowledged is lost, and nobody restarts us."""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest

pytestmark = pytest.mark.timeout(1200)

PLACE = "/v1/loads/load-1"


class PostgresqlServer:
    """A PostgreSQL of the test's own, which it may stop."""

    def __init__(self, programs, folder, port):
        # It refuses to run as root.
        self._as = {"user": "postgres", "group": "postgres", "extra_groups": []} if os.getuid() == 0 else {}
        self._programs, self._folder, self._port = programs, folder, port
        if self._as:
            shutil.chown(folder, "postgres", "postgres")
        kind = ["--encoding=UTF8", "--locale=C", "--auth=trust", "--username=yard", "--no-sync"]
        subprocess.run([programs / "initdb", "-D", folder / "data", *kind], check=True, capture_output=True, **self._as)
        self.url = f"postgresql://yard@127.0.0.1:{port}/postgres"
        self.start()

    def start(self):
        listen = ["-h", "127.0.0.1", "-p", str(self._port), "-k", str(self._folder)]
        with (self._folder / "log").open("a") as log:
            command = [self._programs / "postgres", "-D", self._folder / "data", *listen]
            self._process = subprocess.Popen(command, stdout=log, stderr=log, **self._as)
        answers = [self._programs / "pg_isready", "-h", "127.0.0.1", "-p", str(self._port)]
        while subprocess.run(answers, capture_output=True, check=False).returncode != 0:
            assert self._process.poll() is None
            time.sleep(0.1)

    def stop(self, how=signal.SIGINT):
        """SIGINT ends every connection at once; SIGQUIT is a crash, after which the log is played back."""
        self._process.send_signal(how)
        self._process.wait()


@pytest.fixture
def postgresql_server(absent, free_port):
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not found:
        absent("postgresql", "there is no /usr/lib/postgresql/*/bin/initdb")
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        running = PostgresqlServer(found[-1].parent, Path(folder), free_port)
        yield running
        running.stop()


@pytest.fixture
def new_server(model_file, server_kind, tmp_path):
    """Start a server in a folder of its own."""
    running = []

    def start(name, environment=()):
        (tmp_path / name).mkdir(exist_ok=True)
        running.append(server_kind(tmp_path / name / "data", model_file, dict(environment)))
        return running[-1]

    yield start
    for server in running:
        if server.process.returncode is None:
            server.stop()


@pytest.mark.long
def test_a_database_and_a_store_that_stop_and_come_back_cost_nothing(
    new_server, postgresql_server, own_object_server, shots
):
    places = {"LOADLENS_DATABASE": postgresql_server.url, "LOADLENS_STORE": "s3://yard"}
    server = new_server("disturbed", own_object_server.environment | places)
    assert server.http.post("/v1/loads", json={"id": "load-1"}).status_code == 201
    told, stored = [], []

    def send(shot):
        """As a camera does: again and again, until the frame is acknowledged."""
        end = time.monotonic() + 600
        while time.monotonic() < end:
            answer = server.http.put(
                f"{PLACE}/frames/yard/{shot.seq}", content=shot.jpeg, headers={"Captured-At": shot.captured_at}
            )
            told.append(answer.status_code)
            if answer.status_code != 503:
                stored.append((shot.seq, answer.json().get("sha256")))
                return answer.status_code
            assert int(answer.headers["Retry-After"]) > 0
            time.sleep(0.2)
        raise AssertionError(told)

    def without(stop, start, some):
        """Send frames while something is away, until four were turned away; it comes back, and all are taken."""
        stop()
        sent, known, end = [cameras.submit(send, shot) for shot in some], told.count(503), time.monotonic() + 600
        while told.count(503) < known + 4:
            assert time.monotonic() < end, told
            time.sleep(0.05)
        assert server.http.get("/readyz").status_code == 503
        assert server.http.get("/healthz").status_code == 200
        start()
        return [frame.result() for frame in sent]

    with ThreadPoolExecutor(4) as cameras:
        crash = partial(postgresql_server.stop, signal.SIGQUIT)
        answers = [*cameras.map(send, shots[:12])]
        answers += without(crash, postgresql_server.start, shots[12:24])
        answers += without(own_object_server.kill, own_object_server.start, shots[24:36])
        answers += without(postgresql_server.stop, postgresql_server.start, shots[36:])
    assert set(told) <= {200, 201, 503}
    assert len(answers) == len(stored) == len(shots)
    assert server.http.get(PLACE).json()["frames"]["stored"] == len(shots)
    assert server.http.post(f"{PLACE}/close?wait=true").status_code == 200
    after = server.http.get(f"{PLACE}/assessment").content
    assert server.http.get("/readyz").status_code == 200
    assert server.process.poll() is None
    server.stop()

    undisturbed = new_server("undisturbed")
    undisturbed.http.post("/v1/loads", json={"id": "load-1"})
    for shot in shots:
        undisturbed.load = "load-1"
        undisturbed.put(shot)
    assert undisturbed.close().content == after
    undisturbed.stop()


@contextmanager
def small_disk(folder, size):
    """A file system of its own with room for so many bytes."""
    folder.mkdir(parents=True)
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", folder], check=False)
    if mounted.returncode != 0:
        pytest.skip("only root may mount a small disk")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


def test_a_full_disk_is_told_and_nothing_is_half_written(new_server, shots, tmp_path):
    # The log of the server lies beside its data folder, on the larger disk.
    with small_disk(tmp_path / "full" / "data", 24 * 2**20) as data:
        server = new_server("full", {"LOADLENS_MIN_FREE_BYTES": "0"})
        server.open_load()
        kept, refused = [], []
        filler = data / "filler"
        for shot in shots:
            if shot.seq == 10:
                with filler.open("wb", buffering=0) as file, pytest.raises(OSError, match="No space"):
                    while True:
                        file.write(b"\0" * 1024)
            answer = server.put(shot)
            assert answer.status_code in (201, 507), answer.text
            (kept if answer.status_code == 201 else refused).append(shot)
        assert refused
        assert "full" in answer.json()["detail"]
        assert server.http.get(f"/v1/loads/{server.load}").json()["frames"]["stored"] == len(kept)
        assert list((data / "blobs" / "incoming").iterdir()) == []
        filler.unlink()
        for shot in refused:
            assert server.put(shot).status_code == 201
        server.kill_and_restart()
        report = server.close()
        assert report.status_code == 200
        assert report.json()["load"]["frames_seen"] == len(shots)
        server.stop()
