"""A model in eight bits: static, QDQ, activations as U8 and weights as S8 with a scale for every output channel.

One scale for a whole weight tensor is refused: on photos of scrap it cost a MobileNetV2 57 points of accuracy. Scales
keep clear of what processors without VNNI cut off, so that answers do not hang on the processor, and biases make good
what rounding the weights adds to each channel on average; docs/training.md has what each of these is worth. What stays
in float is the way out (the resize, the softmax, and the pooled features with their head), which hardly costs time.
"""

import logging
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray
from onnx import numpy_helper
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

from loadlens.training.export import add_photo_branch, drop_traces, halve_weights
from loadlens.training.features import photo_branch
from loadlens.training.first_layer import PIXEL_SCALE, PIXELS, feed_bytes
from loadlens.training.network import STRIDE
from loadlens.training.ranges import Scale, Seen, watch_tensors, weight_steps
from loadlens.vision.model import WHOLE

Picture = NDArray[np.uint8]

_QUANTISED = ("Conv", "Clip", "Relu", "Add")


class QuantizeError(ValueError):
    """A model that cannot be quantised, or one that was quantised in a way that is known to fail."""


def quantize_model(data: bytes, pictures: Iterable[Picture]) -> bytes:
    """The model file with weights and activations in eight bits, its metadata as it was.

    `pictures`, uint8 [H, W, 3] with sides that are multiples of the stride, tell the ranges of the activations; they
    must come from what the model was trained on, never from what it is measured on. Raises QuantizeError.
    """
    shown = list(pictures)
    if not shown:
        raise QuantizeError("no picture to calibrate on; give the folder of the training photos")
    model = onnx.load_model_from_string(data)
    if any(node.op_type == "QuantizeLinear" for node in model.graph.node):
        raise QuantizeError("the model is quantised already; give the one in floating point")
    cells = _quantized(_cells_alone(model), shown)
    names_photos = any(node.op_type == "If" for node in model.graph.node)
    if names_photos:
        branch = _quantized(photo_branch(model, name="the model"), shown)
        # What stays in float was in half precision before it was folded.
        halve_weights(branch.graph, exactly=True)
        add_photo_branch(cells, branch)
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


def _quantized(model: onnx.ModelProto, pictures: list[Picture]) -> onnx.ModelProto:
    folded = _folded(model)
    feed_bytes(folded)
    constant = {weight.name for weight in folded.graph.initializer}
    kept = [node for node in folded.graph.node if node.op_type == "Add" and constant & {*node.input}]
    seen = watch_tensors(folded, _quantised_tensors(folded.graph, kept), pictures)
    given = {name: [_as_given(one.scale(), QuantType.QUInt8)] for name, one in seen.items()}
    if PIXELS in given:
        given[PIXELS] = [_as_given(PIXEL_SCALE, QuantType.QUInt8)]
    for node in folded.graph.node:
        if node.op_type == "Conv":
            given[node.input[1]] = _round_weights(folded.graph, node, seen[node.input[0]])
    return _as_eight_bits(folded, given, [node.name for node in kept], pictures[0])


def _quantised_tensors(graph: onnx.GraphProto, kept: list[onnx.NodeProto]) -> list[str]:
    """The tensors between what is quantised; `kept` stays in floating point."""
    names: list[str] = []
    for node in graph.node:
        if node.op_type == "Conv":
            names += [node.input[0], node.output[0]]
        elif node.op_type in ("Clip", "Relu") and node.input[0] in names:
            names.append(node.output[0])
        elif node.op_type == "Add" and node not in kept:
            names += [*node.input, node.output[0]]
    return list(dict.fromkeys(names))


def _round_weights(graph: onnx.GraphProto, convolution: onnx.NodeProto, shown: Seen) -> list[dict[str, Any]]:
    """The scales of a convolution's weight, channel by channel; its bias makes good what rounding adds on average."""
    weights = {weight.name: weight for weight in graph.initializer}
    weight, bias = (numpy_helper.to_array(weights[name]) for name in convolution.input[1:])
    steps = weight_steps(weight)
    each = steps.reshape(-1, 1, 1, 1)
    added = (np.rint(weight / each) * each - weight).sum(axis=(2, 3), dtype=np.float64)
    depthwise = weight.shape[1] == 1
    mean = added[:, 0] * shown.means if depthwise else added @ shown.means
    better = numpy_helper.from_array(np.asarray(bias - mean, np.float32), convolution.input[2])
    weights[convolution.input[2]].CopyFrom(better)
    given = [_as_given(Scale(float(step), 0), QuantType.QInt8) for step in steps]
    given[0]["axis"] = 0  # so the quantiser knows that these are channels
    return given


def _as_given(scale: Scale, kind: QuantType) -> dict[str, Any]:
    """A scale as the quantiser takes it."""
    zero = np.array(scale.zero, np.uint8 if kind == QuantType.QUInt8 else np.int8)
    return {"quant_type": kind, "scale": np.array(scale.step, np.float32), "zero_point": zero}


def _as_eight_bits(
    model: onnx.ModelProto, given: Mapping[str, list[dict[str, Any]]], kept: list[str], picture: Picture
) -> onnx.ModelProto:
    with TemporaryDirectory(prefix="loadlens-quantize-") as folder:
        plain, small = Path(folder) / "plain.onnx", Path(folder) / "small.onnx"
        onnx.save(model, plain)
        # The quantiser asks, on the root logger, for the folding that was done before.
        logging.disable(logging.WARNING)
        try:
            quantize_static(
                plain,
                small,
                _Shown([picture]),  # asked for, though every scale is given
                quant_format=QuantFormat.QDQ,
                op_types_to_quantize=list(_QUANTISED),
                nodes_to_exclude=kept,
                per_channel=True,
                activation_type=QuantType.QUInt8,
                weight_type=QuantType.QInt8,
                extra_options={"TensorQuantOverrides": dict(given)},
            )
        finally:
            logging.disable(logging.NOTSET)
        done = onnx.load(small)
    del done.metadata_props[:]
    _drop_zero_points(done.graph)
    return done


def _drop_zero_points(graph: onnx.GraphProto) -> None:
    """Leave out the zero points of biases, a fortieth of the file: all are zero, which is meant where none is given."""
    zeros = {
        weight.name
        for weight in graph.initializer
        if weight.data_type == onnx.TensorProto.INT32 and weight.dims and not numpy_helper.to_array(weight).any()
    }
    for node in graph.node:
        if node.op_type == "DequantizeLinear" and len(node.input) == 3 and node.input[2] in zeros:
            del node.input[2]
    used = {name for node in graph.node for name in node.input}
    kept = [weight for weight in graph.initializer if weight.name not in zeros or weight.name in used]
    del graph.initializer[:]
    graph.initializer.extend(kept)


def _folded(model: onnx.ModelProto) -> onnx.ModelProto:
    """The model with its half-precision weights and constants worked out, as the quantiser needs them."""
    with TemporaryDirectory(prefix="loadlens-quantize-") as folder:
        path = Path(folder) / "folded.onnx"
        options = onnxruntime.SessionOptions()
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
        options.optimized_model_filepath = str(path)
        options.log_severity_level = 4
        onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
        return onnx.load(path)


class _Shown(CalibrationDataReader):  # type: ignore[misc]
    """Hands the pictures to the quantiser one by one."""

    def __init__(self, pictures: Iterable[Picture]) -> None:
        self._left: Iterator[Picture] = iter(pictures)

    def get_next(self) -> dict[str, Picture] | None:
        """The next picture as the model is fed with it."""
        picture = next(self._left, None)
        return None if picture is None else {"image": picture[None]}
