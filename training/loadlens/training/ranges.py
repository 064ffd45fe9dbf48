"""What a model's tensors hold when it looks at pictures, and from that the scales of its eight-bit numbers."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray
from onnx import TensorProto, helper

_SAMPLES = 1000
_TRIED = np.linspace(0.3, 1.0, 15)
# Processors without VNNI add the products of two neighbours in 16 bits, where more than 32767 is cut off. With
# activations up to 255 that holds for two weights whose sizes add up to 128; rounding may add one.
_TWO_WEIGHTS = 127


@dataclass(frozen=True, slots=True)
class Scale:
    """A real number is (q - zero) * step, with q in 0..255."""

    step: float
    zero: int


@dataclass(frozen=True, slots=True)
class Seen:
    """Of one tensor over all pictures: the ends of its values, a sample of them, and the mean of every channel."""

    low: float
    high: float
    sample: NDArray[np.float32]
    means: NDArray[np.float64]

    def scale(self) -> Scale:
        """The steps with the least squared error on the sample: a few outliers may be cut off for finer ones."""
        tried = [self._scale(float(share)) for share in _TRIED if self.high > self.low]
        return min(tried, key=self._error, default=Scale(1.0, 0))

    def _scale(self, share: float) -> Scale:
        step = (self.high - self.low) * share / 255
        return Scale(step, round(-self.low * share / step))

    def _error(self, scale: Scale) -> float:
        whole = np.clip(np.rint(self.sample / scale.step) + scale.zero, 0, 255)
        return float(np.square((whole - scale.zero) * scale.step - self.sample).mean())


def watch_tensors(
    model: onnx.ModelProto, names: Sequence[str], pictures: Sequence[NDArray[np.uint8]]
) -> dict[str, Seen]:
    """Run a model from `image` on pictures, uint8 [H, W, 3], and see what the named tensors [1, C, H, W] hold."""
    open_model = onnx.ModelProto()
    open_model.CopyFrom(model)
    del open_model.graph.output[:]
    open_model.graph.output.extend(helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in names)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(open_model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    draw = np.random.default_rng(0)
    seen: dict[str, list[Seen]] = {name: [] for name in names}
    for picture in pictures:
        for name, values in zip(names, session.run(list(names), {"image": picture[None]}), strict=True):
            sample = values.reshape(-1)[draw.integers(0, values.size, _SAMPLES)]
            means = values.mean(axis=(0, 2, 3), dtype=np.float64)
            # Zero must be among what a scale can say: it is what borders are filled with.
            seen[name].append(Seen(min(0.0, float(values.min())), max(0.0, float(values.max())), sample, means))
    return {name: _together(each) for name, each in seen.items()}


def _together(each: Sequence[Seen]) -> Seen:
    return Seen(
        min(one.low for one in each),
        max(one.high for one in each),
        np.concatenate([one.sample for one in each]),
        np.mean([one.means for one in each], axis=0),
    )


def weight_steps(weight: NDArray[np.float32]) -> NDArray[np.float32]:
    """The step of every output channel of a convolution's weight [O, I, H, W], as S8 without a zero point.

    As fine as the largest weight allows, and two weights that are multiplied in one go never add up to more than any
    processor can hold. The matrix product walks over rows, columns, then channels. Depthwise weights are multiplied
    one by one.
    """
    sizes = np.abs(weight.transpose(0, 2, 3, 1).reshape(len(weight), -1))
    steps = sizes.max(axis=1) / 127
    if weight.shape[1] > 1:
        even = np.pad(sizes, ((0, 0), (0, sizes.shape[1] % 2)))
        steps = np.maximum(steps, (even[:, ::2] + even[:, 1::2]).max(axis=1) / _TWO_WEIGHTS)
    return np.asarray(np.maximum(steps, np.finfo(np.float32).tiny * 2**20), np.float32)
