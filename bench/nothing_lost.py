"""Nothing lost, nothing twice: camera agents stream loads while everything that can fail does.

    python bench/nothing_lost.py [--agents 8] [--frames 10000] [--kills 30] [--model FILE] [--seed 1]

Every agent has a lane and a folder that pictures come into, two loads one after the other. Meanwhile server and agents
are killed (SIGKILL) at random, the network between them is cut, one agent's spool is so small that it fills, and the
clocks of two cameras jump by an hour. Loads are closed when their truck leaves, whether their frames have arrived or
not. Afterwards it checks that

- every picture is stored exactly once, numbered without a gap, byte for byte, and belongs to its load;
- every load's newest assessment equals the one computed here from the same frames in the order of their numbers;
- nothing is left in a folder, a spool or among refused frames.

Prints its figures; exits with 1 and says what is wrong where one of these does not hold.
"""

import argparse
import contextlib
import hashlib
import itertools
import json
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import httpx2
import numpy as np
from sqlalchemy import create_engine, select
from sqlalchemy.orm import Session

from loadlens.datasets.procedural import ProceduralTextures
from loadlens.datasets.yard import ClipSpec, render_clip
from loadlens.grading.observation_json import to_json
from loadlens.grading.standard import DEFAULT_STANDARD, load_standard
from loadlens.serving.jpeg import encode_jpeg
from loadlens.serving.live_load import LiveLoad
from loadlens.serving.records.inputs import inputs_from
from loadlens.serving.store.tables import Assessment, LoadFrame, StoredFrame
from loadlens.vision.image import EncodedImage
from loadlens.vision.model import SurfaceModel, load_model
from loadlens.vision.pipeline import Unloading

LOADLENS = (sys.executable, "-m", "loadlens.serving.cli")
CAMERA = "yard"
SIZE, CLIP_FPS = (272, 480), 5
SMALL_SPOOL_MB = 1
CLOCK_JUMP_S = 3600
WITHIN_S = 3600.0


class Network:
    """A TCP proxy between the agents and whichever server runs now; it can be cut."""

    def __init__(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        self.server_port = 0
        self.is_cut = False
        self.lines: set[socket.socket] = set()
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        """Break every line in the middle of whatever it carries, and let no new one through."""
        self.is_cut = True
        for line in list(self.lines):
            with contextlib.suppress(OSError):
                line.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        while True:
            near, _ = self.listener.accept()
            if self.is_cut:
                near.close()
                continue
            try:
                far = socket.create_connection(("127.0.0.1", self.server_port), timeout=5)
            except OSError:
                near.close()
                continue
            self.lines |= {near, far}
            for source, target in ((near, far), (far, near)):
                threading.Thread(target=self._carry, args=(source, target), daemon=True).start()

    def _carry(self, source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                target.sendall(data)
        for line in (source, target):
            with contextlib.suppress(OSError):
                line.shutdown(socket.SHUT_RDWR)
            self.lines.discard(line)


class Process:
    """A command that can be killed and started again."""

    def __init__(self, log: Path, command: list[str], environment: dict[str, str] | None = None) -> None:
        self.log, self.command = log, command
        self.environment = {**os.environ, "NO_PROXY": "*", **(environment or {})}
        self.kills = 0

    def start(self) -> None:
        """Start it; its stderr goes on in the same log."""
        with self.log.open("a") as log:
            self.process = subprocess.Popen(
                self.command, stdout=subprocess.PIPE, stderr=log, text=True, env=self.environment
            )

    def kill(self) -> None:
        """End it as a power cut would."""
        self.stop(signal.SIGKILL)
        self.kills += 1

    def stop(self, by: signal.Signals = signal.SIGTERM) -> None:
        """End it and wait for that."""
        self.process.send_signal(by)
        self.process.communicate()


class Yard:
    """The server with its data, and a manager who talks to it past the proxy."""

    def __init__(self, folder: Path, network: Network, model: Path | None) -> None:
        self.data, self.network = folder / "data", network
        self.key = self._add_key("manager")
        chosen = [] if model is None else ["--model", str(model)]
        command = [*LOADLENS, "serve", "--port", "0", "--data", str(self.data), *chosen]
        self.server = Process(folder / "server.log", command)
        self.start()

    def _add_key(self, role: str, *more: str) -> str:
        command = [*LOADLENS, "keys", "add", "--role", role, "--data", str(self.data), *more]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    def camera_key(self, lane: str) -> str:
        """A key that opens this lane alone."""
        return self._add_key("camera", "--lane", lane)

    def start(self) -> None:
        """Start the server on a free port and lead the network to it."""
        self.server.start()
        words = self.server.process.stdout.readline().split()
        if not words:
            raise SystemExit(f"the server did not start: {self.server.log.read_text()[-2000:]}")
        self.network.server_port = int(words[-1].rpartition(":")[2])

    def ask(self, method: str, place: str, *fine: int, **more: Any) -> httpx2.Response:
        """Ask until the answer is one of `fine`: the server may be dead at any moment."""
        end = time.monotonic() + WITHIN_S
        while True:
            said = "no answer"
            try:
                address = f"http://127.0.0.1:{self.network.server_port}{place}"
                headers = {"Authorization": f"Bearer {self.key}"}
                answer = httpx2.request(method, address, headers=headers, timeout=60, trust_env=False, **more)
                if answer.status_code in fine:
                    return answer
                said = f"{answer.status_code}: {answer.text}"
            except httpx2.TransportError:
                pass
            if time.monotonic() > end:
                raise SystemExit(f"{method} {place} is answered {said}")
            time.sleep(0.3)

    @contextlib.contextmanager
    def records(self) -> Iterator[Session]:
        """What the server has recorded, read behind its back."""
        engine = create_engine(f"sqlite:///{self.data / 'loadlens.sqlite'}")
        with Session(engine) as session:
            yield session
        engine.dispose()


@dataclass
class Lane:
    """One lane with its agent, and what was put into the agent's folder: digests by load."""

    name: str
    folder: Path
    agent: Process
    jumps_s: float
    sent: dict[str, list[str]] = field(default_factory=dict)

    @property
    def spool(self) -> Path:
        """Where its agent keeps what waits."""
        return self.folder / "spool" / CAMERA

    def left(self) -> int:
        """How many pictures are not at the server yet."""
        return len(list((self.folder / "uploads").glob("*.jpg"))) + len(list(self.spool.glob("[0-9]*")))


def set_up_lane(number: int, folder: Path, yard: Yard) -> Lane:
    """A lane at the server, and an agent for it; the first agent's spool is small."""
    name = f"lane-{number}"
    yard.ask("PUT", f"/v1/lanes/{name}", 200, json={})
    place = folder / name
    (place / "uploads").mkdir(parents=True)
    command = [*LOADLENS, "camera", "--folder", f"{CAMERA}={place / 'uploads'}", "--lane", name]
    command += ["--to", yard.network.address, "--spool", str(place / "spool")]
    if number == 0:
        command += ["--spool-mb", str(SMALL_SPOOL_MB)]
    agent = Process(place / "agent.log", command, {"LOADLENS_KEY": yard.camera_key(name)})
    agent.start()
    return Lane(name, place, agent, {1: -CLOCK_JUMP_S, 2: CLOCK_JUMP_S}.get(number, 0))


def unload(lane: Lane, yard: Yard, clip: list[np.ndarray], every_s: float, taken: Counter[str]) -> None:
    """What happens on a lane: two trucks come, are watched and leave."""
    number = 0
    for visit in range(2):
        load = f"{lane.name}-{visit}"
        yard.ask("POST", "/v1/loads", 200, 201, json={"id": load, "lane": lane.name})
        time.sleep(1.0)
        sent = lane.sent.setdefault(load, [])
        for position, rgb in enumerate(clip):
            began = time.monotonic()
            jpeg = marked(rgb, lane.name, number)
            sent.append(hashlib.sha256(jpeg).hexdigest())
            unfinished = lane.folder / "uploads" / f".{number:06d}.part"
            unfinished.write_bytes(jpeg)
            # The camera's clock is wrong for the middle fifth of every load.
            wrong = 0.4 <= position / len(clip) < 0.6
            at = time.time() + (lane.jumps_s if wrong else 0)
            os.utime(unfinished, (at, at))
            unfinished.rename(unfinished.with_name(f"{number:06d}.jpg"))
            number += 1
            taken["frames"] += 1
            time.sleep(max(0.0, began + every_s - time.monotonic()))
        time.sleep(1.0)
        yard.ask("POST", f"/v1/loads/{load}/close", 202)


def marked(rgb: np.ndarray, lane: str, number: int) -> bytes:
    """A frame that no other lane or number has."""
    picture = rgb.copy()
    cv2.putText(picture, f"{lane} {number}", (4, 12), cv2.FONT_HERSHEY_PLAIN, 0.8, (255, 255, 255))
    return encode_jpeg(picture, 85)


def break_things(
    yard: Yard, lanes: list[Lane], kills: int, chance: random.Random, over: threading.Event
) -> Counter[str]:
    """Kill, cut and mend until so many kills have been done and nothing is sent any more."""
    done: Counter[str] = Counter()
    while not (over.is_set() and done["server"] + done["agent"] >= kills):
        time.sleep(chance.uniform(2.0, 8.0))
        what = chance.choice(("server", "agent", "agent", "cut"))
        if what == "cut":
            yard.network.cut()
            time.sleep(chance.uniform(3.0, 40.0))
            yard.network.is_cut = False
        else:
            process = yard.server if what == "server" else chance.choice(lanes).agent
            process.kill()
            time.sleep(chance.uniform(0.0, 3.0))
            yard.start() if process is yard.server else process.start()
        done[what] += 1
    return done


def check(yard: Yard, lanes: list[Lane], model: SurfaceModel) -> list[str]:
    """Everything that is not as it should be."""
    faults = []
    for lane in lanes:
        with yard.records() as session:
            query = select(StoredFrame).where(StoredFrame.stream == f"lane:{lane.name}").order_by(StoredFrame.seq)
            stored = session.scalars(query).all()
        if [frame.seq for frame in stored] != list(range(len(stored))):
            faults.append(f"{lane.name}: the numbers have gaps")
        owed = Counter(digest for digests in lane.sent.values() for digest in digests)
        have = Counter(frame.sha256 for frame in stored)
        faults += [f"{lane.name}: {digest} is lost" for digest in (owed - have).elements()]
        faults += [f"{lane.name}: {digest} is stored twice or was never sent" for digest in (have - owed).elements()]
        faults += [f"{path} was refused" for path in (lane.spool / "refused").iterdir()]
        for load, digests in lane.sent.items():
            faults += check_load(yard, load, digests, model)
    return faults


def check_load(yard: Yard, load: str, digests: list[str], model: SurfaceModel) -> list[str]:
    """What is wrong with one load: its frames or its assessment."""
    with yard.records() as session:
        joined = select(LoadFrame).where(LoadFrame.load_id == load).order_by(LoadFrame.seq)
        links = session.scalars(joined).all()
        frames = [session.get(StoredFrame, (link.stream, link.camera, link.seq)) for link in links]
        newest = select(Assessment).where(Assessment.load_id == load).order_by(Assessment.version.desc()).limit(1)
        assessment = session.scalars(newest).one()
    faults = []
    if Counter(frame.sha256 for frame in frames) != Counter(digests):
        faults.append(f"{load}: has {len(frames)} frames, {len(digests)} were sent")
    blobs = {frame.sha256: next(yard.data.rglob(frame.sha256)).read_bytes() for frame in frames}
    faults += [f"{load}: {digest} has other bytes" for digest in blobs if sha256(blobs[digest]) != digest]

    def begin(first: StoredFrame | None) -> Unloading:
        return Unloading(model, load_id=load, source=f"camera {first.camera}", started_at=first.captured_at)

    def picture(frame: StoredFrame) -> EncodedImage:
        return EncodedImage(blobs[frame.sha256], f"frame {frame.camera}/{frame.seq}")

    live = LiveLoad(begin, picture)
    for frame in frames:
        live.view(frame.camera, frames[0].seq).feed(frame)
    observation = live.finish({CAMERA: sum(link.late for link in links)}).observation
    if to_json(observation) != assessment.observation:
        faults.append(f"{load}: another observation than the one computed offline")
    standard = load_standard(DEFAULT_STANDARD)
    report = inputs_from(assessment.inputs).assess(observation, standard).to_report()
    served = json.loads(assessment.report)
    for layer in served["layers"]:
        layer["overlay"] = None
    if json.loads(json.dumps(report)) != served:
        faults.append(f"{load}: another assessment than the one computed offline")
    return faults


def sha256(data: bytes) -> str:
    """Hex."""
    return hashlib.sha256(data).hexdigest()


def wait_for_the_end(yard: Yard, lanes: list[Lane]) -> None:
    """Until every agent has sent all and every load is graded with all that came late."""
    end = time.monotonic() + WITHIN_S
    while any(lane.left() for lane in lanes):
        if time.monotonic() > end:
            raise SystemExit(f"not sent: {[lane.left() for lane in lanes]}")
        time.sleep(0.5)
    for load in [load for lane in lanes for load in lane.sent]:
        while yard.ask("GET", f"/v1/loads/{load}", 200).json()["status"] not in ("graded", "flagged"):
            if time.monotonic() > end:
                raise SystemExit(f"{load} is never graded")
            time.sleep(0.5)


def run(asked: argparse.Namespace, folder: Path) -> int:
    """Do it all in a folder; returns the exit code."""
    began = time.monotonic()
    per_load = max(asked.frames // asked.agents // 2, CLIP_FPS * 8)
    # Both trucks of a lane bring the same scrap; every frame is marked, so no two are the same.
    spec = ClipSpec(seed=asked.seed, size=SIZE, fps=CLIP_FPS, seconds=1.2 * per_load / CLIP_FPS)
    clip = [rgb for _, rgb in itertools.islice(render_clip(spec, ProceduralTextures()).frames(), per_load)]
    network = Network()
    yard = Yard(folder, network, asked.model)
    lanes = [set_up_lane(number, folder, yard) for number in range(asked.agents)]
    taken: Counter[str] = Counter()
    trucks = [
        threading.Thread(target=unload, args=(lane, yard, clip, asked.every, taken), daemon=True) for lane in lanes
    ]
    over = threading.Event()
    broken: list[Counter[str]] = []
    chance = random.Random(asked.seed)
    breaking = threading.Thread(
        target=lambda: broken.append(break_things(yard, lanes, asked.kills, chance, over)), daemon=True
    )
    for thread in (*trucks, breaking):
        thread.start()
    for thread in trucks:
        thread.join()
    over.set()
    breaking.join()
    wait_for_the_end(yard, lanes)
    for process in (*(lane.agent for lane in lanes), yard.server):
        process.stop()
    faults = check(yard, lanes, load_model(asked.model))
    with yard.records() as session:
        late = session.scalars(select(LoadFrame).where(LoadFrame.late)).all()
    full = (lanes[0].folder / "agent.log").read_text().count("uploads wait")
    print(f"frames sent          {taken['frames']} by {asked.agents} agents in {2 * asked.agents} loads")
    print(f"kills                {broken[0]['server']} of the server, {broken[0]['agent']} of agents")
    print(f"network cut          {broken[0]['cut']} times; a spool was full {full} times; 2 clocks jumped by an hour")
    print(f"frames after a close {len(late)}")
    print(f"took                 {time.monotonic() - began:.0f} s")
    print("\n".join(faults) or "nothing lost, nothing twice, every assessment as computed offline")
    return 1 if faults else 0


def main() -> int:
    """Read the arguments and run."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--agents", type=int, default=8)
    arguments.add_argument("--frames", type=int, default=10_000)
    arguments.add_argument("--kills", type=int, default=30)
    arguments.add_argument("--every", type=float, default=0.4, help="seconds between two frames of a camera")
    arguments.add_argument("--model", type=Path, help="a model file; default: the one that is shipped")
    arguments.add_argument("--seed", type=int, default=1)
    arguments.add_argument("--folder", type=Path, help="keep everything here; default: a temporary folder")
    asked = arguments.parse_args()
    if asked.folder is not None:
        asked.folder.mkdir(parents=True)
        return run(asked, asked.folder)
    with tempfile.TemporaryDirectory() as folder:
        return run(asked, Path(folder))


if __name__ == "__main__":
    sys.exit(main())
