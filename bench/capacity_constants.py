"""Measures what one site's frames cost, for `capacity.py`: CPU seconds, bytes and rows, each from something that ran.

    python bench/capacity_constants.py [--seconds 120] [--write bench/capacity_constants.json]

Renders a 1080p unloading, lets the camera agent's gate choose what is sent, sends that to a real server, and watches
the same frames in a bare loop. Then eight cameras stream at several rates, for the simulation to be compared with.
Run it on a machine that does nothing else: the times of the last part are times by the clock.
"""

import argparse
import json
import os
import sqlite3
import statistics
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import cv2
from server_under_test import ServerUnderTest

from loadlens.datasets.procedural import ProceduralTextures
from loadlens.datasets.yard import ClipSpec, render_clip
from loadlens.serving.ingest.camera import JPEG_QUALITY, Options
from loadlens.serving.ingest.gate import Gate
from loadlens.serving.jpeg import encode_jpeg
from loadlens.vision.frame import Frame
from loadlens.vision.model import load_model
from loadlens.vision.pipeline import Unloading
from loadlens.vision.stillness import LUMA_WIDTH

FPS = 5
CAMERAS = 8
# Frames a second of all cameras together; 20 is a site of 4 cameras at 5.
RATES = (10, 20, 40, 60)
STREAMED_S = 20
SMALL = (90, 160)
SMALL_FRAMES = 2000


def unloading(seconds: float) -> tuple[dict[str, Any], list[bytes]]:
    """What the gate keeps of an unloading, as the JPEGs that the agent would send; and how much it was of how much."""
    gate = Gate(Options().heartbeat_s)
    clip = render_clip(ClipSpec(seed=7, size=(1080, 1920), fps=FPS, seconds=seconds), ProceduralTextures())
    seen, sent = 0, []
    for time_s, rgb in clip.frames():
        seen += 1
        if gate.judge(time_s, Frame.from_rgb(rgb, time_s=time_s).luma(LUMA_WIDTH)).kept:
            sent.append(encode_jpeg(rgb, JPEG_QUALITY))
    return {
        "seconds": seconds,
        "layers": len(clip.truth.layers),
        "frames_seen": seen,
        "frames_kept": len(sent),
        "frame_bytes": round(statistics.mean(map(len, sent))),
    }, sent


def watching(jpegs: list[bytes]) -> list[float]:
    """CPU seconds of each frame in turn in a bare loop, decoding included: most are only watched, some looked at."""
    cv2.setNumThreads(1)
    watched, took = Unloading(load_model()), []
    for number, jpeg in enumerate(jpegs):
        began = time.process_time()
        watched.push(Frame.from_bytes(jpeg, name=f"frame {number}", time_s=number / FPS))
        took.append(round(time.process_time() - began, 5))
    watched.finish()
    return took


def served(folder: Path, jpegs: list[bytes]) -> dict[str, Any]:
    """CPU of server and sender for one load sent frame by frame, and what it leaves on the disk."""
    with ServerUnderTest(folder) as server:
        empty_bytes = stored(folder / "data")["database_bytes"]
        server.open_load("load")
        before, own, waits = server.cpu_s(), time.process_time(), []
        with server.client() as http:
            for seq, jpeg in enumerate(jpegs):
                began = time.monotonic()
                check(server.send(http, "load", seq, jpeg, seq / FPS).status_code)
                waits.append(time.monotonic() - began)
        own = time.process_time() - own
        server.ask("POST", "/v1/loads/load/close?wait=true", 200)
        cpu_s = server.cpu_s() - before
        memory_mb = server.memory_mb()
        left = stored(folder / "data")
    return {
        "server_cpu_s_per_frame": cpu_s / len(jpegs),
        "sender_cpu_s_per_frame": own / len(jpegs),
        "accepted_alone_s": statistics.median(waits),
        "server_memory_mb": memory_mb,
        **left,
        "database_bytes": left["database_bytes"] - empty_bytes,
    }


def check(status: int) -> None:
    """A frame must be taken."""
    if status != 201:
        raise SystemExit(f"a frame was answered {status}")


def stored(data: Path) -> dict[str, Any]:
    """Bytes on the disk, and rows by table."""
    database = data / "loadlens.sqlite"
    blobs = sum(file.stat().st_size for file in data.rglob("*") if file.is_file() and file.parent != data)
    with sqlite3.connect(database) as records:
        names = [name for (name,) in records.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        rows = {name: records.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0] for name in names}
        used = records.execute("SELECT sum(pgsize) FROM dbstat").fetchone()[0]
    return {"blob_bytes": blobs, "database_bytes": used, "rows": {name: n for name, n in rows.items() if n}}


def taken_at_most(folder: Path) -> float:
    """Frames a second that one server takes when they are tiny and looking at them waits: the limit of recording."""
    small = [encode_jpeg(cv2.resize(picture, SMALL[::-1]), 80) for picture in _pictures()]
    with ServerUnderTest(folder) as server:
        server.open_load("small")
        began = time.monotonic()
        with ThreadPoolExecutor(32) as senders:
            list(senders.map(lambda first: _send_small(server, small, first), range(32)))
        return SMALL_FRAMES / (time.monotonic() - began)


def _pictures() -> list[Any]:
    clip = render_clip(ClipSpec(seed=8, size=(270, 480), fps=1, seconds=8), ProceduralTextures())
    return [rgb for _, rgb in clip.frames()]


def _send_small(server: ServerUnderTest, small: list[bytes], first: int) -> None:
    with server.client() as http:
        for seq in range(first, SMALL_FRAMES, 32):
            while (answer := server.send(http, "small", seq, small[seq % len(small)], seq / FPS)).status_code == 503:
                time.sleep(float(answer.headers["Retry-After"]))
            check(answer.status_code)


def streamed(folder: Path, jpegs: list[bytes], rate: float) -> dict[str, float]:
    """Seconds until frames were accepted when eight cameras send `rate` a second, and how many waited at the end."""
    with ServerUnderTest(folder) as server:
        for camera in range(CAMERAS):
            server.open_load(f"camera-{camera}")
        start = time.monotonic() + 1
        with ThreadPoolExecutor(CAMERAS) as cameras:
            jobs = [
                cameras.submit(_stream, server, f"camera-{n}", jpegs, start + n / rate, CAMERAS / rate)
                for n in range(CAMERAS)
            ]
            took = sorted(took_s for job in jobs for took_s in job.result())
        behind = server.figures()["loadlens_frames_ungraded"]
    return {
        "rate": rate,
        "n": len(took),
        "median_s": statistics.median(took),
        "p99_s": took[int(0.99 * len(took))],
        "behind": behind,
    }


def _stream(server: ServerUnderTest, load: str, jpegs: list[bytes], start: float, every_s: float) -> list[float]:
    took = []
    with server.client() as http:
        for seq in range(int(STREAMED_S / every_s)):
            due = start + seq * every_s
            time.sleep(max(0.0, due - time.monotonic()))
            check(server.send(http, load, seq, jpegs[seq % len(jpegs)], seq / FPS).status_code)
            took.append(time.monotonic() - due)
    return took


def measure(seconds: float) -> dict[str, Any]:
    """Everything, as it goes into the file."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        clip, jpegs = unloading(seconds)
        return {
            "cores": len(os.sched_getaffinity(0)),
            # Instructions for networks in eight bits, on which the cost of a look hangs.
            "vnni": "vnni" in Path("/proc/cpuinfo").read_text(encoding="utf-8"),
            "load_before": os.getloadavg()[0],
            "unloading": clip,
            "watching_cpu_s": watching(jpegs),
            "served": served(folder / "served", jpegs),
            "taken_at_most_per_s": taken_at_most(folder / "small"),
            "streamed": [streamed(folder / f"rate-{rate}", jpegs, rate) for rate in RATES],
        }


def main() -> None:
    """Measure and print, or keep."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--seconds", type=float, default=120, help="of the unloading")
    arguments.add_argument("--write", type=Path)
    asked = arguments.parse_args()
    text = json.dumps(measure(asked.seconds), indent=1)
    if asked.write:
        asked.write.write_text(text + "\n", encoding="utf-8")
    else:
        print(text)


if __name__ == "__main__":
    main()
