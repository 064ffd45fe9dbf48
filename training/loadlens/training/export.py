"""From a trained network to the model file that serving reads: ONNX with normalisation and calibration folded in."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import torch
from torch import Tensor, nn

from loadlens.training.calibrate import Calibration
from loadlens.training.network import STRIDE, SurfaceNet
from loadlens.vision.metadata import METADATA_KEY, ModelMetadata
from loadlens.vision.model import SurfaceModel

LARGEST_FILE = 12 * 2**20
OPSET = 18


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


def export(network: SurfaceNet, metadata: ModelMetadata, found: Calibration, out: Path) -> float:
    """Write the model file; returns the largest difference of a probability between PyTorch and ONNX Runtime.

    Raises ExportError where the two differ by more than 0.001 or the file is larger than 12 MB; then nothing is
    written.
    """
    whole = Exported(network.eval(), found.temperature, found.bias).eval()
    data = _with_metadata(_onnx_bytes(whole), metadata)
    if len(data) > LARGEST_FILE:
        raise ExportError(f"{out}: {len(data) / 2**20:.1f} MB is more than {LARGEST_FILE / 2**20:.0f} MB")
    difference = parity(whole, SurfaceModel(data, name=out.name))
    if difference > 1e-3:
        raise ExportError(f"{out}: ONNX Runtime differs from PyTorch by {difference:.2g}; the file was not written")
    out.parent.mkdir(parents=True, exist_ok=True)
    unfinished = out.with_suffix(".new")
    unfinished.write_bytes(data)
    unfinished.replace(out)
    return difference


def rewrite_metadata(model: Path, **changes: object) -> None:
    """Change what a model file says of itself (its measured errors and metrics); the graph stays byte for byte."""
    data = model.read_bytes()
    metadata = replace(SurfaceModel(data, name=model.name).metadata, **changes)  # type: ignore[arg-type]
    unfinished = model.with_suffix(".new")
    unfinished.write_bytes(_with_metadata(data, metadata))
    unfinished.replace(model)


@torch.no_grad()
def parity(whole: Exported, model: SurfaceModel) -> float:
    """The largest difference of a probability over pictures of several shapes, 0..1."""
    rng = np.random.default_rng(0)
    worst = 0.0
    for height, width in ((288, 384), (368, 640), (11 * STRIDE, 7 * STRIDE)):
        picture = rng.integers(0, 256, (height, width, 3), np.uint8)
        expected = whole(torch.from_numpy(picture[None]))[0].numpy()
        worst = max(worst, float(np.abs(model.look(picture).probs - expected).max()))
    return worst


def _onnx_bytes(whole: Exported) -> bytes:
    program = torch.onnx.export(
        whole,
        (torch.zeros(1, 10 * STRIDE, 12 * STRIDE, 3, dtype=torch.uint8),),
        input_names=["image"],
        output_names=["surface"],
        dynamic_shapes={"image": {0: "n", 1: torch.export.Dim.AUTO, 2: torch.export.Dim.AUTO}},
        opset_version=OPSET,
        dynamo=True,
        verbose=False,
    )
    if program is None:
        raise ExportError("PyTorch gave no ONNX program")
    return bytes(program.model_proto.SerializeToString())


def _with_metadata(data: bytes, metadata: ModelMetadata) -> bytes:
    graph = onnx.load_model_from_string(data)
    kept = [entry for entry in graph.metadata_props if entry.key != METADATA_KEY]
    del graph.metadata_props[:]
    graph.metadata_props.extend(kept)
    graph.metadata_props.add(key=METADATA_KEY, value=metadata.to_json())
    return bytes(graph.SerializeToString())
