"""A model in eight bits: static, QDQ, activations as U8 and weights as S8 with a scale for every output channel.

One scale for a whole weight tensor is refused: on photos of scrap it cost a MobileNetV2 57 points of accuracy,
where a scale per channel cost none that could be seen. What stays in float is the way in (the normalisation) and the
way out (the resize, the softmax, and the pooled features with their head), which hardly cost time.
"""

import logging
from collections.abc import Iterable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

from loadlens.training.export import add_photo_branch, drop_traces
from loadlens.training.features import photo_branch
from loadlens.training.network import STRIDE
from loadlens.vision.model import WHOLE

Picture = NDArray[np.uint8]

_QUANTISED = ("Conv", "Clip", "Relu", "Add", "Concat")


class QuantizeError(ValueError):
    """A model that cannot be quantised, or one that was quantised in a way that is known to fail."""


def quantize_model(data: bytes, pictures: Iterable[Picture], *, per_channel: bool = True) -> bytes:
    """The model file with weights and activations in eight bits, its metadata as it was.

    `pictures`, uint8 [H, W, 3] with sides that are multiples of the stride, tell the ranges of the activations; they
    must come from what the model was trained on, never from what it is measured on. Raises QuantizeError, always where
    the weights have one scale per tensor.
    """
    shown = list(pictures)
    if not shown:
        raise QuantizeError("no picture to calibrate on; give the folder of the training photos")
    model = onnx.load_model_from_string(data)
    if any(node.op_type == "QuantizeLinear" for node in model.graph.node):
        raise QuantizeError("the model is quantised already; give the one in floating point")
    cells = _quantized(_cells_alone(model), shown, per_channel=per_channel)
    names_photos = any(node.op_type == "If" for node in model.graph.node)
    if names_photos:
        add_photo_branch(cells, _quantized(photo_branch(model, name="the model"), shown, per_channel=per_channel))
    cells.metadata_props.extend(model.metadata_props)
    refuse_per_tensor(cells.graph)
    drop_traces(cells.graph)
    return bytes(cells.SerializeToString())


def cut_to_stride(picture: Picture) -> Picture:
    """The picture without what reaches past the last whole cell."""
    height, width = (side // STRIDE * STRIDE for side in picture.shape[:2])
    return picture[:height, :width]


def refuse_per_tensor(graph: onnx.GraphProto) -> None:
    """Raise QuantizeError where a weight of a convolution has one scale for all of its output channels."""
    scales = {weight.name: int(np.prod(weight.dims)) for weight in graph.initializer}
    outputs = {name: node for node in graph.node if node.op_type == "DequantizeLinear" for name in node.output}
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.type == onnx.AttributeProto.GRAPH:
                refuse_per_tensor(attribute.g)
        weight = outputs.get(node.input[1]) if node.op_type == "Conv" else None
        if weight is not None and scales.get(weight.input[1], 1) == 1:
            raise QuantizeError(
                f"weight {node.input[1]!r} has one scale for the whole tensor, which cost 57 points of accuracy where "
                "it was measured; quantise with a scale for every channel"
            )


def _cells_alone(model: onnx.ModelProto) -> onnx.ModelProto:
    """The model without the branch that names photos."""
    alone = onnx.ModelProto()
    alone.CopyFrom(model)
    graph = alone.graph
    nodes = [node for node in graph.node if node.op_type != "If"]
    del graph.node[:]
    graph.node.extend(nodes)
    for ends, kept in ((graph.input, "image"), (graph.output, "surface")):
        left = [end for end in ends if end.name == kept]
        del ends[:]
        ends.extend(left)
    weights = [weight for weight in graph.initializer if weight.name != WHOLE]
    del graph.initializer[:]
    graph.initializer.extend(weights)
    del alone.metadata_props[:]
    return alone


def _quantized(model: onnx.ModelProto, pictures: list[Picture], *, per_channel: bool) -> onnx.ModelProto:
    with TemporaryDirectory(prefix="loadlens-quantize-") as folder:
        plain, small = Path(folder) / "plain.onnx", Path(folder) / "small.onnx"
        _fold(model, plain)
        # The quantiser asks, on the root logger, for the folding that was just done.
        logging.disable(logging.WARNING)
        try:
            quantize_static(
                plain,
                small,
                _Shown(pictures),
                quant_format=QuantFormat.QDQ,
                op_types_to_quantize=list(_QUANTISED),
                per_channel=per_channel,
                activation_type=QuantType.QUInt8,
                weight_type=QuantType.QInt8,
            )
        finally:
            logging.disable(logging.NOTSET)
        done = onnx.load(small)
    del done.metadata_props[:]
    return done


def _fold(model: onnx.ModelProto, path: Path) -> None:
    """Write the model with its half-precision weights and constants worked out, as the quantiser needs them."""
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    options.optimized_model_filepath = str(path)
    options.log_severity_level = 4
    onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])


class _Shown(CalibrationDataReader):  # type: ignore[misc]
    """Hands the pictures to the quantiser one by one."""

    def __init__(self, pictures: Iterable[Picture]) -> None:
        self._left: Iterator[Picture] = iter(pictures)

    def get_next(self) -> dict[str, Picture] | None:
        """The next picture as the model is fed with it."""
        picture = next(self._left, None)
        return None if picture is None else {"image": picture[None]}
