"""What a frame costs in our service, stored and on the record, beside services that only answer.

    python bench/service_beside_peers.py [--rounds 3] [--frames 200]

LitServe and a FastAPI service with uploads, Granian and mosec with the picture as the body look at every frame by the
same model, after the same decode, and keep nothing. Ours stores the frame, says so when it is durable, watches it, and
asks the model only where the surface may be new: what is compared is what a site would run, not four ways to call a
model. The cost of a look stands beside it. CPU seconds of the server's processes, never of the sender. Wall seconds run
from the first frame until all are graded, ours with the assessment on disk. The 99th percentile is that of an answer:
from a peer the grid, from ours that the frame is durable; it is graded after that.
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
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import httpx2
import psutil
from figures import ONE_THREAD, Figure, figure, interleaved, ratio, show
from load_held import IN_FLIGHT, render, unload
from picture_to_grid import shipped
from server_under_test import ServerUnderTest

from loadlens.vision.model import load_model

PORT = 8731


@dataclass(frozen=True, slots=True)
class Peer:
    """A service in bench/peers, and what is wanted of the CPU of ours beside it."""

    name: str
    path: str
    form: bool
    wanted: str = "<= 1"

    def body(self, jpeg: bytes) -> dict[str, Any]:
        """A picture as it takes it: as the upload of a form, or as the whole body."""
        return {"files": {"picture": ("frame.jpg", jpeg, "image/jpeg")}} if self.form else {"content": jpeg}


PEERS = (
    Peer("litserve", "/predict", form=True, wanted="<= 0.8"),
    Peer("fastapi", "/predict", form=True),
    Peer("granian", "/predict", form=False),
    Peer("mosec", "/inference", form=False),
)


@dataclass(frozen=True, slots=True)
class Sent:
    """What it cost to send all frames once: CPU seconds and seconds until all were graded, p99 of an answer in ms."""

    cpu_s: float
    wall_s: float
    p99_ms: float


@contextmanager
def running(one: Peer, port: int) -> Iterator[psutil.Process]:
    """A peer that answers, as its first process."""
    command = [sys.executable, str(Path(__file__).parent / "peers" / f"{one.name}_app.py"), str(port)]
    process = subprocess.Popen(command, env={**os.environ, **ONE_THREAD}, stdout=subprocess.DEVNULL)
    first = psutil.Process(process.pid)
    try:
        while not answers(port):
            if process.poll() is not None:
                raise SystemExit(f"{one.name} did not start")
            time.sleep(0.1)
        yield first
    finally:
        children = first.children(recursive=True) if process.poll() is None else []
        process.kill()  # before its children, of which it would tell that they are gone
        for child in reversed(children):
            child.kill()
        process.wait()


def answers(port: int) -> bool:
    """Whether anything does there, were it that there is no such page."""
    try:
        httpx2.get(f"http://127.0.0.1:{port}/docs", trust_env=False, timeout=60)
    except httpx2.TransportError:
        return False
    return True


def tree_cpu_s(first: psutil.Process) -> float:
    """CPU seconds of a process and all that it started."""
    times = [one.cpu_times() for one in (first, *first.children(recursive=True))]
    return sum(one.user + one.system for one in times)


def measured(cpu_s: Callable[[], float], send: Callable[[], list[float]]) -> Sent:
    """What is spent on what is sent, on a clock of CPU seconds; `send` returns the seconds of every answer."""
    before, began = cpu_s(), time.monotonic()
    took = send()
    wall_s = time.monotonic() - began
    return Sent(cpu_s() - before, wall_s, 1000 * statistics.quantiles(took, n=100)[-1])


def ask(one: Peer, port: int, jpegs: list[bytes], in_flight: int) -> list[float]:
    """Send every picture to a peer, so many at a time; the seconds each took."""
    address = f"http://127.0.0.1:{port}{one.path}"

    def send(http: httpx2.Client, jpeg: bytes) -> float:
        began = time.monotonic()
        answer = http.post(address, **one.body(jpeg))
        if answer.status_code != 200:
            raise SystemExit(f"{address}: {answer.status_code} {answer.text[:200]}")
        return time.monotonic() - began

    with (
        httpx2.Client(timeout=600, trust_env=False, limits=httpx2.Limits(max_connections=in_flight)) as http,
        ThreadPoolExecutor(in_flight) as senders,
    ):
        return list(senders.map(partial(send, http), jpegs))


def measure(folder: Path, rounds: int, jpegs: list[bytes]) -> tuple[dict[str, list[Sent]], float]:
    """Every service with every number of frames in flight, in turn, and the look alone; our looks for each frame."""
    model, loads = load_model(), iter(range(10**6))

    def look() -> list[float]:
        took = []
        for jpeg in jpegs:
            began = time.monotonic()
            shipped(model, jpeg)
            took.append(time.monotonic() - began)
        return took

    def serve(in_flight: int) -> Sent:
        load = f"load-{next(loads)}"
        ours.open_load(load)
        return measured(
            partial(tree_cpu_s, psutil.Process(ours.process.pid)), lambda: unload(ours, load, jpegs, in_flight)
        )

    with ExitStack() as stack:
        ours = stack.enter_context(ServerUnderTest(folder / "ours"))
        cases: dict[str, Callable[[], Sent]] = {"looks": partial(measured, time.process_time, look)}
        firsts = [stack.enter_context(running(one, PORT + number)) for number, one in enumerate(PEERS)]
        for in_flight in IN_FLIGHT:
            cases[f"ours {in_flight}"] = partial(serve, in_flight)
            for number, (one, first) in enumerate(zip(PEERS, firsts, strict=True)):
                send = partial(ask, one, PORT + number, jpegs, in_flight)
                cases[f"{one.name} {in_flight}"] = partial(measured, partial(tree_cpu_s, first), send)
        for case in cases.values():
            case()  # the first time warms up, and is not counted
        seen = interleaved(cases, rounds)
        return seen, ours.figures()["loadlens_model_seconds_count"] / (next(loads) * len(jpegs))


def figures(folder: Path, rounds: int, frames: int) -> list[Figure]:
    """Measure everything."""
    seen, our_looks = measure(folder, rounds, render(frames, folder / "frames"))
    cpu = {name: [sent.cpu_s for sent in all_sent] for name, all_sent in seen.items()}
    wall = {name: [sent.wall_s for sent in all_sent] for name, all_sent in seen.items()}
    p99 = {name: [sent.p99_ms for sent in all_sent] for name, all_sent in seen.items()}
    told = [
        figure("CPU milliseconds of a look (decode and model)", [1000 * s / frames for s in cpu["looks"]]),
        figure("looks for each frame in our service; in the others one", [our_looks]),
    ]
    for in_flight in IN_FLIGHT:
        at, ours = f"{in_flight} in flight", f"ours {in_flight}"
        told += [
            figure(
                f"CPU ms of a frame in our service, stored and graded, {at}", [1000 * s / frames for s in cpu[ours]]
            ),
            figure(f"wall ms of a frame in our service, {at}", [1000 * s / frames for s in wall[ours]]),
            figure(f"p99 until a frame is durable in our service, ms, {at}", p99[ours]),
        ]
        for one in PEERS:
            peer = f"{one.name} {in_flight}"
            told += [
                ratio(f"CPU of a frame, ours / {one.name}, {at}", cpu[ours], cpu[peer], one.wanted),
                ratio(f"wall of a frame, ours / {one.name}, {at}", wall[ours], wall[peer]),
                ratio(f"p99 of an answer, ours / {one.name}, {at}", p99[ours], p99[peer], "<= 1"),
                ratio(f"CPU of a frame, {one.name} / the look alone, {at}", cpu[peer], cpu["looks"]),
                figure(f"p99 of an answer of {one.name}, ms, {at}", p99[peer]),
            ]
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
