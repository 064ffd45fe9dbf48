"""From a trained network to the model file that serving reads: ONNX with normalisation and calibration folded in."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import onnx.compose
import torch
from numpy.typing import NDArray
from onnx import helper, numpy_helper
from torch import Tensor, nn

from loadlens.training.calibrate import Calibration
from loadlens.training.network import STRIDE, SurfaceNet
from loadlens.training.photos import PhotoAnswer
from loadlens.vision.metadata import METADATA_KEY, ModelMetadata
from loadlens.vision.model import STRANGENESS, WHOLE, SurfaceModel
from loadlens.vision.photo_model import PhotoMetadata

LARGEST_FILE = 12 * 2**20
OPSET = 18
_LARGE = 1000


class ExportError(RuntimeError):
    """An exported model that is not the trained one, or too large to ship."""


class Exported(nn.Module):
    """The contract around the network: uint8 [N, H, W, 3] RGB in, calibrated probabilities [N, K, H/16, W/16] out."""

    def __init__(self, network: SurfaceNet, temperature: float, bias: Sequence[float]) -> None:
        super().__init__()
        self.network = network
        self.temperature = temperature
        self.bias = nn.Parameter(torch.tensor(bias, dtype=torch.float32).reshape(1, -1, 1, 1), requires_grad=False)

    def forward(self, image: Tensor) -> Tensor:
        """The probabilities of every cell."""
        logits: Tensor = self.network(image.permute(0, 3, 1, 2).float())
        return (logits / self.temperature + self.bias).softmax(dim=1)


class ExportedPhoto(nn.Module):
    """The same for whole photos: uint8 [N, H, W, 3] RGB in, probabilities [N, forms] and strangeness [N] out."""

    def __init__(self, answer: PhotoAnswer) -> None:
        super().__init__()
        self.answer = answer.network
        self.temperature = answer.temperature
        self.strangeness = answer.strangeness

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """The probabilities of the forms, and how unlike the training photos the picture is."""
        pooled = self.answer.pooled(image.permute(0, 3, 1, 2).float())
        logits: Tensor = self.answer.head(pooled)
        return (logits / self.temperature).softmax(dim=1), self.strangeness(pooled)


def export(
    network: SurfaceNet, metadata: ModelMetadata, found: Calibration, photo: PhotoAnswer | None, out: Path
) -> float:
    """Write the model file; returns the largest difference of a probability between PyTorch and ONNX Runtime.

    The difference is that of the exact graph; large weights are then stored in half precision. Raises ExportError
    where PyTorch and ONNX Runtime differ by more than 0.001, where half precision changes a surface by more than 0.001
    on average, or where the file is larger than 12 MB; then nothing is written.
    """
    whole = Exported(network.eval(), found.temperature, found.bias).eval()
    graph = onnx.load_model_from_string(with_metadata(onnx_bytes(whole, "surface"), metadata))
    exact = SurfaceModel(graph.SerializeToString(), name=out.name)
    difference = parity(whole, exact)
    if difference > 1e-3:
        raise ExportError(f"{out}: ONNX Runtime differs from PyTorch by {difference:.2g}; the file was not written")
    halve_weights(graph.graph)
    if photo is not None:
        branch = onnx.load_model_from_string(onnx_bytes(ExportedPhoto(photo).eval(), "photo", STRANGENESS))
        halve_weights(branch.graph)
        add_photo_branch(graph, branch)
    data = bytes(graph.SerializeToString())
    if len(data) > LARGEST_FILE:
        raise ExportError(f"{out}: {len(data) / 2**20:.1f} MB is more than {LARGEST_FILE / 2**20:.0f} MB")
    if (change := _change(exact, SurfaceModel(data, name=out.name))) > 1e-3:
        raise ExportError(f"{out}: half precision changes a surface by {change:.2g} on average; it was not written")
    out.parent.mkdir(parents=True, exist_ok=True)
    write_model(data, out)
    return difference


def write_model(data: bytes, out: Path) -> None:
    """Write a model file in one step: whoever opens it meets the old one, the new one, or none."""
    unfinished = out.with_suffix(".new")
    unfinished.write_bytes(data)
    unfinished.replace(out)


def rewrite_metadata(model: Path, **changes: object) -> None:
    """Change what a model file says of itself (its measured errors and metrics); the graph stays byte for byte."""
    data = model.read_bytes()
    metadata = replace(SurfaceModel(data, name=model.name).metadata, **changes)  # type: ignore[arg-type]
    write_model(with_metadata(data, metadata), model)


@torch.no_grad()
def parity(whole: Exported, model: SurfaceModel) -> float:
    """The largest difference of a probability over pictures of several shapes, 0..1."""
    worst = 0.0
    for picture in _pictures():
        expected = whole(torch.from_numpy(picture[None]))[0].numpy()
        worst = max(worst, float(np.abs(model.look(picture).probs - expected).max()))
    return worst


def _pictures() -> list[NDArray[np.uint8]]:
    rng = np.random.default_rng(0)
    sizes = ((288, 384), (368, 640), (11 * STRIDE, 7 * STRIDE))
    return [rng.integers(0, 256, (height, width, 3), np.uint8) for height, width in sizes]


def _change(exact: SurfaceModel, rounded: SurfaceModel) -> float:
    """The largest mean difference of a probability over a picture."""
    return max(float(np.abs(exact.look(picture).probs - rounded.look(picture).probs).mean()) for picture in _pictures())


def halve_weights(graph: onnx.GraphProto, *, exactly: bool = False) -> None:
    """Store large float32 weights as float16, cast back as the file is loaded: half the size, the same speed.

    With `exactly` only those that are the same numbers afterwards.
    """
    casts = []
    for weight in list(graph.initializer):
        if weight.data_type == onnx.TensorProto.FLOAT and np.prod(weight.dims) >= _LARGE:
            whole = numpy_helper.to_array(weight)
            half = whole.astype(np.float16)
            if exactly and not np.array_equal(half.astype(np.float32), whole):
                continue
            stored = numpy_helper.from_array(half, f"{weight.name}.half")
            casts.append(helper.make_node("Cast", [stored.name], [weight.name], to=onnx.TensorProto.FLOAT))
            graph.initializer.remove(weight)
            graph.initializer.append(stored)
    nodes = list(graph.node)
    del graph.node[:]
    graph.node.extend(casts + nodes)


def add_photo_branch(model: onnx.ModelProto, photo: onnx.ModelProto) -> None:
    """Let a model also answer for whole photos, at no cost where nobody asks: all outputs of `photo` where `whole` is
    true.

    The branch is the body of an If, so it runs only on demand; where it does not, its outputs are empty.
    """
    names = [output.name for output in photo.graph.output]
    branch = onnx.compose.add_prefix(photo, "photo/", rename_inputs=False).graph
    nothing = [
        numpy_helper.from_array(np.zeros((0, *(side.dim_value for side in sides)), np.float32), f"nothing/{name}")
        for name, output in zip(names, branch.output, strict=True)
        for sides in [output.type.tensor_type.shape.dim[1:]]
    ]
    empty = helper.make_graph(
        [helper.make_node("Constant", [], [value.name], value=value) for value in nothing],
        "empty",
        [],
        [helper.make_tensor_value_info(value.name, onnx.TensorProto.FLOAT, value.dims) for value in nothing],
    )
    del branch.input[:]  # the picture comes from the graph around it
    del branch.value_info[:]
    graph = model.graph
    graph.node.append(helper.make_node("If", [WHOLE], names, then_branch=branch, else_branch=empty))
    graph.input.append(helper.make_tensor_value_info(WHOLE, onnx.TensorProto.BOOL, []))
    graph.initializer.append(numpy_helper.from_array(np.array(False), WHOLE))
    for name, value in zip(names, nothing, strict=True):
        graph.output.append(helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, ["n", *value.dims[1:]]))


def onnx_bytes(whole: nn.Module, *outputs: str) -> bytes:
    """A network from uint8 [N, H, W, 3] to named outputs, as ONNX; nothing in it names the machine."""
    program = torch.onnx.export(
        whole,
        (torch.zeros(1, 10 * STRIDE, 12 * STRIDE, 3, dtype=torch.uint8),),
        input_names=["image"],
        output_names=list(outputs),
        dynamic_shapes={"image": {0: "n", 1: torch.export.Dim.AUTO, 2: torch.export.Dim.AUTO}},
        opset_version=OPSET,
        dynamo=True,
        verbose=False,
    )
    if program is None:
        raise ExportError("PyTorch gave no ONNX program")
    model = program.model_proto
    drop_traces(model.graph)
    return bytes(model.SerializeToString())


def drop_traces(graph: onnx.GraphProto) -> None:
    """Drop what the exporter notes of its own work: it names the files of the machine, and nothing reads it."""
    for part in (*graph.node, *graph.value_info, *graph.initializer, *graph.input, *graph.output):
        del part.metadata_props[:]
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.type == onnx.AttributeProto.GRAPH:
                drop_traces(attribute.g)


def with_metadata(data: bytes, metadata: ModelMetadata | PhotoMetadata) -> bytes:
    """The same graph with what it says of itself, in place of what it said before."""
    graph = onnx.load_model_from_string(data)
    kept = [entry for entry in graph.metadata_props if entry.key != METADATA_KEY]
    del graph.metadata_props[:]
    graph.metadata_props.extend(kept)
    graph.metadata_props.add(key=METADATA_KEY, value=metadata.to_json())
    return bytes(graph.SerializeToString())
