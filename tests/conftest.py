"""What all tests share: the real photos; real servers of databases and objects; and a server of ours in a process of
its own, with a small real model that sees by colour, and a short rendered load."""

import fcntl
import gc
import itertools
import json
import multiprocessing
import os
import pickle
import random
import runpy
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import uuid
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache, partial
from multiprocessing import forkserver
from pathlib import Path
from typing import NoReturn

import cv2
import httpx2
import numpy as np
import obstore
import onnx
import psycopg
import pytest
from hypothesis import settings
from obstore.exceptions import BaseError
from obstore.store import S3Store
from onnx import TensorProto, helper, numpy_helper
from sqlalchemy import make_url

from loadlens.datasets.procedural import ProceduralTextures
from loadlens.datasets.yard import ClipSpec, render_clip
from loadlens.grading.observation import AreaError
from loadlens.serving.jpeg import encode_jpeg
from loadlens.serving.store.database import open_database
from loadlens.vision.metadata import METADATA_KEY, ModelMetadata

PROJECT = Path(__file__).resolve().parent.parent
BACK_ENDS = ("sqlite", "postgresql")
# How long an example takes says how busy the machine is, nothing of what is tested.
settings.register_profile("loadlens", deadline=None)
settings.load_profile("loadlens")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long tests may take ten minutes on a busy machine, so none is to be begun when all others are about to end. Every
    worker begins with a row of neighbours, and each row with its share of the long ones. Those on a Ray cluster stay
    together, so that one worker has them all and starts one cluster."""
    on_ray = [item for item in items if "cluster" in getattr(item, "fixturenames", ())]
    long = [item for item in items if item.get_closest_marker("long")]
    others = [item for item in items if item not in long and item not in on_ray]
    for item in long:
        if not item.get_closest_marker("timeout"):
            item.add_marker(pytest.mark.timeout(1200))
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    begun_with = [on_ray, *([item] for item in long if item not in on_ray)]
    row = len(others) // workers + 1
    items.clear()
    for number in range(workers):
        items += itertools.chain.from_iterable(begun_with[number::workers])
        items += others[number * row : (number + 1) * row]


def pytest_collection_finish() -> None:
    """What was imported stays: to look through it for garbage takes a worker half a second each time."""
    gc.freeze()


@pytest.fixture(scope="session")
def photos() -> Path:
    """The folder of real photos beside the project; a test that needs it is skipped where it is absent."""
    folder = PROJECT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("no real photos beside the project (../shared/data)")
    return folder


def absent(service: str, why: str) -> NoReturn:
    """Skip a test whose service is not here; fail it where REQUIRED_SERVICES names the service, as CI does."""
    if service in os.environ.get("REQUIRED_SERVICES", "").split(","):
        pytest.fail(f"{service} is required and not here: {why}")
    pytest.skip(f"needs {service}: {why}")


@pytest.fixture(scope="session", name="absent")
def _absent() -> Callable[[str, str], NoReturn]:
    """To be called as `absent("mqtt", "no mosquitto is installed")` by a test that finds no such service."""
    return absent


def a_free_port() -> int:
    """A port that nothing listens on.

    It lies below those that Linux gives to connections going out (32768 and up): between this call and the server's
    own, or while a test has its server stopped, none of the many connections of other tests takes it.
    """
    while True:
        port = random.SystemRandom().randrange(16_384, 32_768)
        with closing(socket.socket()) as one, suppress(OSError):
            one.bind(("127.0.0.1", port))
            return port


@pytest.fixture
def free_port() -> int:
    return a_free_port()


@pytest.fixture(scope="module")
def shared_port() -> int:
    """A free port for the server of a module that has to know its own address."""
    return a_free_port()


@pytest.fixture(scope="session")
def new_postgresql() -> Iterator[Callable[..., str]]:
    """Make a database on the PostgreSQL of PGHOST, or of this machine; gives its URL. It is a copy `of` another one,
    empty without; it is thrown away."""
    host, user = os.environ.get("PGHOST", "127.0.0.1"), os.environ.get("PGUSER", "postgres")
    try:
        server = psycopg.connect(host=host, user=user, dbname="postgres", autocommit=True, connect_timeout=5)
    except psycopg.OperationalError as error:
        absent("postgresql", str(error).splitlines()[0])
    made = []

    def make(kind: str = "LOCALE 'C'", *, of: str = "template0") -> str:
        made.append(f"loadlens_test_{uuid.uuid4().hex}")
        server.execute(f"CREATE DATABASE {made[-1]} TEMPLATE {of} ENCODING 'UTF8' {kind}")
        return f"postgresql+psycopg://{user}@{host}:{server.info.port}/{made[-1]}"

    def drop(name: str) -> None:
        with psycopg.connect(host=host, user=user, dbname="postgres", autocommit=True) as connection:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")

    yield make
    server.close()
    # Each waits for a checkpoint; together they wait for the same one.
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(drop, made))


@pytest.fixture(scope="session")
def new_records(new_postgresql: Callable[..., str]) -> Callable[[], str]:
    """Make a database on PostgreSQL that holds nothing yet and whose schema is up to date; gives its URL.

    It is a copy: to bring each of them up to date by itself takes many times as long.
    """
    first = new_postgresql()
    open_database(first).dispose()
    return partial(new_postgresql, of=make_url(first).database)


@cache
def no_records() -> bytes:
    """The same as a file of SQLite."""
    with tempfile.TemporaryDirectory() as folder:
        open_database(f"sqlite:///{folder}/loads.sqlite").dispose()
        return Path(folder, "loads.sqlite").read_bytes()


class ObjectServer:
    """A real S3 server (SeaweedFS) that can be killed and started again over the same data."""

    def __init__(self, program: str, folder: Path) -> None:
        port = {name: a_free_port() for name in ("master", "volume", "filer", "s3")}
        self.environment = {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port['s3']}",
            "AWS_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "yard",
            "AWS_SECRET_ACCESS_KEY": "secret",
        }
        keys = {"name": "yard", "credentials": [{"accessKey": "yard", "secretKey": "secret"}], "actions": ["Admin"]}
        (folder / "keys.json").write_text(json.dumps({"identities": [keys]}))
        (folder / "data").mkdir()
        self._log = folder / "log"
        self._command = [
            *(program, "server", f"-dir={folder / 'data'}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1"),
            *("-volume.max=40", "-master.volumeSizeLimitMB=64", "-master.telemetry=false"),
            *("-filer", "-s3", f"-s3.config={folder / 'keys.json'}", "-s3.iam=false"),
            *("-s3.port.iceberg=0", "-s3.port.lance=0"),  # else two servers on one machine meet at fixed ports
            *(f"-{name}.port={number}" for name, number in port.items()),
            *(f"-{name}.port.grpc={a_free_port()}" for name in port),
        ]

    def start(self) -> None:
        """Start and wait until an object is kept."""
        with self._log.open("a") as log:
            self._process = subprocess.Popen(self._command, stdout=log, stderr=log)
        config = {name.lower(): value for name, value in self.environment.items()}
        patience = {"max_retries": 1000, "backoff": {"max_backoff": timedelta(seconds=1)}}  # three minutes
        store = S3Store("yard", config=config, client_options={"allow_http": True}, retry_config=patience)
        try:
            obstore.put(store, "ready", b"it keeps objects in this bucket")
        except BaseError as error:
            told = "\n".join(self._log.read_text().splitlines()[-30:])
            raise RuntimeError(
                f"SeaweedFS does not answer; exit status {self._process.poll()}; it said:\n{told}"
            ) from error

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()


@contextmanager
def _object_server(folder: Path) -> Iterator[ObjectServer]:
    program = shutil.which("weed", path=f"{PROJECT / '.venv/servers/bin'}:{os.environ['PATH']}")
    if program is None:
        absent("s3", "SeaweedFS is not installed; `make .venv/servers` does it")
    running = ObjectServer(program, folder)
    try:
        running.start()
        yield running
    finally:
        running.kill()


@pytest.fixture(scope="session")
def object_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ObjectServer]:
    """One S3 server for all tests that do not stop it."""
    with _object_server(tmp_path_factory.mktemp("s3")) as running:
        yield running


@pytest.fixture
def own_object_server(tmp_path: Path) -> Iterator[ObjectServer]:
    """An S3 server that a test may stop."""
    with _object_server(tmp_path) as running:
        yield running


@pytest.fixture
def new_sqlite(tmp_path: Path) -> Callable[[str], str]:
    """Make a file of SQLite that holds nothing yet and whose schema is up to date; gives its URL."""

    def make(name: str) -> str:
        (tmp_path / name).write_bytes(no_records())
        return f"sqlite:///{tmp_path / name}"

    return make


@pytest.fixture(params=BACK_ENDS)
def bare_database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database that has not even a schema, of each kind in turn."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'loads.sqlite'}"
    make: Callable[[], str] = request.getfixturevalue("new_postgresql")
    return make()


@pytest.fixture(params=BACK_ENDS)
def database_url(request: pytest.FixtureRequest, new_sqlite: Callable[[str], str]) -> str:
    """A database that holds nothing yet and whose schema is up to date, of each kind in turn."""
    make: Callable[[], str] = (
        partial(new_sqlite, "loads.sqlite") if request.param == "sqlite" else request.getfixturevalue("new_records")
    )
    return make()


STRIDE = 32
CLASSES = ("turnings", "shredded", "wood", "gas_cylinder", "ground")
ABOUT = ModelMetadata(
    name="by-colour",
    version="1",
    class_ids=CLASSES,
    stride=STRIDE,
    trained_width=960,
    calibration={"method": "none"},
    conformal={},
    conformal_level=0.9,
    hazard_thresholds={"gas_cylinder": 0.5},
    hazard_recall={"gas_cylinder": 1.0},
    unsure_below=0.3,
    ood_threshold=None,
    area_error=AreaError({}, default_sd=0.02, level=0.9, low_quantile=-1.5, high_quantile=1.8, n=60),
    data_digest="d" * 64,
    config_digest="c" * 64,
    metrics={},
    software="0.1.0",
)
BEGAN = datetime(2026, 3, 1, 8, tzinfo=UTC)


@pytest.fixture(scope="session")
def model_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Red is a gas cylinder, green is wood, blue is ground, anything else turnings."""
    # Rows: how red, green and blue count for each class, then its bias.
    table = np.array(
        [(0, 0, 0, 3), (0, 0, 0, 1), (-12, 24, -12, 0), (30, -15, -15, -4), (-12, -12, 24, 0)],
        np.float32,
    )
    weights = np.broadcast_to(table[:, :3, None, None], (5, 3, STRIDE, STRIDE)) / (255 * STRIDE * STRIDE)
    nodes = [
        helper.make_node("Cast", ["image"], ["float"], to=TensorProto.FLOAT),
        helper.make_node("Transpose", ["float"], ["planes"], perm=[0, 3, 1, 2]),
        helper.make_node("Conv", ["planes", "weights", "bias"], ["logits"], strides=[STRIDE, STRIDE]),
        helper.make_node("Softmax", ["logits"], ["surface"], axis=1),
    ]
    graph = helper.make_graph(
        nodes,
        "surface",
        [helper.make_tensor_value_info("image", TensorProto.UINT8, ["n", "h", "w", 3])],
        [helper.make_tensor_value_info("surface", TensorProto.FLOAT, ["n", 5, "gh", "gw"])],
        [
            numpy_helper.from_array(np.ascontiguousarray(weights, np.float32), "weights"),
            numpy_helper.from_array(table[:, 3].copy(), "bias"),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=10)
    helper.set_model_props(model, {METADATA_KEY: ABOUT.to_json()})
    file = tmp_path_factory.mktemp("model") / "by-colour.onnx"
    onnx.save(model, file)
    return file


@dataclass(frozen=True)
class Shot:
    """One frame as a camera sends it."""

    seq: int
    jpeg: bytes
    captured_at: str


@pytest.fixture(scope="session")
def made_once(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, Callable[[Path], object]], Path]:
    """Make a file once for all workers: `made_once("clip", write)` calls `write` with its path unless another worker
    has made it, and waits where one is about to."""
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent

    def get(name: str, write: Callable[[Path], object]) -> Path:
        file, unfinished = folder / name, folder / f"{name}.part"
        with (folder / f"{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not file.exists():
                write(unfinished)
                unfinished.rename(file)
        return file

    return get


def _unloading(file: Path) -> None:
    clip = render_clip(ClipSpec(seed=3, size=(272, 480), fps=4, seconds=12, hazard=False), ProceduralTextures())
    x, y, w, h = clip.bed
    taken = []
    for time_s, rgb in clip.frames():
        picture = rgb.copy()
        if time_s >= 5:
            cv2.rectangle(picture, (x + w // 2, y + h // 3), (x + w // 2 + 60, y + h // 3 + 60), (250, 0, 0), -1)
        taken.append((time_s, encode_jpeg(picture, 90)))
    file.write_bytes(pickle.dumps(taken))


@pytest.fixture(scope="session")
def shots(made_once: Callable[[str, Callable[[Path], object]], Path]) -> list[Shot]:
    """Twelve seconds of an unloading; from the fifth second on something red lies in the bed."""
    taken = pickle.loads(made_once("unloading", _unloading).read_bytes())
    return [
        Shot(seq, jpeg, (BEGAN + timedelta(seconds=time_s)).isoformat()) for seq, (time_s, jpeg) in enumerate(taken)
    ]


# Importing a server and working out its routes takes seconds of processor time, and the tests start hundreds: they are
# forked from a process that has done so. What a command that is started anew does is the matter of other tests (the
# demo's, for one).
FORKING = multiprocessing.get_context("forkserver")


@cache
def start_forking() -> None:
    """Start the process that servers and commands are forked from."""
    FORKING.set_forkserver_preload(["preloaded"])
    with pytest.MonkeyPatch.context() as surroundings:
        surroundings.setenv("PYTHONPATH", str(PROJECT / "tests"), prepend=os.pathsep)
        forkserver.ensure_running()


class Forked:
    """A running `loadlens` in this `environment`, with the face of a subprocess.Popen; stderr is added to `log`."""

    def __init__(self, arguments: Sequence[object], environment: Mapping[str, str], log: Path) -> None:
        ours, theirs = FORKING.Pipe(duplex=False)
        given = {
            "arguments": [str(argument) for argument in arguments],
            "environment": dict(environment),
            "out": theirs,
            "log": str(log),
        }
        run = (str(PROJECT / "tests/forked.py"), given, "__main__")
        start_forking()
        self._process = FORKING.Process(target=runpy.run_path, args=run, daemon=True)
        self._process.start()
        theirs.close()
        self.stdout = os.fdopen(os.dup(ours.fileno()), encoding="utf-8")
        ours.close()
        self.pid = self._process.pid

    @property
    def returncode(self) -> int | None:
        return self._process.exitcode

    def poll(self) -> int | None:
        return self._process.exitcode

    def wait(self, timeout: float | None = None) -> int:
        self._process.join(timeout)
        if self._process.exitcode is None:
            raise subprocess.TimeoutExpired("loadlens", timeout or 0)
        return self._process.exitcode

    def send_signal(self, number: signal.Signals) -> None:
        if self._process.exitcode is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


def run_forked(
    arguments: Sequence[object], environment: Mapping[str, str], log: Path
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end; what was in `log` gives way to its stderr."""
    log.unlink(missing_ok=True)
    running = Forked(arguments, environment, log)
    with running.stdout:
        said = running.stdout.read()
    return subprocess.CompletedProcess(arguments, running.wait(), said, log.read_text(encoding="utf-8"))


@pytest.fixture(scope="session")
def start_command() -> type[Forked]:
    """For a test of a command that goes on until it is stopped."""
    return Forked


@pytest.fixture
def run_command(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run a command to its end, in the surroundings of the tests but for the settings of a server."""
    outside = {name: value for name, value in os.environ.items() if not name.startswith("LOADLENS_")}
    return lambda *arguments: run_forked(arguments, outside, tmp_path.with_suffix(".command.log"))


@dataclass
class Server:
    """A server that can be killed and started again over the same data folder.

    `http` comes with a manager's key; `http_as` gives a client for any other role.
    """

    data: Path
    model: Path
    environment: dict[str, str] = field(default_factory=dict)
    numbers: Iterator[int] = field(default_factory=partial(itertools.count, 1))
    key: str = ""

    def __post_init__(self) -> None:
        self.clients: list[httpx2.Client] = []
        if not self.data.exists() and "LOADLENS_DATABASE" not in self.environment:
            self.data.mkdir(parents=True)
            (self.data / "loadlens.sqlite").write_bytes(no_records())
        self.key = self.key or self.add_key("manager")
        self.start()

    @property
    def log(self) -> Path:
        """Where the server's stderr goes."""
        return self.data.with_suffix(".log")

    def logged(self) -> list[dict[str, object]]:
        """Every line of a server that was started with log_format="json"."""
        return [json.loads(line) for line in self.log.read_text(encoding="utf-8").splitlines()]

    @property
    def database_url(self) -> str:
        """Where its records are, for a test that looks at them behind the server's back."""
        return self.environment.get("LOADLENS_DATABASE", f"sqlite:///{self.data / 'loadlens.sqlite'}")

    def command(
        self, *arguments: object, without: Sequence[str] = (), **environment: str
    ) -> subprocess.CompletedProcess[str]:
        """Run a command to its end with this server's settings, others added or left out."""
        surroundings = {**os.environ, **self.environment, **environment}
        kept = {name: value for name, value in surroundings.items() if name not in without}
        return run_forked(arguments, kept, self.data.with_suffix(".command.log"))

    def run(self, *arguments: str) -> str:
        """Run a command offline on this server's records, as an operator does; returns what it prints."""
        done = self.command(*arguments, "--data", self.data)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def add_key(self, role: str, *more: str) -> str:
        """Make a key offline; `more` are options of `loadlens keys add`."""
        return self.run("keys", "add", "--role", role, *more)

    def http_with(self, key: str | None) -> httpx2.Client:
        """A client with this key, or with none; it is closed when the server stops."""
        headers = {} if key is None else {"Authorization": f"Bearer {key}"}
        self.clients.append(httpx2.Client(base_url=self.address, timeout=60, trust_env=False, headers=headers))
        return self.clients[-1]

    def http_as(self, role: str, *more: str) -> httpx2.Client:
        return self.http_with(self.add_key(role, *more))

    def start(self, ready: int = 200) -> None:
        """Start the process; /readyz says 200 once the model is loaded, or 503 where something else is amiss."""
        command = ["serve", "--data", self.data, "--model", self.model]
        self.process = Forked(command, {**os.environ, "LOADLENS_PORT": "0", **self.environment}, self.log)
        self.address = self.process.stdout.readline().split()[-1]
        self.http = self.http_with(self.key)
        while self.http.get("/readyz").status_code != ready:
            time.sleep(0.05)

    def stop(self, by: signal.Signals = signal.SIGTERM) -> None:
        for client in self.clients:
            client.close()
        self.clients.clear()
        self.process.send_signal(by)
        self.process.send_signal(signal.SIGCONT)  # one that a failed test left stopped would never end
        self.process.wait()
        self.process.stdout.close()

    def kill_and_restart(self) -> None:
        self.stop(signal.SIGKILL)
        self.start()

    def open_load(self, **particulars: object) -> str:
        """Open the load that the other methods are about; returns its place."""
        self.load = f"load-{next(self.numbers)}"
        assert self.http.post("/v1/loads", json={"id": self.load, **particulars}).status_code == 201
        return f"/v1/loads/{self.load}"

    def put(self, shot: Shot, camera: str = "yard") -> httpx2.Response:
        return self.http.put(
            f"/v1/loads/{self.load}/frames/{camera}/{shot.seq}",
            content=shot.jpeg,
            headers={"Captured-At": shot.captured_at},
        )

    def close(self, **body: object) -> httpx2.Response:
        return self.http.post(f"/v1/loads/{self.load}/close", params={"wait": "true"}, json=body)


@pytest.fixture(scope="session")
def server_kind() -> type[Server]:
    """For a test that puts its servers together itself."""
    return Server


@pytest.fixture(scope="module", params=["box", "site"])
def new_place(request: pytest.FixtureRequest) -> Callable[[], dict[str, str]]:
    """Where a new server keeps everything, as variables of its environment: on one box all in its data folder, on a
    site in a PostgreSQL and an S3 store."""
    if request.param == "box":
        return dict
    new_records = request.getfixturevalue("new_records")
    keys = request.getfixturevalue("object_server").environment

    def make() -> dict[str, str]:
        store = f"s3://yard/{uuid.uuid4().hex}"
        return {**keys, "LOADLENS_DATABASE": new_records(), "LOADLENS_STORE": store}

    return make


@pytest.fixture
def serve(model_file: Path, new_place: Callable[[], dict[str, str]], tmp_path: Path) -> Iterator[Callable[..., Server]]:
    """Start a server over a folder of its own; keywords are settings."""
    running: list[Server] = []
    places: defaultdict[str, dict[str, str]] = defaultdict(new_place)

    def start(folder: str = "data", **settings: object) -> Server:
        environment = {f"LOADLENS_{name.upper()}": str(value) for name, value in settings.items()} | places[folder]
        running.append(Server(tmp_path / folder, model_file, environment))
        return running[-1]

    yield start
    for server in running:
        server.stop()


@pytest.fixture(scope="session")
def make_server() -> type[Server]:
    """For a module that needs a server with settings of its own; it stops what it starts."""
    return Server


@pytest.fixture(scope="module")
def server(
    model_file: Path, new_place: Callable[[], dict[str, str]], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    """One running server, shared by the tests of a module; each opens a load of its own."""
    running = Server(tmp_path_factory.mktemp("shared") / "data", model_file, new_place())
    yield running
    running.stop()
