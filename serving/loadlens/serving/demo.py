"""The whole job on a rendered load: a real server, a simulated weighbridge with its real reader, frames over HTTP, a
hazard known at once, the report in a folder.
"""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

import httpx2

from loadlens.datasets.procedural import ProceduralTextures
from loadlens.datasets.yard import Clip, ClipSpec, render_clip, truth_json
from loadlens.serving.demo_server import LOADLENS, ask, client, get, new_key, server
from loadlens.serving.errors import CommandError
from loadlens.serving.folders import written_at_once
from loadlens.serving.ingest.weighbridge.simulated_line import simulated_tcp
from loadlens.serving.ingest.weighbridge.simulator import FRAMES, Sample, drive_over
from loadlens.serving.jpeg import encode_jpeg
from loadlens.serving.progress import Watched
from loadlens.serving.report_folder import fill_folder

LOAD = "demo"
LANE = "1"
CAMERA = "yard-1"
GROSS_KG, TARE_KG, DIVISION_KG, CAPACITY_KG = 48960, 16420, 20, 80000
# Between the heaviest empty truck and the lightest full one.
_EMPTY_BELOW_KG, _FULL_ABOVE_KG = 20000, 30000
_PROTOCOL = "toledo-checksum"
_INDICATIONS_EVERY_S = 0.02
_WEIGHED_WITHIN_S = 240
_GRADED_WITHIN_S = 240
_LOOK_EVERY = 25


def run_demo(out: Path, seed: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """Do it all and fill `out`; returns the report and the truth of the rendered load.

    Raises WrongUseError where `out` holds something else, CommandError where the server does not do its part.
    """
    clip = render_clip(ClipSpec(seed=seed), ProceduralTextures())
    truth = truth_json(clip.truth)
    with written_at_once(out) as folder:
        key = new_key(folder / "server")
        with server(folder / "server", key) as address, client(address, key) as http:
            with _weighbridge(folder / "server", address, key) as trucks:
                _unload(http, clip, trucks)
            report = get(http, f"/v1/loads/{LOAD}/assessment").json()
            page = get(http, f"/v1/loads/{LOAD}/report.html").text
            jpegs = {
                layer["index"]: get(http, layer["overlay"]).content for layer in report["layers"] if layer["overlay"]
            }
        shutil.rmtree(folder / "server")
        fill_folder(folder, report, jpegs, page)
        (folder / "truth.json").write_text(json.dumps(truth, indent=2), encoding="utf-8")
    return report, truth


def _unload(http: httpx2.Client, clip: Clip, trucks: "SimpleQueue[int]") -> None:
    """What happens in a lane: the full truck is weighed, every frame is sent, the load closed, the empty truck weighed.

    What is put into `trucks` drives over the scale.
    """
    rule = {"gross_above_kg": _FULL_ABOVE_KG, "tare_below_kg": _EMPTY_BELOW_KG}
    ask(http, "PUT", f"/v1/lanes/{LANE}", 200, json=rule)
    ask(http, "POST", "/v1/loads", 201, json={"id": LOAD, "lane": LANE})
    trucks.put(GROSS_KG)
    _wait_for_weight(http, "gross")
    # The clip is over when it is sent: frames from the future would be frames of a camera whose clock is wrong.
    began = datetime.now(UTC) - timedelta(seconds=clip.spec.seconds)
    last, hazards = 0, 0
    with Watched("unloading", total=clip.spec.seconds) as watched:
        for seq, (time_s, rgb) in enumerate(clip.frames()):
            captured = {"Captured-At": (began + timedelta(seconds=time_s)).isoformat()}
            place, jpeg = f"/v1/lanes/{LANE}/frames/{CAMERA}/{seq}", encode_jpeg(rgb, 90)
            ask(http, "PUT", place, 201, content=jpeg, headers=captured)
            if seq == 0:  # a camera that lost the answer sends a frame again; the server knows it
                ask(http, "PUT", place, 200, content=jpeg, headers=captured)
            if seq % _LOOK_EVERY == 0:
                hazards = _tell_new_hazards(http, hazards)
            last = seq
            watched.at(time_s, f"unloading, {time_s:.0f} s")
        watched.at(clip.spec.seconds, "grading what is left")
        closing = {"last_seq": {CAMERA: last}}
        ask(http, "POST", f"/v1/loads/{LOAD}/close?wait=true", 200, json=closing, timeout=_GRADED_WITHIN_S)
    trucks.put(TARE_KG)
    _wait_for_weight(http, "tare")


def _wait_for_weight(http: httpx2.Client, kind: str) -> None:
    """Until the scale's reading has become the weight of the load, by the rule of the lane."""
    end = time.monotonic() + _WEIGHED_WITHIN_S
    while kind not in get(http, f"/v1/loads/{LOAD}").json()["weights"]:
        if time.monotonic() > end:
            raise CommandError(f"the weighbridge gave no {kind} weight within {_WEIGHED_WITHIN_S} s")
        time.sleep(0.1)


@contextmanager
def _weighbridge(data: Path, address: str, key: str) -> Iterator["SimpleQueue[int]"]:
    """An indicator that is simulated on a TCP port, and the reader of a yard that sends what it shows to the server."""
    trucks: SimpleQueue[int] = SimpleQueue()
    with simulated_tcp(_shown(trucks), every_s=_INDICATIONS_EVERY_S) as port, (data / "reader.log").open("w") as log:
        options = ["--protocol", _PROTOCOL, "--lane", LANE, "--to", address, "--spool", str(data / "spool")]
        options += ["--capacity", str(CAPACITY_KG), "--division", str(DIVISION_KG)]
        reader = subprocess.Popen(
            [*LOADLENS, "weighbridge", port, *options], stderr=log, env={**os.environ, "LOADLENS_KEY": key}
        )
        try:
            yield trucks
        finally:
            reader.terminate()
            reader.wait()


def _shown(trucks: "SimpleQueue[int]") -> Iterator[bytes]:
    frame = FRAMES[_PROTOCOL]
    while True:
        try:
            yield from map(frame, drive_over(Decimal(trucks.get_nowait())))
        except Empty:
            yield frame(Sample(Decimal(0)))


def _tell_new_hazards(http: httpx2.Client, known: int) -> int:
    """Say on stderr what the server has raised since the last look; returns how many hazards it knows."""
    hazards = get(http, f"/v1/loads/{LOAD}").json()["hazards"]
    for hazard in hazards[known:]:
        name = hazard["class"].replace("_", " ")
        print(f"loadlens: the server raises a hazard: {name} at {hazard['frame_s']:.1f} s", file=sys.stderr)
    return len(hazards)
