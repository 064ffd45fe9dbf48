"""The first layer of a quantised model, fed with the bytes of the picture as they are.

A picture is in eight bits already: taken as x/127.5 - 1 with a zero point, it need not be made real numbers and rounded
again. Of 3 channels, processors multiply one at a time; so two by two pixels are taken for one of 12 channels, and the
3 x 3 convolution with a stride of two becomes one of 2 x 2 without: the same sums, in a quarter of the places.
"""

from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from loadlens.training.ranges import Scale

PIXELS = "first/pixels"
PIXEL_SCALE = Scale(1 / 127.5, 128)
# What the zero point, a whole number, is off from the middle of 0..255, in real numbers.
_OFF = 0.5 * PIXEL_SCALE.step


def feed_bytes(model: onnx.ModelProto) -> None:
    """Rewrite the way from `image` to the first convolution, in place; any other way in than ours is left alone."""
    graph = model.graph
    weights = {weight.name: weight for weight in graph.initializer}
    way = _way_in(graph)
    if way is None:
        return
    convolution = way[-1]
    kernel = numpy_helper.to_array(weights[convolution.input[1]])
    bias = numpy_helper.to_array(weights[convolution.input[2]]) + _OFF * kernel.sum(axis=(1, 2, 3))
    for name, value in ((convolution.input[1], _two_by_two(kernel)), (convolution.input[2], bias)):
        weights[name].CopyFrom(numpy_helper.from_array(np.ascontiguousarray(value, np.float32), name))
    first = helper.make_node(
        "Conv", [PIXELS, *convolution.input[1:]], convolution.output, convolution.name, pads=[0, 0, 1, 1]
    )
    rest = [node for node in graph.node if node not in way]
    del graph.node[:], graph.value_info[:]
    graph.node.extend([*_fold_pixels(graph), first, *rest])
    read = {name for node in graph.node for name in node.input}
    for unread in [weight for weight in graph.initializer if weight.name not in read]:
        graph.initializer.remove(unread)


def _way_in(graph: onnx.GraphProto) -> list[onnx.NodeProto] | None:
    """The nodes from `image` to the first convolution, where they are those of our networks."""
    way, name = [], "image"
    for wanted in ("Transpose", "Cast", "Div", "Sub", "Conv"):
        found = [node for node in graph.node if node.op_type == wanted and node.input[0] == name]
        if len(found) != 1:
            return None
        way += found
        name = found[0].output[0]
    about = {entry.name: helper.get_attribute_value(entry) for entry in way[-1].attribute}
    ours = {"kernel_shape": [3, 3], "strides": [2, 2], "pads": [0, 0, 1, 1]}
    return way if all(list(about.get(key, [])) == value for key, value in ours.items()) else None


def _two_by_two(kernel: NDArray[np.float32]) -> NDArray[np.float32]:
    """A kernel [O, 3, 3, 3] as [O, 12, 2, 2], for channels that are (row, column, colour) of two by two pixels."""
    wider = np.pad(kernel, ((0, 0), (0, 0), (0, 1), (0, 1)))
    parts = wider.reshape(len(kernel), 3, 2, 2, 2, 2).transpose(0, 3, 5, 1, 2, 4)
    return np.asarray(parts.reshape(len(kernel), 12, 2, 2))


def _fold_pixels(graph: onnx.GraphProto) -> list[onnx.NodeProto]:
    """Nodes from `image` uint8 [N, H, W, 3] to PIXELS float32 [N, 12, H/2, W/2]; sides are even."""
    constants = {
        "halves": np.array([1, 2, 2, 1]),
        "0": np.array([0]),
        "2": np.array([2]),
        "3": np.array([3]),
        "6": np.array([6]),
        "12": np.array([12]),
        "step": np.float32(PIXEL_SCALE.step),
        "zero": np.uint8(PIXEL_SCALE.zero),
    }
    graph.initializer.extend(
        numpy_helper.from_array(np.asarray(value), f"first/{name}") for name, value in constants.items()
    )
    steps: tuple[tuple[str, str, str, dict[str, Any]], ...] = (
        ("Shape", "image", "size", {}),
        ("Div", "size halves", "half", {}),
        ("Slice", "half 0 2", "count_height", {}),
        ("Slice", "half 2 3", "width", {}),
        ("Concat", "count_height 2 width 6", "rows_apart", {"axis": 0}),
        ("Reshape", "image rows_apart", "apart", {}),
        ("Transpose", "apart", "beside", {"perm": [0, 1, 3, 2, 4]}),
        ("Concat", "count_height width 12", "folded_size", {"axis": 0}),
        ("Reshape", "beside folded_size", "folded", {}),
        ("Transpose", "folded", "planes", {"perm": [0, 3, 1, 2]}),
        ("DequantizeLinear", "planes step zero", "pixels", {}),
    )
    return [
        helper.make_node(
            kind,
            [name if name == "image" else f"first/{name}" for name in read.split()],
            [f"first/{made}"],
            f"first/{made}",
            **how,
        )
        for kind, read, made, how in steps
    ]
