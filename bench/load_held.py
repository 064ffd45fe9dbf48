"""What the service adds to decoding and inference, how it holds under load, and whether it forgets.

    python bench/load_held.py [--rounds 3] [--frames 300] [--seconds 30] [--long 3000]

Renders a 1080p unloading at 5 frames a second, then prints three figures, each with its n:

- ratio: frames graded per CPU-second by a server that is sent them over HTTP, over those of a bare loop that decodes
  the same bytes and grades them by the same code; with 8 and with 32 frames on their way at a time. Rounds alternate
  and their order is reversed from one to the next; CPU seconds (user + system) of the server and of the loop, never
  those of the sender; medians.
- acceptance: from the first byte of a frame to its 201, while 8 cameras send 5 frames a second each: twice a site of
  4. They send by the clock: a slow answer delays no other frame, and so hides nothing.
- memory: resident memory of the server while one load after another goes through it, and its slope over the second
  half. An hour of one camera is 18,000 frames.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from server_under_test import ONE_THREAD, ServerUnderTest

from loadlens.datasets.procedural import ProceduralTextures
from loadlens.datasets.yard import ClipSpec, render_clip
from loadlens.serving.jpeg import encode_jpeg

FPS = 5
CAMERAS = 8
# Frames on their way at a time while a server is kept busy.
IN_FLIGHT = (8, 32)
# Student's t for 95 % of a line through ten points.
_T_8 = 2.306
BARE_LOOP = """
import sys, time
from pathlib import Path
from loadlens.vision.frame import Frame
from loadlens.vision.model import load_model
from loadlens.vision.pipeline import Unloading
model, files = load_model(), sorted(Path(sys.argv[1]).iterdir())
began, unloading = time.process_time(), Unloading(model)
for number, file in enumerate(files):
    unloading.push(Frame.from_bytes(file.read_bytes(), name=file.name, time_s=number / float(sys.argv[2])))
for picture in unloading.finish().pictures():
    pass
print(time.process_time() - began)
"""


def render(frames: int, folder: Path) -> list[bytes]:
    """The JPEGs of one unloading at 1080p, also as files."""
    clip = render_clip(ClipSpec(seed=7, size=(1080, 1920), fps=FPS, seconds=frames / FPS), ProceduralTextures())
    folder.mkdir()
    jpegs = []
    for number, (_, rgb) in enumerate(clip.frames()):
        jpegs.append(encode_jpeg(rgb, 80))
        (folder / f"{number:05}.jpg").write_bytes(jpegs[-1])
    return jpegs


def bare_cpu_s(folder: Path) -> float:
    """CPU seconds of decoding and grading the frames without a service."""
    command = [sys.executable, "-c", BARE_LOOP, str(folder), str(FPS)]
    done = subprocess.run(command, env={**os.environ, **ONE_THREAD}, capture_output=True, text=True, check=True)
    return float(done.stdout)


def served_cpu_s(server: ServerUnderTest, load: str, jpegs: list[bytes], in_flight: int) -> float:
    """CPU seconds of the server from the first frame of a load to its assessment."""
    server.open_load(load)
    before = server.cpu_s()
    unload(server, load, jpegs, in_flight)
    return server.cpu_s() - before


def unload(server: ServerUnderTest, load: str, jpegs: list[bytes], in_flight: int = IN_FLIGHT[0]) -> list[float]:
    """Send the frames of an open load over so many connections, close it and wait for its assessment.

    Returns the seconds that each frame took until it was durable.
    """
    with ThreadPoolExecutor(in_flight) as senders:
        took = list(senders.map(lambda first: send_every(server, load, jpegs, first, in_flight), range(in_flight)))
    server.ask("POST", f"/v1/loads/{load}/close?wait=true", 200)
    return [one for each in took for one in each]


def send_every(server: ServerUnderTest, load: str, jpegs: list[bytes], first: int, step: int) -> list[float]:
    """Send every `step`-th frame, again where the server is busy; the seconds each took, with the waits."""
    took = []
    with server.client() as http:
        for seq in range(first, len(jpegs), step):
            began = time.monotonic()
            while (answer := server.send(http, load, seq, jpegs[seq], seq / FPS)).status_code == 503:
                time.sleep(float(answer.headers["Retry-After"]))
            if answer.status_code != 201:
                raise SystemExit(f"frame {seq}: {answer.status_code} {answer.text}")
            took.append(time.monotonic() - began)
    return took


def show_ratio(folder: Path, jpegs: list[bytes], rounds: int) -> None:
    """Print the frames per CPU-second of both, and their ratio."""
    bare: list[float] = []
    served: dict[int, list[float]] = {in_flight: [] for in_flight in IN_FLIGHT}
    with ServerUnderTest(folder / "ratio") as server:
        for number in range(rounds):
            for in_flight in (0, *IN_FLIGHT) if number % 2 == 0 else (*IN_FLIGHT[::-1], 0):
                if in_flight == 0:
                    bare.append(bare_cpu_s(folder / "frames"))
                else:
                    load = f"round-{number}-{in_flight}"
                    served[in_flight].append(served_cpu_s(server, load, jpegs, in_flight))
    loop = len(jpegs) / statistics.median(bare)
    size = statistics.mean(map(len, jpegs)) / 1024
    print(f"frames             {len(jpegs):7} of 1920 x 1080, {size:.0f} KB on average")
    print(f"bare loop          {loop:7.1f} frames per CPU-second (median of {rounds})")
    for in_flight, times in served.items():
        service = len(jpegs) / statistics.median(times)
        print(f"service            {service:7.1f} frames per CPU-second (median of {rounds}), {in_flight} on their way")
        print(f"service / loop     {service / loop:7.2f}", flush=True)


def show_acceptance(folder: Path, jpegs: list[bytes], seconds: float) -> None:
    """Print how long frames take to be accepted at twice the rate of a site."""
    with ServerUnderTest(folder / "acceptance") as server:
        for camera in range(CAMERAS):
            server.open_load(f"camera-{camera}")
        start = time.monotonic() + 1
        with ThreadPoolExecutor(CAMERAS) as cameras:
            jobs = [cameras.submit(stream, server, f"camera-{n}", jpegs, start, seconds) for n in range(CAMERAS)]
            answers = [answer for job in jobs for answer in job.result()]
        took = sorted(1000 * took_s for status, took_s in answers if status == 201)
        behind = server.figures()["loadlens_frames_ungraded"]
    refused = len(answers) - len(took)
    print(f"acceptance         {statistics.median(took):7.1f} ms median, {took[int(0.99 * len(took))]:.1f} ms p99 at")
    print(f"                   {CAMERAS * FPS:7} frames per second, n = {len(answers)}, {refused} told to come again")
    print(f"not looked at yet  {behind:7.0f} frames at the end", flush=True)


def stream(
    server: ServerUnderTest, load: str, jpegs: list[bytes], start: float, seconds: float
) -> list[tuple[int, float]]:
    """What a camera does: each frame at its time. Returns status and seconds since it was due, frame by frame."""
    answers = []
    with server.client() as http:
        for seq in range(int(seconds * FPS)):
            due = start + seq / FPS
            time.sleep(max(0.0, due - time.monotonic()))
            status = server.send(http, load, seq, jpegs[seq % len(jpegs)], seq / FPS).status_code
            answers.append((status, time.monotonic() - due))
    return answers


def show_memory(folder: Path, jpegs: list[bytes], frames: int) -> None:
    """Print the server's memory at tenths of the way."""
    seen = []
    with ServerUnderTest(folder / "memory") as server:
        loads = -(-frames // len(jpegs))
        for number in range(loads):
            server.open_load(f"load-{number}")
            unload(server, f"load-{number}", jpegs)
            seen.append(server.memory_mb())
    shown = [seen[max(0, round(tenth * loads / 10) - 1)] for tenth in range(1, 11)]
    print(f"memory             {', '.join(f'{mb:.0f}' for mb in shown)} MB")
    print(f"                   at each tenth of {loads * len(jpegs)} frames")
    print(f"last / first half  {statistics.median(seen[loads // 2 :]) / statistics.median(seen[: loads // 2]):7.2f}")
    if loads >= 20:
        # What is held after one load resembles what was held after the one before: so means of stretches are compared.
        means = [float(np.mean(part)) for part in np.array_split(seen[loads // 2 :], 10)]
        each = (loads - loads // 2) * len(jpegs) / 10 / 1000
        (rise, _), spread = np.polyfit(np.arange(10) * each, means, 1, cov=True)
        print(f"slope              {rise:+7.2f} +- {_T_8 * spread[0, 0] ** 0.5:.2f} MB per 1,000 frames, second half")


def main() -> None:
    """Run what is asked for and print it."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--rounds", type=int, default=3)
    arguments.add_argument("--frames", type=int, default=300, help="of one load")
    arguments.add_argument("--seconds", type=float, default=30, help="of streaming at twice the rate; 0 leaves it out")
    arguments.add_argument("--long", type=int, default=3000, help="frames while memory is watched; 0 leaves it out")
    asked = arguments.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        jpegs = render(asked.frames, folder / "frames")
        if asked.rounds:
            show_ratio(folder, jpegs, asked.rounds)
        if asked.seconds:
            show_acceptance(folder, jpegs, asked.seconds)
        if asked.long:
            show_memory(folder, jpegs, asked.long)


if __name__ == "__main__":
    main()
