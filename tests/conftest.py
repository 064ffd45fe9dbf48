"""What all tests share: the real photos, and real servers of databases and objects."""

import json
import os
import shutil
import socket
import subprocess
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import NoReturn

import obstore
import psycopg
import pytest
from obstore.store import S3Store

PROJECT = Path(__file__).resolve().parent.parent
BACK_ENDS = ("sqlite", "postgresql")


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
    """A port that nothing listens on."""
    with closing(socket.socket()) as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


@pytest.fixture
def free_port() -> int:
    return a_free_port()


@pytest.fixture(scope="session")
def new_postgresql() -> Iterator[Callable[..., str]]:
    """Make an empty database on the PostgreSQL of PGHOST, or of this machine; gives its URL. It is thrown away."""
    host, user = os.environ.get("PGHOST", "127.0.0.1"), os.environ.get("PGUSER", "postgres")
    try:
        server = psycopg.connect(host=host, user=user, dbname="postgres", autocommit=True, connect_timeout=5)
    except psycopg.OperationalError as error:
        absent("postgresql", str(error).splitlines()[0])
    made = []

    def make(kind: str = "LOCALE 'C'") -> str:
        made.append(f"loadlens_test_{uuid.uuid4().hex}")
        server.execute(f"CREATE DATABASE {made[-1]} TEMPLATE template0 ENCODING 'UTF8' {kind}")
        return f"postgresql+psycopg://{user}@{host}:{server.info.port}/{made[-1]}"

    yield make
    for name in made:
        server.execute(f"DROP DATABASE {name} WITH (FORCE)")
    server.close()


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
        obstore.put(store, "ready", b"it keeps objects in this bucket")

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


@pytest.fixture(params=BACK_ENDS)
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database, of each kind in turn."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'loads.sqlite'}"
    make: Callable[[], str] = request.getfixturevalue("new_postgresql")
    return make()
