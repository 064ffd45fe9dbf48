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
        return self.of_frame(Frame.from_bytes(read_bytes(path), name=path.name, time_s=0.0, colour_width=self._width))

    def of_frame(self, frame: Frame) -> NDArray[np.float32]:
        """The features of a picture, float32 [D]. Raises SourceError where it cannot be decoded."""
        rgb = picture_for_model(frame, self._width)
        stride = self._stride
        padded = np.pad(rgb, ((0, -rgb.shape[0] % stride), (0, -rgb.shape[1] % stride), (0, 0)), mode="edge")
        (found,) = self._session.run(None, {"image": padded[None]})
        return np.asarray(found[0], np.float32)

    def of_photos(self, paths: Iterable[Path]) -> NDArray[np.float32]:
        """The features of photos, float32 [N, D]."""
        return np.stack([self.of_photo(path) for path in paths])


def photo_branch(model: onnx.ModelProto, *, name: str) -> onnx.ModelProto:
    """The branch of a model that names whole photos as a model of its own. Raises ModelError where there is none."""
    branches = [
        attribute.g
        for node in model.graph.node
        if node.op_type == "If"
        for attribute in node.attribute
        if attribute.name == "then_branch"
    ]
    if len(branches) != 1:
        raise ModelError(f"{name}: names no whole photos; give a model exported from a recipe with photos")
    (branch,) = branches
    outer = {weight.name: weight for weight in model.graph.initializer}
    inner = {weight.name for weight in branch.initializer}
    needed = sorted({need for node in branch.node for need in node.input if need in outer} - inner)
    graph = helper.make_graph(
        branch.node,
        "photo",
        [helper.make_tensor_value_info("image", TensorProto.UINT8, ["n", "h", "w", 3])],
        branch.output,
        [*branch.initializer, *(outer[need] for need in needed)],
    )
    return helper.make_model(graph, opset_imports=model.opset_import, ir_version=model.ir_version)


def _until_head(model: onnx.ModelProto, name: str) -> onnx.ModelProto:
    """The branch that names photos, up to what its head reads."""
    branch = photo_branch(model, name=name)
    heads = [node for node in branch.graph.node if node.op_type == "Gemm"]
    if len(heads) != 1:
        raise ModelError(f"{name}: names whole photos by {len(heads)} heads where one is due; export it again")
    read = heads[0].input[0]
    last = max(place for place, node in enumerate(branch.graph.node) if read in node.output)
    nodes = list(branch.graph.node)[: last + 1]
    del branch.graph.node[:]
    branch.graph.node.extend(nodes)
    del branch.graph.output[:]
    branch.graph.output.append(helper.make_tensor_value_info(read, TensorProto.FLOAT, ["n", "d"]))
    return branch
