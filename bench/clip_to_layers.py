"""What it costs to turn a clip into graded layers, beside decoding it and beside what people would use instead.

    python bench/clip_to_layers.py [--rounds 3] [--seconds 20]

Renders a 1080p unloading and the same truck standing still, and runs every case as a process of its own: CPU seconds
(user + system) from start to end, imports included. The unloading is encoded as a file is, with pictures that no other
is built upon, and again as a yard's camera sends it, as is the truck that stands still. The peers see every frame, or
one a second; they find things in pictures and no layers at all, so of layers only ours are counted. The limit is
decoding the clip once and calling ONNX Runtime on a ready picture as often as the grading did. Memory is the peak of
the process, of the clip and of one four times as long.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable
from fractions import Fraction
from functools import partial
from pathlib import Path

import av
import numpy as np
from av.video.frame import PictureType
from figures import LOADLENS, Figure, cost, figure, interleaved, peak_mb, ratio, show

from loadlens.datasets.procedural import ProceduralTextures
from loadlens.datasets.yard import ClipSpec, render_clip, write_clip

SIZE, FPS = (1080, 1920), 25
# A camera sends a key frame every 2 s, reorders nothing, and keeps to a bit rate.
CAMERA = {"preset": "veryfast", "tune": "zerolatency", "b": "4M", "maxrate": "4M", "bufsize": "4M", "g": str(2 * FPS)}
LONGER = 4  # so long that starting up hardly counts
DECODE = """
import sys, av
with av.open(sys.argv[1]) as clip:
    clip.streams.video[0].thread_count = 1
    for _ in clip.decode(video=0):
        pass
"""
LIMIT = (
    DECODE
    + """
import numpy as np
from loadlens.vision.model import load_model
model, picture = load_model(), np.zeros((360, 640, 3), np.uint8)
for _ in range(int(sys.argv[2])):
    model.look(picture)
"""
)
# As tutorials write it: every frame decoded to BGR, and the model asked each time.
TUTORIAL = """
import sys, cv2
from loadlens.vision.model import load_model
model, clip = load_model(), cv2.VideoCapture(sys.argv[1])
while True:
    read, picture = clip.read()
    if not read:
        break
    model.look(cv2.cvtColor(cv2.resize(picture, (640, 360)), cv2.COLOR_BGR2RGB))
"""
# The smallest network of a well-known detector. Its weights are drawn by chance: they change what it finds, not its
# cost, but for sorting out boxes, of which chance weights give hardly any.
ULTRALYTICS = """
import sys, torch
from ultralytics import YOLO
torch.set_num_threads(1)
clip, every = sys.argv[1], int(sys.argv[2])
for _ in YOLO("yolo11n.yaml").predict(clip, stream=True, vid_stride=every, device="cpu", verbose=False):
    pass
"""


def write_still(clip: Path, moving: Path) -> None:
    """Write a clip LONGER times as long as `moving` in which nothing happens but the noise of the sensor."""
    with av.open(str(moving)) as source:
        count = LONGER * source.streams.video[0].frames
        first = next(source.decode(video=0)).to_ndarray(format="rgb24").astype(np.int16)
    noise = np.random.default_rng(1)
    noisy = (np.clip(first + noise.normal(0, 2, (*SIZE, 1)).astype(np.int16), 0, 255) for _ in range(8))
    pictures = [av.VideoFrame.from_ndarray(one.astype(np.uint8), "rgb24").reformat(format="yuv420p") for one in noisy]
    with av.open(str(clip), "w") as target:
        stream = target.add_stream("libx264", rate=FPS)
        stream.width, stream.height, stream.pix_fmt, stream.options = SIZE[1], SIZE[0], "yuv420p", CAMERA
        for number in range(count):
            picture = pictures[number % len(pictures)]
            picture.pts, picture.time_base = number, Fraction(1, FPS)
            target.mux(stream.encode(picture))
        target.mux(stream.encode())


def as_camera(clip: Path, out: Path) -> None:
    """Write the clip as a camera would have sent it."""
    with av.open(str(clip)) as source, av.open(str(out), "w") as target:
        stream = target.add_stream("libx264", rate=FPS)
        stream.width, stream.height, stream.pix_fmt, stream.options = SIZE[1], SIZE[0], "yuv420p", CAMERA
        for frame in source.decode(video=0):
            frame.pts = round(frame.time * FPS)
            frame.time_base, frame.pict_type = Fraction(1, FPS), PictureType.NONE
            target.mux(stream.encode(frame))
        target.mux(stream.encode())


def lengthen(clip: Path, times: int, out: Path) -> None:
    """Write the clip `times` in a row without encoding again."""
    with av.open(str(out), "w") as target:
        stream, offset = None, 0
        for _ in range(times):
            with av.open(str(clip)) as source:
                origin = source.streams.video[0]
                stream = stream or target.add_stream_from_template(origin)
                end = offset
                for packet in source.demux(origin):
                    if packet.dts is None:
                        continue
                    packet.stream = stream
                    packet.pts, packet.dts = packet.pts + offset, packet.dts + offset
                    end = max(end, packet.pts + (packet.duration or 1))
                    target.mux(packet)
                offset = end


def grade(clip: Path, out: Path) -> list[str]:
    """The command that grades a clip as a user would."""
    return [*LOADLENS, "grade", str(clip), "--out", str(out), "--json"]


def layers_found(layers: list[dict[str, float]], settled: list[tuple[float, float]]) -> float:
    """The share of the settled intervals in which the key frame of a layer lies."""
    keys = [layer["key_frame_s"] for layer in layers]
    return float(np.mean([any(start <= key <= end for key in keys) for start, end in settled]))


def figures(folder: Path, rounds: int, seconds: float) -> list[Figure]:
    """Measure everything; `folder` takes the clips."""
    clip, still = folder / "clip.mp4", folder / "still.mp4"
    rendered = render_clip(ClipSpec(seed=7, size=SIZE, fps=FPS, seconds=seconds), ProceduralTextures())
    write_clip(rendered, clip)
    write_still(still, clip)
    as_camera(clip, folder / "live.mp4")
    report, from_camera = (
        json.loads(subprocess.run(grade(each, folder / each.stem), capture_output=True, text=True, check=False).stdout)
        for each in (clip, folder / "live.mp4")
    )
    used = str(report["load"]["frames_used"])
    python, offline = sys.executable, {"YOLO_OFFLINE": "true", "YOLO_CONFIG_DIR": str(folder), "YOLO_VERBOSE": "false"}

    def cpu(*command: str, allowed: tuple[int, ...] = (0,)) -> Callable[[], float]:
        return lambda: cost(command, allowed, **offline)

    graded = partial(cpu, allowed=(0, 4))
    lengthen(clip, LONGER, folder / "long.mp4")
    memory, more = (peak_mb(grade(each, folder / "memory"), (0, 4)) for each in (clip, folder / "long.mp4"))
    seen = interleaved(
        {
            "ours": graded(*grade(clip, folder / "out")),
            "decode": cpu(python, "-c", DECODE, str(clip)),
            "live": graded(*grade(folder / "live.mp4", folder / "out")),
            "limit": cpu(python, "-c", LIMIT, str(clip), used),
            "tutorial": cpu(python, "-c", TUTORIAL, str(clip)),
            "every": cpu(python, "-c", ULTRALYTICS, str(clip), "1"),
            "second": cpu(python, "-c", ULTRALYTICS, str(clip), str(FPS)),
            "idle": graded(*grade(still, folder / "idle")),
            "idle decode": cpu(python, "-c", DECODE, str(still)),
        },
        rounds,
    )
    settled = [(layer.start_s, layer.end_s) for layer in rendered.truth.layers]
    found, found_live = (layers_found(each["layers"], settled) for each in (report, from_camera))
    return [
        figure("CPU seconds of grading, for each second of the clip", [value / seconds for value in seen["ours"]]),
        figure("layers found of those that settled (share; no peer finds any)", [found]),
        figure("cameras that unload, 1080p, for each core", [seconds / value for value in seen["live"]]),
        figure("layers found of those that settled, as the camera sends them", [found_live], ">= 1"),
        ratio("every frame through Ultralytics nano / grading", seen["every"], seen["ours"], ">= 30"),
        ratio("one frame a second through Ultralytics nano / grading", seen["second"], seen["ours"], ">= 5"),
        ratio("every frame through our model in an OpenCV loop / grading", seen["tutorial"], seen["ours"]),
        ratio("grading / decoding once and the bare calls", seen["ours"], seen["limit"], "<= 1.3"),
        ratio("grading / decoding once", seen["ours"], seen["decode"], "<= 2"),
        figure("peak memory of grading the clip, MB", [memory], "<= 1000"),
        figure(f"the same of a clip {LONGER} times as long / of the clip", [more / memory], "<= 1.2"),
        ratio("watching a truck that stands still / decoding it", seen["idle"], seen["idle decode"], "<= 0.2"),
    ]


def main() -> None:
    """Run the comparison and print it."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--rounds", type=int, default=3)
    arguments.add_argument("--seconds", type=float, default=20.0)
    asked = arguments.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        show(figures(Path(folder), asked.rounds, asked.seconds))


if __name__ == "__main__":
    main()
