"""What a model file sees in whole photos before it names them: features that compare pictures and teach small heads.

They are those of the network that names whole photos. Its backbone is not trained on photos of scrap, so features of
photos that the model learnt from say no more of their labels than those of any others.
"""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray
from onnx import TensorProto, helper

from loadlens.vision.frame import Frame
from loadlens.vision.image import read_bytes
from loadlens.vision.model import ModelError, SurfaceModel
from loadlens.vision.pipeline import picture_for_model

# Of the logistic regressions on features; fixed before anything was measured with it: that of the source's baseline.
STRENGTH = 0.02


class FeatureModel:
    """The photo branch of a model file, cut off before its head. Raises ModelError for a file without one."""

    def __init__(self, data: bytes, *, name: str) -> None:
        about = SurfaceModel(data, name=name)
        self.sha256 = about.sha256
        self._width, self._stride = about.metadata.trained_width, about.metadata.stride
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.log_severity_level = 4
        graph = _until_head(onnx.load_model_from_string(data), name).SerializeToString()
        self._session = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])

    def of_photo(self, path: Path) -> NDArray[np.float32]:
        """The features of one photo, float32 [D]. Raises SourceError where it cannot be read."""
        frame = Frame.from_bytes(read_bytes(path), name=path.name, time_s=0.0)
        rgb = picture_for_model(frame, self._width)
        stride = self._stride
        padded = np.pad(rgb, ((0, -rgb.shape[0] % stride), (0, -rgb.shape[1] % stride), (0, 0)), mode="edge")
        (found,) = self._session.run(None, {"image": padded[None]})
        return np.asarray(found[0], np.float32)

    def of_photos(self, paths: Iterable[Path]) -> NDArray[np.float32]:
        """The features of photos, float32 [N, D]."""
        return np.stack([self.of_photo(path) for path in paths])


def _until_head(model: onnx.ModelProto, name: str) -> onnx.ModelProto:
    """The branch that names photos as a graph of its own, up to what its head reads."""
    branches = [
        attribute.g
        for node in model.graph.node
        if node.op_type == "If"
        for attribute in node.attribute
        if attribute.name == "then_branch"
    ]
    heads = [node for branch in branches for node in branch.node if node.op_type == "Gemm"]
    if len(branches) != 1 or len(heads) != 1:
        raise ModelError(f"{name}: names no whole photos; give a model exported from a recipe with photos")
    (branch,), (head,) = branches, heads
    outer = {weight.name: weight for weight in model.graph.initializer}
    inner = {weight.name for weight in branch.initializer}
    used = {need for node in branch.node for need in node.input}
    nodes = [node for node in branch.node if node is not head]
    graph = helper.make_graph(
        nodes[: max(place for place, node in enumerate(nodes) if head.input[0] in node.output) + 1],
        "features",
        [helper.make_tensor_value_info("image", TensorProto.UINT8, ["n", "h", "w", 3])],
        [helper.make_tensor_value_info(head.input[0], TensorProto.FLOAT, ["n", "d"])],
        [*branch.initializer, *(outer[need] for need in used - inner if need in outer)],
    )
    return helper.make_model(graph, opset_imports=model.opset_import, ir_version=model.ir_version)
