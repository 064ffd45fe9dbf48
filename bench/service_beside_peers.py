"""What a frame costs in our service, stored and on the record, beside services that only answer.

    python bench/service_beside_peers.py [--rounds 3] [--frames 200]

LitServe and a FastAPI service with uploads look at every frame by the same model and keep nothing. Ours stores the
frame, says so when it is durable, watches it, and asks the model only where the surface may be new: what is compared is
what a site would run, not two ways to call a model. The cost of a look stands beside it. CPU seconds of the server's
processes, never of the sender.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import httpx2
import psutil
from figures import ONE_THREAD, Figure, figure, interleaved, ratio, show
from load_held import render, unload
from picture_to_grid import shipped
from server_under_test import ServerUnderTest

from loadlens.vision.model import load_model

PEERS = Path(__file__).parent / "peers"
PORT = 8731


@contextmanager
def peer(script: str, port: int) -> Iterator[psutil.Process]:
    """A peer that answers, as its first process."""
    command = [sys.executable, str(PEERS / script), str(port)]
    process = subprocess.Popen(command, env={**os.environ, **ONE_THREAD}, stdout=subprocess.DEVNULL)
    try:
        for _ in range(600):
            try:
                httpx2.get(f"http://127.0.0.1:{port}/docs", trust_env=False)
                break
            except httpx2.TransportError:
                time.sleep(0.1)
        yield psutil.Process(process.pid)
    finally:
        for child in psutil.Process(process.pid).children(recursive=True):
            child.kill()
        process.kill()
        process.wait()


def tree_cpu_s(first: psutil.Process) -> float:
    """CPU seconds of a process and all that it started."""
    times = [one.cpu_times() for one in (first, *first.children(recursive=True))]
    return sum(one.user + one.system for one in times)


def upload(address: str, jpegs: list[bytes], in_flight: int) -> list[float]:
    """Send every picture, so many at a time; the milliseconds each took."""

    def send(http: httpx2.Client, jpeg: bytes) -> float:
        began = time.monotonic()
        answer = http.post(address, files={"picture": ("frame.jpg", jpeg, "image/jpeg")})
        if answer.status_code != 200:
            raise SystemExit(f"{address}: {answer.status_code} {answer.text[:200]}")
        return 1000 * (time.monotonic() - began)

    with (
        httpx2.Client(timeout=600, trust_env=False, limits=httpx2.Limits(max_connections=in_flight)) as http,
        ThreadPoolExecutor(in_flight) as senders,
    ):
        return list(senders.map(partial(send, http), jpegs))


def figures(folder: Path, rounds: int, frames: int) -> list[Figure]:
    """Measure everything."""
    jpegs = render(frames, folder / "frames")
    model, loads = load_model(), iter(range(10**6))
    p99: dict[str, list[float]] = {}

    def looks() -> float:
        began = time.process_time()
        for jpeg in jpegs:
            shipped(model, jpeg)
        return time.process_time() - began

    def asked(name: str, first: psutil.Process, address: str, in_flight: int) -> float:
        before = tree_cpu_s(first)
        took = upload(address, jpegs, in_flight)
        p99.setdefault(name, []).append(statistics.quantiles(took, n=100)[-1])
        return tree_cpu_s(first) - before

    with (
        ServerUnderTest(folder / "ours") as ours,
        peer("litserve_app.py", PORT) as lit,
        peer("fastapi_app.py", PORT + 1) as fast,
    ):

        def served() -> float:
            load = f"load-{next(loads)}"
            ours.open_load(load)
            before = ours.cpu_s()
            unload(ours, load, jpegs)
            return ours.cpu_s() - before

        cases: dict[str, Callable[[], float]] = {"ours": served, "looks": looks}
        for number in (8, 32):
            lit_at, fast_at = f"http://127.0.0.1:{PORT}/predict", f"http://127.0.0.1:{PORT + 1}/predict"
            cases[f"litserve {number}"] = partial(asked, f"litserve {number}", lit, lit_at, number)
            cases[f"fastapi {number}"] = partial(asked, f"fastapi {number}", fast, fast_at, number)
        for case in cases.values():
            case()  # the first time warms up, and is not counted
        p99.clear()
        seen = interleaved(cases, rounds)
    told = [
        figure(
            "CPU milliseconds of a frame in our service, stored and graded", [1000 * s / frames for s in seen["ours"]]
        ),
        figure("CPU milliseconds of a look (decode and model)", [1000 * s / frames for s in seen["looks"]]),
    ]
    for number in (8, 32):
        for name, wanted in (("litserve", "<= 0.8"), ("fastapi", "<= 1")):
            case = f"{name} {number}"
            told.append(
                ratio(f"a frame in our service / in {name}, {number} in flight", seen["ours"], seen[case], wanted)
            )
            told.append(ratio(f"a frame in {name}, {number} in flight / the look alone", seen[case], seen["looks"]))
            told.append(figure(f"p99 of {name} at {number} in flight, milliseconds", p99[case]))
    return told


def main() -> None:
    """Run the comparison and print it."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--rounds", type=int, default=3)
    arguments.add_argument("--frames", type=int, default=200)
    asked = arguments.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        show(figures(Path(folder), asked.rounds, asked.frames))


if __name__ == "__main__":
    main()
