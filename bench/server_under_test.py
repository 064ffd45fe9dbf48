"""A real server over a folder of its own, with what the operating system says of it; for the other scripts here."""

import os
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any

import httpx2

BEGAN = datetime(2026, 3, 1, 8, tzinfo=UTC)
# One thread a picture, as a bare loop has: what is compared is work, not cores.
LOADLENS = (sys.executable, "-m", "loadlens.serving.cli")
ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENCV_FOR_THREADS_NUM": "1"}


class ServerUnderTest:
    """Started over `folder`, on any free port; use as a context manager. `settings` are those of the server."""

    def __init__(self, folder: Path, *, port: int = 0, **settings: object) -> None:
        environment = {f"LOADLENS_{name.upper()}": str(value) for name, value in settings.items()}
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._data = ("--data", str(folder / "data"))
        self._key = self.add_key("manager")
        with (folder / "server.log").open("a") as log:
            self.process = subprocess.Popen(
                [*LOADLENS, "serve", "--port", str(port), *self._data],
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                env={**os.environ, **ONE_THREAD, **environment},
            )
        words = self.process.stdout.readline().split() if self.process.stdout else []
        if not words:
            raise SystemExit(f"the server did not start; see {folder / 'server.log'}")
        self.address = words[-1]
        self.http = self.client()
        while self.http.get("/readyz").status_code != 200:
            time.sleep(0.1)

    def __enter__(self) -> "ServerUnderTest":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.http.close()
        self.process.terminate()
        self.process.communicate()

    def add_key(self, role: str) -> str:
        """A new key for a machine of this role."""
        return self.run("keys", "add", "--role", role).split()[-1]

    def run(self, *arguments: str) -> str:
        """What a command says that works on the data of this server."""
        command = [*LOADLENS, *arguments, *self._data]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout

    def client(self) -> httpx2.Client:
        """Another client of this server."""
        return httpx2.Client(
            base_url=self.address, timeout=600, trust_env=False, headers={"Authorization": f"Bearer {self._key}"}
        )

    def open_load(self, load: str) -> None:
        """Open a load."""
        self.ask("POST", "/v1/loads", 201, json={"id": load})

    def send(self, http: httpx2.Client, load: str, seq: int, jpeg: bytes, time_s: float) -> httpx2.Response:
        """PUT one frame, taken so many seconds after the first."""
        headers = {"Captured-At": (BEGAN + timedelta(seconds=time_s)).isoformat()}
        return http.put(f"/v1/loads/{load}/frames/yard/{seq}", content=jpeg, headers=headers)

    def ask(self, method: str, place: str, expected: int, **more: Any) -> httpx2.Response:
        """One request that must succeed."""
        answer = self.http.request(method, place, **more)
        if answer.status_code != expected:
            raise SystemExit(f"{method} {place}: {answer.status_code} {answer.text}")
        return answer

    def figures(self) -> dict[str, float]:
        """Every series of /metrics."""
        lines = self.ask("GET", "/metrics", 200).text.splitlines()
        return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines if line[0] != "#")}

    def wait_until_graded(self) -> None:
        """Return once every stored frame was looked at."""
        while self.figures()["loadlens_frames_ungraded"]:
            time.sleep(0.2)

    def cpu_s(self) -> float:
        """CPU seconds, user and system, that the server has used so far."""
        stat = Path(f"/proc/{self.process.pid}/stat").read_text(encoding="ascii")
        user, system = stat.rpartition(")")[2].split()[11:13]
        return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")

    def memory_mb(self) -> float:
        """Resident memory of the server in MB."""
        status = Path(f"/proc/{self.process.pid}/status").read_text(encoding="ascii")
        return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS:")) / 1024
