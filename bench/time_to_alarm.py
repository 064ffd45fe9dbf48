"""How long from the arrival of a frame at the server until its hazard is with a subscriber and with a webhook.

    python bench/time_to_alarm.py [--loads 5] [--fps 5]

Starts a Mosquitto and a server with the shipped model, streams rendered unloadings at the pace of a camera, and takes
for every alarm the time between the first byte of its frame being sent and its message being heard from the broker, and
being posted here (one clock: both ends are this process). Prints for each way the number of alarms, median, 95th
percentile, the longest, and the share under a second.
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
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

import httpx2
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion

from loadlens.datasets.procedural import ProceduralTextures
from loadlens.datasets.yard import ClipSpec, render_clip
from loadlens.serving.jpeg import encode_jpeg

LOADLENS = [sys.executable, "-m", "loadlens.serving.cli"]


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


def stream(http: httpx2.Client, seed: int, fps: int, sent: dict[str, float]) -> None:
    """Stream one unloading at the pace of a camera; notes when each frame was sent."""
    load = f"bench-{seed}"
    http.post("/v1/loads", json={"id": load}).raise_for_status()
    clip = render_clip(ClipSpec(seed=seed, fps=fps, hazard=True), ProceduralTextures())
    shots = [encode_jpeg(rgb, 90) for _, rgb in clip.frames()]
    began = time.monotonic()
    for seq, jpeg in enumerate(shots):
        time.sleep(max(0.0, began + seq / fps - time.monotonic()))
        captured = {"Captured-At": datetime.now(UTC).isoformat()}
        sent[sha256(jpeg).hexdigest()] = time.monotonic()
        http.put(f"/v1/loads/{load}/frames/yard/{seq}", content=jpeg, headers=captured).raise_for_status()
    closing = http.post(f"/v1/loads/{load}/close?wait=true", json={}, timeout=600)
    closing.raise_for_status()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--loads", type=int, default=5)
    parser.add_argument("--fps", type=int, default=5)
    chosen = parser.parse_args()
    sent: dict[str, float] = {}
    heard: dict[str, float] = {}
    posted: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder, broker(Path(folder)) as port, receiver(posted) as web_port:
        time.sleep(1)
        client = listen(port, heard)
        with server(Path(folder) / "data", port, web_port) as client_of_server:
            for seed in range(chosen.loads):
                stream(client_of_server, seed, chosen.fps, sent)
            time.sleep(2)
        client.disconnect()
        client.loop_stop()
    print(f"{chosen.loads} loads at {chosen.fps} fps, {os.cpu_count()} cores, load average {os.getloadavg()[0]:.1f}")
    for way, when in (("broker", heard), ("webhook", posted)):
        took = sorted(at - sent[digest] for digest, at in when.items())
        if len(took) < 2:
            raise SystemExit(f"{len(took)} alarms came by the {way}; give more --loads")
        late = statistics.quantiles(took, n=20, method="inclusive")[-1]
        quick = sum(one < 1 for one in took)
        print(
            f"{way:8} {len(took)} alarms: median {statistics.median(took):.3f} s, 95 % {late:.3f} s, "
            f"longest {took[-1]:.3f} s, under a second {quick} of {len(took)}"
        )


if __name__ == "__main__":
    main()
