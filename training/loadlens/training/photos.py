"""What a whole photo shows: logistic regression on the pooled features of a backbone that stays as it came.

With some 220 photos of 24 forms, every way of fine-tuning the backbone that was tried named photos of new scenes no
better, and less so the smaller it saw them. A photo is looked at exactly as the command line looks at it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from loadlens.datasets.groups import assign_folds
from loadlens.training.features import STRENGTH
from loadlens.training.network import POOLED, STRIDE, PhotoNet, load_backbone
from loadlens.training.samples import Photo, Picture, read_whole, to_tensor
from loadlens.training.strangeness import Strangeness
from loadlens.vision.frame import Frame
from loadlens.vision.pipeline import picture_for_model


@dataclass(frozen=True, slots=True)
class PhotoAnswer:
    """A network that names whole photos, the temperature that its logits are divided by, and what it finds strange."""

    network: PhotoNet
    temperature: float
    strangeness: Strangeness


def fit_photo_answer(
    backbone: Path | None, known: Sequence[Photo], held: Sequence[Photo], forms: Sequence[str], width: int
) -> PhotoAnswer:
    """Learn from the photos of the training part and of the calibration part; `backbone` as for `load_backbone`.

    The temperature comes from answers to photos whose scene was left out in turn, so that none is kept from learning.
    What is usual is learnt from `known` alone: `held` are to say what strangeness other photos of scrap have.
    """
    network = PhotoNet(len(forms))
    load_backbone(network, backbone)
    photos = [*known, *held]
    features = photo_features(network, photos, width)
    folds = assign_folds([photo.form for photo in photos], [photo.scene for photo in photos])
    temperature = fit_temperature(
        left_out_logits(network, features, photos, folds, forms), [forms.index(photo.form) for photo in photos]
    )
    fit_head(network, features, photos, forms)
    return PhotoAnswer(network, temperature, Strangeness(features[: len(known)].reshape(-1, POOLED)))


def left_out_logits(
    network: PhotoNet,
    features: NDArray[np.float32],
    photos: Sequence[Photo],
    folds: Sequence[int],
    forms: Sequence[str],
) -> Tensor:
    """Logits [N, forms] of every photo by a head that learnt from the other folds alone."""
    fold_of = np.array(folds)
    logits = torch.zeros(len(photos), len(forms))
    for fold in np.unique(fold_of):
        kept, held = np.flatnonzero(fold_of != fold), np.flatnonzero(fold_of == fold)
        fit_head(network, features[kept], [photos[int(index)] for index in kept], forms)
        logits[held] = photo_logits(network, features[held])
    return logits


@torch.no_grad()
def photo_features(network: PhotoNet, photos: Sequence[Photo], width: int) -> NDArray[np.float32]:
    """Pooled features of every photo as it is and mirrored, float32 [N, 2, POOLED]."""
    found = np.empty((len(photos), 2, POOLED), np.float32)
    for number, photo in enumerate(photos):
        seen = photo_picture(photo, width)
        padded = np.pad(seen, ((0, -seen.shape[0] % STRIDE), (0, -seen.shape[1] % STRIDE), (0, 0)), mode="edge")
        for view, picture in enumerate((padded, padded[:, ::-1])):
            found[number, view] = network.pooled(to_tensor([picture]))[0].numpy()
    return found


def photo_picture(photo: Photo, width: int) -> Picture:
    """A photo as a model sees it that was trained on pictures `width` pixels wide."""
    return picture_for_model(Frame.from_rgb(read_whole(photo.path), time_s=0.0), width)


def fit_head(network: PhotoNet, features: NDArray[np.float32], photos: Sequence[Photo], forms: Sequence[str]) -> None:
    """Set the linear layer to the regression on scaled features. Raises ValueError where a form has no photo."""
    from sklearn.linear_model import LogisticRegression  # noqa: PLC0415 (it takes seconds to load)
    from sklearn.preprocessing import StandardScaler  # noqa: PLC0415

    named = [photo.form for photo in photos]
    if lacking := sorted(set(forms) - set(named)):
        raise ValueError(f"no photo of {', '.join(lacking)} to learn from; take these forms out of the recipe")
    scaler = StandardScaler().fit(features.reshape(-1, POOLED))
    logistic = LogisticRegression(C=STRENGTH, class_weight="balanced", max_iter=2000)
    logistic.fit(scaler.transform(features.reshape(-1, POOLED)), np.repeat(named, features.shape[1]))
    order = [list(logistic.classes_).index(form) for form in forms]
    weight = logistic.coef_[order] / scaler.scale_
    with torch.no_grad():
        network.head.weight.copy_(torch.from_numpy(weight))
        network.head.bias.copy_(torch.from_numpy(logistic.intercept_[order] - weight @ scaler.mean_))


@torch.no_grad()
def photo_logits(network: PhotoNet, features: NDArray[np.float32]) -> Tensor:
    """Logits [N, forms] of photos as they are, unmirrored, as the command line looks at them."""
    logits: Tensor = network.head(torch.from_numpy(features[:, 0]))
    return logits


def fit_temperature(logits: Tensor, named: Sequence[int]) -> float:
    """The temperature with the least cross-entropy on photos that the network never learnt from."""
    tried = np.exp(np.linspace(np.log(0.1), np.log(10.0), 201))
    true = torch.tensor(named)
    losses = [float(functional.cross_entropy(logits / float(temperature), true)) for temperature in tried]
    return float(tried[int(np.argmin(losses))])
