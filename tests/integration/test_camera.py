"""`loadlens camera` as a yard runs it: a real RTSP camera that stops, freezes and goes black; a folder; kills."""

import itertools
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NoReturn

import cv2
import numpy as np
import pytest
from sqlalchemy import create_engine, text

from loadlens.datasets.procedural import ProceduralTextures
from loadlens.datasets.yard import ClipSpec, render_clip

RTSP_CAMERA = Path(__file__).with_name("rtsp_camera.py")
HEIGHT, WIDTH, FPS = 272, 480, 5
_BIT = 16  # pixels: a frame's number is drawn as black and white squares, which survive any encoder
_BITS = 12
SYSTEM_PYTHON = "/usr/bin/python3"
# Cameras are slow to notice and to come back, and so may the machine be.
pytestmark = pytest.mark.timeout(1800)


def wait_until(reached: Callable[[], bool], what: str, within_s: float = 600.0) -> None:
    end = time.monotonic() + within_s
    while not reached():
        assert time.monotonic() < end, f"waited in vain: {what}"
        time.sleep(0.1)


def write_numbered_clip(file: Path) -> None:
    clip = render_clip(ClipSpec(seed=21, size=(HEIGHT, WIDTH), fps=FPS, seconds=60), ProceduralTextures())
    with file.open("wb") as out:
        for number, (_, rgb) in enumerate(clip.frames()):
            picture = rgb.copy()
            for bit in range(_BITS):
                left = bit * _BIT
                picture[:_BIT, left : left + _BIT] = 255 * (number >> bit & 1)
            out.write(cv2.cvtColor(picture, cv2.COLOR_RGB2YUV_I420).tobytes())


@pytest.fixture(scope="session")
def numbered_clip(made_once: Callable[[str, Callable[[Path], object]], Path]) -> Path:
    """A rendered unloading of 60 s as raw I420 pictures, each with its number drawn into it."""
    return made_once("frames.i420", write_numbered_clip)


def number_in(jpeg: bytes) -> int:
    """The number drawn into a frame."""
    grey = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_GRAYSCALE)
    bits = [grey[4 : _BIT - 4, bit * _BIT + 4 : (bit + 1) * _BIT - 4].mean() > 127 for bit in range(_BITS)]
    return sum(bit << position for position, bit in enumerate(bits))


class RtspCamera:
    """GStreamer's RTSP server in a process of its own, always on the same port."""

    def __init__(self, clip: Path, port: int) -> None:
        self.clip, self.port = clip, port
        self.url = f"rtsp://127.0.0.1:{self.port}/yard"
        self.start()

    def start(self) -> None:
        size = (str(WIDTH), str(HEIGHT), str(FPS))
        command = [SYSTEM_PYTHON, str(RTSP_CAMERA), str(self.port), str(self.clip), *size]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout.readline() == "ready\n"

    def show(self, mode: str) -> None:
        self.process.stdin.write(f"{mode}\n")
        self.process.stdin.flush()

    def stop(self) -> None:
        self.process.kill()
        self.process.communicate()


@pytest.fixture
def rtsp(numbered_clip: Path, free_port: int, absent: Callable[[str, str], NoReturn]) -> Iterator[RtspCamera]:
    bindings = "import gi; gi.require_version('GstRtspServer', '1.0')"
    if subprocess.run([SYSTEM_PYTHON, "-c", bindings], capture_output=True, check=False).returncode:
        absent("rtsp", "apt-get install the packages of GStreamer that .ci/run names")
    camera = RtspCamera(numbered_clip, free_port)
    yield camera
    if camera.process.returncode is None:
        camera.stop()


@pytest.fixture(scope="module")
def new_place() -> Callable[[], dict[str, str]]:
    """All on one box: the agent sees nothing of where its server keeps things."""
    return dict


@pytest.fixture
def box(serve: Callable[..., Any]) -> Any:
    """A server with lane 3 and a load on it."""
    server = serve()
    assert server.http.put("/v1/lanes/3", json={}).status_code == 200
    server.open_load(lane="3")
    server.camera_key = server.add_key("camera", "--lane", "3")
    return server


class Agent:
    """`loadlens camera` in a process of its own."""

    def __init__(self, server: Any, spool: Path, *sources: str) -> None:
        self.server, self.spool, self.sources = server, spool, sources
        self.log = spool.with_suffix(".log")
        self.start()

    def start(self) -> None:
        given = ["--lane", "3", "--to", self.server.address, "--spool", str(self.spool)]
        command = [sys.executable, "-m", "loadlens.serving.cli", "camera", *self.sources, *given]
        with self.log.open("a") as log:
            self.process = subprocess.Popen(
                [*command, "--timeout", "3", "--heartbeat", "2"],
                stderr=log,
                env={**os.environ, "NO_PROXY": "*", "LOADLENS_KEY": self.server.camera_key},
            )

    def stop(self, by: signal.Signals = signal.SIGTERM) -> int:
        self.process.send_signal(by)
        return self.process.wait()

    def said(self) -> str:
        return self.log.read_text(encoding="utf-8")

    def waiting(self, camera: str) -> list[str]:
        """The names of the frames in its spool."""
        return sorted(path.name for path in (self.spool / camera).glob("[0-9]*"))


@pytest.fixture
def start_agent(box: Any, tmp_path: Path) -> Iterator[Callable[..., Agent]]:
    agents: list[Agent] = []

    def start(*sources: str, spool: str = "spool") -> Agent:
        agents.append(Agent(box, tmp_path / spool, *sources))
        return agents[-1]

    yield start
    for agent in agents:
        if agent.process.poll() is None:
            agent.stop(signal.SIGKILL)


def stored(server: Any, camera: str) -> list[tuple[int, str, str]]:
    """Number, digest and reason of every frame that the server has of a camera."""
    engine = create_engine(server.database_url)
    query = text("select seq, sha256, why_kept from frames where camera = :camera order by seq")
    with engine.connect() as connection:
        rows = [tuple(row) for row in connection.execute(query, {"camera": camera})]
    engine.dispose()
    return rows


def blob(server: Any, sha256: str) -> bytes:
    (path,) = server.data.rglob(sha256)
    return path.read_bytes()


def state_of_yard(server: Any) -> str:
    """What the server was told of the camera."""
    cameras = server.http.get("/v1/lanes/3/cameras").json()["cameras"]
    return cameras[0]["state"] if cameras else ""


def test_a_real_rtsp_camera_stopped_and_started_again_loses_nothing_that_was_seen(
    rtsp: RtspCamera, box: Any, start_agent: Callable[..., Agent]
) -> None:
    agent = start_agent(f"yard={rtsp.url}")
    wait_until(lambda: len(stored(box, "yard")) > 15, "frames of the first connection")
    rtsp.stop()
    wait_until(lambda: state_of_yard(box) == "lost", "the loss is noticed and told")
    rtsp.start()
    wait_until(lambda: agent.said().count("frames come from") == 2, "the camera is found again")
    before = len(stored(box, "yard"))
    wait_until(lambda: len(stored(box, "yard")) > before + 15, "frames of the second connection")
    # The agent dies while the camera goes on, and comes back.
    agent.stop(signal.SIGKILL)
    waiting = agent.waiting("yard")
    agent.start()
    wait_until(lambda: agent.said().count("frames come from") == 3, "the agent is back")
    before = len(stored(box, "yard"))
    wait_until(lambda: len(stored(box, "yard")) > before + 15, "frames after the kill")
    rtsp.stop()
    wait_until(lambda: not agent.waiting("yard"), "all is sent")
    assert agent.stop() == 0
    frames = stored(box, "yard")
    assert [seq for seq, _, _ in frames] == list(range(len(frames)))
    assert not set(waiting) & set(agent.waiting("yard"))
    shown = [number_in(blob(box, sha256)) for _, sha256, _ in frames]
    # The camera began its clip anew when it was started again.
    restarts = sum(later < earlier for earlier, later in itertools.pairwise(shown))
    assert restarts == 1, shown
    assert len(set(shown)) >= len(shown) * 0.4
    load = box.http.get(f"/v1/loads/{box.load}").json()
    assert load["frames"]["stored"] == len(frames)


@pytest.mark.long
def test_a_frozen_and_a_black_picture_are_noticed_and_their_end_too(
    rtsp: RtspCamera, box: Any, start_agent: Callable[..., Agent]
) -> None:
    agent = start_agent(f"yard={rtsp.url}")
    wait_until(lambda: state_of_yard(box) == "ok", "frames come")
    rtsp.show("freeze")
    wait_until(lambda: state_of_yard(box) == "frozen", "the frozen picture is noticed")
    rtsp.show("go")
    wait_until(lambda: state_of_yard(box) == "ok", "it goes on")
    rtsp.show("black")
    wait_until(lambda: state_of_yard(box) == "black", "the black picture is noticed")
    assert agent.stop() == 0


def test_every_upload_arrives_once_though_agent_and_server_are_killed(
    box: Any, shots: list[Any], start_agent: Callable[..., Agent], tmp_path: Path
) -> None:
    uploads = tmp_path / "uploads"
    uploads.mkdir()
    agent = start_agent("--folder", f"phone={uploads}")
    for number, shot in enumerate(shots):
        unfinished = uploads / f".{shot.seq:04d}.part"
        unfinished.write_bytes(shot.jpeg)
        unfinished.rename(uploads / f"{shot.seq:04d}.jpg")
        if number in (10, 30):
            wait_until(lambda: bool(agent.waiting("phone")) or bool(stored(box, "phone")), "uploads are taken")
            agent.stop(signal.SIGKILL)
            agent.start()
    wait_until(lambda: not any(uploads.glob("*.jpg")) and not agent.waiting("phone"), "all is sent")
    assert agent.stop() == 0
    digests = [sha256 for _, sha256, _ in stored(box, "phone")]
    assert len(digests) == len(set(digests)) == len(shots)
    assert [blob(box, sha256) for sha256 in digests] == [shot.jpeg for shot in shots]


def test_a_picture_is_sent_by_plain_http(box: Any, shots: list[Any], tmp_path: Path) -> None:
    """As the README of the service shows it for a phone or a camera that can do no more."""
    picture = tmp_path / "photo.jpg"
    picture.write_bytes(shots[0].jpeg)
    place = f"{box.address}/v1/lanes/3/frames/phone/0"
    sent = ["curl", "--silent", "--fail", "--noproxy", "*", "--upload-file", str(picture), place]
    for header in (f"Captured-At: {shots[0].captured_at}", f"Authorization: Bearer {box.camera_key}"):
        sent += ["--header", header]
    done = subprocess.run(sent, capture_output=True, check=True)
    assert b"sha256" in done.stdout
    assert [sha256 for _, sha256, _ in stored(box, "phone")] != []


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ([], "give the address of a camera"),
        (["rtsp://a/1", "rtsp://a/2"], "need names that differ"),
        (["x=rtsp://a/1", "x=rtsp://a/2"], "need names that differ"),
        (["rtsp://admin:$NO_SUCH_PASSWORD@a/1"], "$NO_SUCH_PASSWORD is not set"),
        (["rtsp://a/1", "--to", "loadlens.example"], "not the address of a server"),
        (["--folder", "/nonexistent"], "no such folder"),
        (["rtsp://a/1", "--key-file", "/nonexistent"], "the key cannot be read"),
    ],
)
def test_a_wrong_command_is_refused_in_one_line(
    run_command: Callable[..., Any], arguments: list[str], told: str, tmp_path: Path
) -> None:
    command = ["camera", "--lane", "3", "--to", "http://127.0.0.1:1", "--spool", tmp_path]
    done = run_command(*command, *arguments)
    assert done.returncode in (2, 3)
    assert told in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.long
def test_nothing_is_lost_and_nothing_stored_twice_while_everything_fails(model_file: Path) -> None:
    """The bench of that name, smaller; it says what is wrong and fails by its exit code."""
    bench = Path(__file__).parents[2] / "bench" / "nothing_lost.py"
    few = ["--agents", "2", "--frames", "100", "--kills", "4", "--every", "0.2", "--model", str(model_file)]
    done = subprocess.run([sys.executable, str(bench), *few], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "nothing lost, nothing twice" in done.stdout
