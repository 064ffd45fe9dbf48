"""The network: MobileNetV2, fully convolutional, with a grid of class logits at stride 16.

A head reads the stride-32 features (what the material is), their mean around a cell (what it lies among) and the
stride-16 features (where small pieces lie). Whole photos are named by a network of their own, whose backbone is not
trained.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

STRIDE = 16
_FINE = 14  # feature blocks up to stride 16, 96 channels
POOLED = 96 + 96 + 1280
_AROUND = 7  # stride-32 cells that a mean is taken over


class SurfaceNet(nn.Module):
    """Logits of the surface classes: float32 RGB 0..255 [N, 3, H, W] in, float32 [N, K, H/16, W/16] out."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        features = _mobilenet().features
        _pad_like_tensorflow(features)
        self.fine = features[:_FINE]
        self.coarse = features[_FINE:]
        self.from_coarse = nn.Conv2d(1280, 192, 1)
        self.from_fine = nn.Conv2d(96, 64, 1)
        self.from_around = nn.Conv2d(1280, 96, 1)
        self.mix = nn.Conv2d(192 + 96 + 64, 128, 3, padding=1)
        self.head = nn.Conv2d(128, classes, 1)
        self.drop: nn.Module = nn.Identity()  # training puts its dropout here

    def forward(self, picture: Tensor) -> Tensor:
        """The logits of every cell."""
        fine = self.fine(picture / 127.5 - 1)
        deep = self.coarse(fine)
        coarse = functional.relu(self.from_coarse(deep))
        around = functional.relu(self.from_around(deep))
        around = functional.avg_pool2d(around, _AROUND, stride=1, padding=_AROUND // 2, count_include_pad=False)
        coarse = torch.cat([coarse, around], dim=1)
        coarse = functional.interpolate(coarse, size=fine.shape[-2:], mode="bilinear", align_corners=False)
        joint = torch.cat([coarse, functional.relu(self.from_fine(fine))], dim=1)
        logits: Tensor = self.head(self.drop(functional.relu(self.mix(joint))))
        return logits

    def freeze(self, blocks: int) -> None:
        """Keep the first blocks as they came; they hold edges and colours that hardly change."""
        for parameter in self.fine[:blocks].parameters():
            parameter.requires_grad = False

    def train(self, mode: bool = True) -> "SurfaceNet":
        """Training mode, but normalisation keeps the statistics it came with: batches here are too small for it."""
        super().train(mode)
        for module in self.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.eval()
        return self

    def groups(self, learning_rate: float, head_factor: float) -> list[dict[str, Iterable[nn.Parameter] | float]]:
        """Parameters for the optimiser: the new head learns faster than the backbone."""
        backbone = [p for part in (self.fine, self.coarse) for p in part.parameters() if p.requires_grad]
        parts = (self.from_coarse, self.from_around, self.from_fine, self.mix, self.head)
        new = [p for part in parts for p in part.parameters()]
        return [{"params": backbone, "lr": learning_rate}, {"params": new, "lr": head_factor * learning_rate}]


class PhotoNet(nn.Module):
    """Logits of the form that a whole photo shows: float32 RGB 0..255 [N, 3, H, W] in, float32 [N, forms] out.

    A backbone that stays as it came, and one linear layer on what it shows on the whole.
    """

    def __init__(self, forms: int) -> None:
        super().__init__()
        features = _mobilenet().features
        _pad_like_tensorflow(features)
        self.fine = features[:_FINE]
        self.coarse = features[_FINE:]
        self.head = nn.Linear(POOLED, forms)
        self.eval()

    def pooled(self, picture: Tensor) -> Tensor:
        """Mean and spread of the stride-16 features and mean of the stride-32 ones, float32 [N, POOLED]."""
        fine = self.fine(picture / 127.5 - 1)
        mean = fine.mean(dim=(2, 3), keepdim=True)
        spread = (fine - mean).square().mean(dim=(2, 3)).clamp(min=1e-12).sqrt()
        return torch.cat([mean[..., 0, 0], spread, self.coarse(fine).mean(dim=(2, 3))], dim=1)

    def forward(self, picture: Tensor) -> Tensor:
        """The logits of the forms."""
        logits: Tensor = self.head(self.pooled(picture))
        return logits


def load_backbone(network: SurfaceNet | PhotoNet, weights: Path | None) -> str:
    """Fill the backbone with ImageNet weights; returns where they came from, for the run's record.

    `weights` is a state dict of torchvision's mobilenet_v2; None lets torchvision download its own (needs a network).
    """
    whole = _mobilenet("IMAGENET1K_V1" if weights is None else None)
    if weights is not None:
        whole.load_state_dict(torch.load(weights, map_location="cpu", weights_only=True), strict=True)
    _pad_like_tensorflow(whole.features)
    network.fine.load_state_dict(whole.features[:_FINE].state_dict())
    network.coarse.load_state_dict(whole.features[_FINE:].state_dict())
    return "torchvision MobileNet_V2_Weights.IMAGENET1K_V1" if weights is None else weights.name


def _mobilenet(weights: str | None = None) -> Any:
    """torchvision's MobileNetV2, with the weights of this name there."""
    # Takes seconds, which whoever builds no network need not spend.
    from torchvision.models import mobilenet_v2  # noqa: PLC0415

    return mobilenet_v2(weights=weights)


def _pad_like_tensorflow(features: nn.Module) -> None:
    """Pad the stride-2 convolutions at the right and bottom only, as the weights in use were trained."""
    for module in list(features.modules()):
        for name, child in list(module.named_children()):
            if isinstance(child, nn.Conv2d) and child.stride == (2, 2):
                child.padding = (0, 0)
                setattr(module, name, nn.Sequential(nn.ZeroPad2d((0, 1, 0, 1)), child))
