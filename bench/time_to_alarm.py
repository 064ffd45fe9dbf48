"""How long from the arrival of a frame at the server until its hazard is with a subscriber and with a webhook.

    python bench/time_to_alarm.py [--loads 40] [--seconds 8] [--fps 5]

Starts a Mosquitto and a server with the shipped model, streams rendered unloadings at the pace of a camera, and takes
for every alarm the time between the first byte of its frame being sent and its message being heard from the broker, and
being posted here (one clock: both ends are this process).

What the model does not see raises no alarm, however good the way is; so the same frames also go through the same eye
without a server, and that says which alarms must come. One that does not come is lost, and ends this with 1. Prints for
each way how many had to come and came, median, 99th percentile, the longest, and the share under a second; and the same
from the frame from which on each would have raised that hazard, had the model looked at it: it does not look at all.
"""

import argparse
import base64
import http.server
import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from pathlib import Path

import cv2
import httpx2
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion
from server_under_test import BEGAN

from loadlens.datasets.procedural import ProceduralTextures
from loadlens.datasets.yard import ClipSpec, render_clip
from loadlens.grading.observation import HazardSighting
from loadlens.serving.jpeg import encode_jpeg
from loadlens.vision.frame import Frame
from loadlens.vision.hazards import find_hazards, merge_sightings
from loadlens.vision.model import SurfaceModel, load_model
from loadlens.vision.pipeline import Unloading, picture_for_model

LOADLENS = [sys.executable, "-m", "loadlens.serving.cli"]


@dataclass(frozen=True, slots=True)
class Shot:
    """One frame of an unloading, in seconds from its start."""

    jpeg: bytes
    time_s: float

    @property
    def sha256(self) -> str:
        """What the alarm of this frame is known by."""
        return sha256(self.jpeg).hexdigest()

    def frame(self) -> Frame:
        """The frame as the eye takes it."""
        return Frame.from_bytes(self.jpeg, name="frame", time_s=self.time_s)


def unloading(seed: int, fps: int, seconds: float) -> list[Shot]:
    """The frames of one rendered unloading with a dangerous thing in it."""
    clip = render_clip(ClipSpec(seed=seed, fps=fps, seconds=seconds, hazard=True), ProceduralTextures())
    return [Shot(encode_jpeg(rgb, 90), number / fps) for number, (_, rgb) in enumerate(clip.frames())]


def must_come(model: SurfaceModel, shots: list[Shot]) -> dict[str, str]:
    """The frames whose alarm must come, each with the frame from which on every one shows that thing to the model."""
    watched, since = Unloading(model), dict[str, str]()
    raised = [(number, hazard) for number, shot in enumerate(shots) for hazard in watched.push(shot.frame())]
    for number, hazard in raised:
        first = number
        while first > 0 and any(
            len(merge_sightings([hazard], [seen])) == 1 for seen in seen_in(model, shots[first - 1])
        ):
            first -= 1
        since.setdefault(hazard.frame_sha256, shots[first].sha256)
    return since


def seen_in(model: SurfaceModel, shot: Shot) -> tuple[HazardSighting, ...]:
    """What a look at this frame raises."""
    frame = shot.frame()
    rgb = picture_for_model(frame, model.metadata.trained_width)
    return find_hazards(
        model.look(rgb),
        thresholds=model.metadata.hazard_thresholds,
        frame_s=shot.time_s,
        frame_sha256=shot.sha256,
        scale=frame.width / rgb.shape[1],
    )


def free_port() -> int:
    """A port that nothing listens on."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def broker(folder: Path) -> Iterator[int]:
    """A Mosquitto of our own; gives its port."""
    program = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin")
    if program is None:
        raise SystemExit("mosquitto is not installed")
    port = free_port()
    (folder / "mosquitto.conf").write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\n")
    process = subprocess.Popen([program, "-c", folder / "mosquitto.conf"], stderr=subprocess.DEVNULL)
    try:
        yield port
    finally:
        process.terminate()
        process.wait()


@contextmanager
def receiver(posted: dict[str, float]) -> Iterator[int]:
    """A web server that notes when the alarm of each frame is first posted; gives its port."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            note(self.rfile.read(int(self.headers["Content-Length"])), posted)
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as web:
        threading.Thread(target=web.serve_forever, daemon=True).start()
        yield web.server_port
        web.shutdown()


@contextmanager
def server(data: Path, mqtt_port: int, web_port: int) -> Iterator[httpx2.Client]:
    """A server that publishes its alarms; gives a client with a manager's key."""
    made = subprocess.run(
        [*LOADLENS, "keys", "add", "--role", "manager", "--data", data], capture_output=True, text=True, check=True
    )
    mqtt = json.dumps({"host": "127.0.0.1", "port": mqtt_port, "node": "bench"})
    secret = "whsec_" + base64.b64encode(bytes(32)).decode()
    webhook = {"name": "bench", "url": f"http://127.0.0.1:{web_port}/", "secret": secret, "allow_private": True}
    process = subprocess.Popen(
        [*LOADLENS, "serve", "--port", "0", "--data", data],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env={**os.environ, "LOADLENS_MQTT": mqtt, "LOADLENS_WEBHOOKS": json.dumps([webhook])},
    )
    try:
        address = process.stdout.readline().split()[-1] if process.stdout else ""
        key = {"Authorization": f"Bearer {made.stdout.strip()}"}
        with httpx2.Client(base_url=address, headers=key, timeout=60, trust_env=False) as http:
            while http.get("/readyz").status_code != 200:
                time.sleep(0.2)
            yield http
    finally:
        process.terminate()
        process.communicate()


def note(message: bytes, when: dict[str, float]) -> None:
    """Note when the alarm of a frame is first told."""
    alarm = json.loads(message)["alarm"]
    if alarm["kind"] == "hazard":
        when.setdefault(alarm["body"]["frame_sha256"], time.monotonic())


def listen(port: int, heard: dict[str, float]) -> Client:
    """Note when the alarm of each frame is first heard."""
    client = Client(CallbackAPIVersion.VERSION2)
    client.on_message = lambda _client, _data, message: note(message.payload, heard)
    client.on_connect = lambda client, *_: client.subscribe("loadlens/alarms", qos=1)
    while client.connect("127.0.0.1", port) != 0:
        time.sleep(0.1)
    client.loop_start()
    return client


def stream(http: httpx2.Client, load: str, shots: list[Shot], sent: dict[str, float]) -> None:
    """Stream one unloading at the pace of a camera; notes when each frame was sent."""
    http.post("/v1/loads", json={"id": load}).raise_for_status()
    began = time.monotonic()
    for seq, shot in enumerate(shots):
        time.sleep(max(0.0, began + shot.time_s - time.monotonic()))
        captured = {"Captured-At": (BEGAN + timedelta(seconds=shot.time_s)).isoformat()}
        sent[shot.sha256] = time.monotonic()
        http.put(f"/v1/loads/{load}/frames/yard/{seq}", content=shot.jpeg, headers=captured).raise_for_status()
    http.post(f"/v1/loads/{load}/close?wait=true", json={}, timeout=600).raise_for_status()


def told(way: str, took: list[float], since: str) -> str:
    """One line of figures."""
    took = sorted(took)
    late = statistics.quantiles(took, n=100, method="inclusive")[-1]
    quick = sum(one < 1 for one in took)
    return (
        f"{way:8} from {since}: median {statistics.median(took):.3f} s, 99 % {late:.3f} s, "
        f"longest {took[-1]:.3f} s, under a second {quick} of {len(took)}"
    )


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--loads", type=int, default=40)
    parser.add_argument("--seconds", type=float, default=8, help="of each load")
    parser.add_argument("--fps", type=int, default=5)
    chosen = parser.parse_args()
    cv2.setNumThreads(1)
    model = load_model()
    loads = [unloading(seed, chosen.fps, chosen.seconds) for seed in range(chosen.loads)]
    expected = {raised: first for shots in loads for raised, first in must_come(model, shots).items()}
    if len(expected) < 2:
        raise SystemExit(f"the model sees {len(expected)} hazards in these loads; give more --loads")
    sent: dict[str, float] = {}
    heard: dict[str, float] = {}
    posted: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder, broker(Path(folder)) as port, receiver(posted) as web_port:
        time.sleep(1)
        client = listen(port, heard)
        with server(Path(folder) / "data", port, web_port) as client_of_server:
            for number, shots in enumerate(loads):
                stream(client_of_server, f"bench-{number}", shots, sent)
            time.sleep(2)
        client.disconnect()
        client.loop_stop()
    print(f"{chosen.loads} loads of {chosen.seconds:.0f} s at {chosen.fps} fps, load average {os.getloadavg()[0]:.1f}")
    right = True
    for way, when in (("broker", heard), ("webhook", posted)):
        came = [digest for digest in expected if digest in when]
        right = right and when.keys() == expected.keys()
        print(f"{way:8} {len(came)} of {len(expected)} frames with an alarm came, {len(when.keys() - expected)} others")
        print(told(way, [when[digest] - sent[digest] for digest in came], "the frame that was looked at"))
        print(told(way, [when[digest] - sent[expected[digest]] for digest in came], "when it came to light"))
    return 0 if right else 1


if __name__ == "__main__":
    sys.exit(main())
