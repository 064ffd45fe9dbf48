"""One 1080p JPEG to its grid of probabilities: ours beside other engines under the same network, and beside tiles.

    python bench/picture_to_grid.py [--rounds 5] [--pictures 20]

All in one process and on one thread; CPU seconds of the process. "Like for like" is the same network on the same
picture, 640 pixels wide, from the same bytes: in floating point it runs with weights drawn by chance, which changes
nothing in its cost. Tiles are what tutorials do: the whole picture decoded at full size and cut into squares of 224, in
ONNX Runtime in floating point. What eight bits cost in accuracy is on the model's card.
"""

import argparse
import time
from collections.abc import Callable
from functools import partial
from itertools import islice

import cv2
import numpy as np
import onnxruntime
import openvino
import torch
from figures import Figure, figure, interleaved, ratio, show
from numpy.typing import NDArray

from loadlens.datasets.procedural import ProceduralTextures
from loadlens.datasets.yard import ClipSpec, render_clip
from loadlens.serving.jpeg import encode_jpeg
from loadlens.training.export import Exported, onnx_bytes
from loadlens.training.network import SurfaceNet
from loadlens.vision.frame import Frame
from loadlens.vision.model import SurfaceModel, installed_models, load_model
from loadlens.vision.pipeline import picture_for_model

Picture = NDArray[np.uint8]
TILE = 224


def shipped(model: SurfaceModel, jpeg: bytes) -> None:
    """As LoadLens looks at a photo."""
    width = model.metadata.trained_width
    model.look(picture_for_model(Frame.from_bytes(jpeg, name="bench", time_s=0.0, colour_width=width), width))


def scaled(jpeg: bytes, width: int) -> Picture:
    """The JPEG decoded at half size, which costs less, and brought to `width`."""
    half = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_REDUCED_COLOR_2)
    rgb = cv2.cvtColor(half, cv2.COLOR_BGR2RGB)
    return np.asarray(cv2.resize(rgb, (width, width * 9 // 16), interpolation=cv2.INTER_AREA), np.uint8)


def bare(model: SurfaceModel, width: int, jpeg: bytes) -> None:
    """The limit: a scaled decode and the call of the engine."""
    model.look(scaled(jpeg, width))


def torched(network: Callable[[torch.Tensor], torch.Tensor], width: int, jpeg: bytes) -> None:
    """The same network in PyTorch."""
    planes = np.ascontiguousarray(scaled(jpeg, width).transpose(2, 0, 1), np.float32)
    with torch.inference_mode():
        network(torch.from_numpy(planes[None])).softmax(dim=1)


def in_openvino(compiled: openvino.CompiledModel, width: int, jpeg: bytes) -> None:
    """The shipped file in OpenVINO."""
    compiled({"image": scaled(jpeg, width)[None]})


def in_float(session: onnxruntime.InferenceSession, width: int, jpeg: bytes) -> None:
    """The same network in ONNX Runtime, in floating point."""
    session.run(["surface"], {"image": scaled(jpeg, width)[None]})


def tiled(session: onnxruntime.InferenceSession, jpeg: bytes) -> None:
    """Every square of the picture at full size."""
    bgr = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
    rgb = np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), np.uint8)
    for top in range(0, rgb.shape[0], TILE):
        for left in range(0, rgb.shape[1], TILE):
            session.run(["surface"], {"image": rgb[None, top : top + TILE, left : left + TILE]})


def _session(data: bytes) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])


def figures(rounds: int, pictures: int) -> list[Figure]:
    """Measure everything."""
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    clip = render_clip(ClipSpec(seed=7, size=(1080, 1920), fps=5, seconds=max(6, pictures / 5)), ProceduralTextures())
    jpegs = [encode_jpeg(rgb, 80) for _, rgb in islice(clip.frames(), pictures)]
    model = load_model()
    width = model.metadata.trained_width
    network = SurfaceNet(len(model.metadata.class_ids)).eval()
    quick = torch.compile(network)
    whole = Exported(network, 1.0, [0.0] * len(model.metadata.class_ids)).eval()
    floats = _session(onnx_bytes(whole, "surface"))
    vino = openvino.Core().compile_model(installed_models()[0], "CPU", {"INFERENCE_NUM_THREADS": 1})
    ways: dict[str, Callable[[bytes], None]] = {
        "ours": partial(shipped, model),
        "limit": partial(bare, model, width),
        "eager": partial(torched, network, width),
        "compiled": partial(torched, quick, width),
        "openvino": partial(in_openvino, vino, width),
        "float": partial(in_float, floats, width),
        "tiles": partial(tiled, floats),
    }
    for way in ways.values():
        way(jpegs[0])  # what is done once and then kept, such as compiling, is not counted

    def cpu_s(way: Callable[[bytes], None]) -> float:
        began = time.process_time()
        for jpeg in jpegs:
            way(jpeg)
        return (time.process_time() - began) / len(jpegs)

    seen = interleaved({name: partial(cpu_s, way) for name, way in ways.items()}, rounds)
    return [
        figure("1080p JPEGs to grids for each CPU second, as shipped", [1 / value for value in seen["ours"]], ">= 60"),
        ratio("PyTorch eager / ours, the same network", seen["eager"], seen["ours"], ">= 7"),
        ratio("torch.compile / ours, the same network", seen["compiled"], seen["ours"], ">= 2.5"),
        ratio("ONNX Runtime in floating point / ours, the same network", seen["float"], seen["ours"], ">= 2"),
        ratio("OpenVINO / ours, the same file", seen["openvino"], seen["ours"], ">= 0.9"),
        ratio("tiles of 224 at full size / ours", seen["tiles"], seen["ours"], ">= 12"),
        ratio("ours / scaled decode and the bare call", seen["ours"], seen["limit"], "<= 1.3"),
    ]


def main() -> None:
    """Run the comparison and print it."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--rounds", type=int, default=5)
    arguments.add_argument("--pictures", type=int, default=20)
    asked = arguments.parse_args()
    show(figures(asked.rounds, asked.pictures))


if __name__ == "__main__":
    main()
