"""What an agent says of a camera whose frames it cannot keep."""

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import numpy as np

from loadlens.serving.ingest.camera import Camera, FolderCamera, Options, StreamCamera
from loadlens.serving.ingest.server import LaneServer
from loadlens.serving.ingest.spool import Spool


def wait_until(true: Callable[[], Any], what: str, within_s: float = 120.0) -> None:
    end = time.monotonic() + within_s
    while not true():
        assert time.monotonic() < end, f"never so: {what}"
        time.sleep(0.05)


def nowhere() -> LaneServer:
    return LaneServer("http://127.0.0.1:1", "3", None)


def video(path: Path) -> Path:
    """Two seconds in which everything changes all the time."""
    random = np.random.default_rng(0)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=5)
        stream.width, stream.height, stream.pix_fmt = 160, 96, "yuv420p"
        for _ in range(10):
            picture = random.integers(0, 256, (96, 160, 3), np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())
    return path


def state(camera: Camera) -> str:
    found: str = camera.health()["state"]
    return found


def test_a_folder_that_is_gone_is_a_lost_camera_until_it_is_back(
    tmp_path: Path, open_spool: Callable[..., Spool]
) -> None:
    folder, stop = tmp_path / "uploads", threading.Event()
    folder.mkdir()
    camera = FolderCamera("phone", folder, open_spool(tmp_path / "spool"), nowhere(), stop)
    camera.start()
    assert state(camera) == "ok"
    folder.rmdir()
    wait_until(lambda: state(camera) == "lost", "it is missed")
    folder.mkdir()
    wait_until(lambda: state(camera) == "ok", "it is back")
    stop.set()
    assert camera.join(60)


def test_a_camera_whose_frames_find_no_room_is_lost(tmp_path: Path, open_spool: Callable[..., Spool]) -> None:
    stop = threading.Event()
    spool = open_spool(tmp_path / "spool", 10)
    camera = StreamCamera("mast", str(video(tmp_path / "a.mp4")), spool, nowhere(), stop, options=Options())
    assert state(camera) == "lost"  # not opened yet
    camera.start()
    wait_until(lambda: camera.health()["counts"]["not_taken"], "a frame found no room")
    assert state(camera) == "lost"
    stop.set()
    assert camera.join(60)
