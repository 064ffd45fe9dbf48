"""A server of its own for a demo, in a process of its own, with a key for the machines that it simulates."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2

from loadlens.serving.errors import CommandError

LOADLENS = (sys.executable, "-m", "loadlens.serving.cli")
_READY_WITHIN_S = 60


def new_key(data: Path) -> str:
    """A key for the machines of the demo, as a yard makes one."""
    command = [*LOADLENS, "keys", "add", "--role", "manager", "--name", "demo", "--days", "1", "--data", str(data)]
    made = subprocess.run(command, capture_output=True, text=True, check=False)
    if made.returncode != 0:
        raise CommandError(f"no key could be made: {made.stderr.strip()}")
    return made.stdout.strip()


@contextmanager
def server(data: Path, key: str) -> Iterator[str]:
    """A server of its own on a free port; gives its address once it is ready, and ends it afterwards."""
    log = data / "server.log"
    command = [*LOADLENS, "serve", "--host", "127.0.0.1", "--port", "0", "--data", str(data)]
    with log.open("w") as errors:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True)
    try:
        words = process.stdout.readline().split() if process.stdout else []
        if not words:
            raise CommandError(f"the server did not start: {log.read_text(encoding='utf-8').strip()}")
        _wait_until_ready(words[-1], key, process)
        yield words[-1]
    finally:
        process.terminate()
        process.communicate()


def _wait_until_ready(address: str, key: str, process: subprocess.Popen[str]) -> None:
    end, why = time.monotonic() + _READY_WITHIN_S, "it has ended"
    with client(address, key) as http:
        while process.poll() is None and time.monotonic() < end:
            try:
                answer = http.get("/readyz")
            except httpx2.TransportError as error:
                why = str(error)
            else:
                if answer.status_code == 200:
                    return
                why = answer.json()["detail"]
                if "could not" in why:
                    break
            time.sleep(0.1)
    raise CommandError(f"the server is not ready: {why}")


def client(address: str, key: str) -> httpx2.Client:
    """A client of a server of our own."""
    # A proxy of the site must not stand between us and our own server.
    return httpx2.Client(base_url=address, timeout=60, trust_env=False, headers={"Authorization": f"Bearer {key}"})


def get(http: httpx2.Client, place: str) -> httpx2.Response:
    """What is at a place. Raises CommandError where it is not answered so."""
    return ask(http, "GET", place, 200)


def ask(http: httpx2.Client, method: str, place: str, expected: int, **more: Any) -> httpx2.Response:
    """One request. Raises CommandError where it is not answered as expected."""
    answer = http.request(method, place, **more)
    if answer.status_code != expected:
        raise CommandError(f"{method} {place} was answered {answer.status_code}: {answer.text}")
    return answer
