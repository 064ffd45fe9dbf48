"""What makes a network's numbers mean what they say: temperature, thresholds and conformal quantiles.

Everything here is chosen on the calibration part: rendered scenes and photos that no weight was trained on, and that
no reported accuracy is measured on.
"""

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from loadlens.training.network import STRIDE, SurfaceNet
from loadlens.training.recipe import Recipe
from loadlens.training.samples import Photo, cell_shares, class_index, read_photo, to_tensor
from loadlens.training.scenes import read_scenes
from loadlens.vision.surface import Surface
from loadlens.vision.taxonomy import load_taxonomy
from loadlens.vision.uncertainty import conformal_quantile, out_of_distribution_score

LEVEL = 0.9
# Of hazards in the calibration scenes, so many must raise an alarm.
HAZARD_RECALL = 0.95
_PURE = 0.9


@dataclass(frozen=True, slots=True)
class Calibration:
    """What the model file carries beside its weights; all shares 0..1. `n_cells` are the pure cells behind it."""

    temperature: float
    unsure_below: float
    conformal: dict[str, float]
    hazard_thresholds: dict[str, float]
    ood_threshold: float | None
    n_cells: int


def calibrate(network: SurfaceNet, recipe: Recipe, scenes: list[Path], photos: list[Photo]) -> Calibration:
    """Fit everything on the calibration part; `photos` may be empty, then strangeness is not judged."""
    logits, shares = scene_logits(network, recipe, scenes)
    temperature = fit_temperature(logits, shares)
    probs = [softmax(cells, temperature) for cells in logits]
    pure_probs, pure_labels = _pure_cells(probs, shares)
    conformal = {}
    for index, name in enumerate(recipe.classes):
        scores = 1 - pure_probs[pure_labels == index, index]
        quantile = conformal_quantile(scores, LEVEL) if len(scores) else 1.0
        conformal[name] = float(min(1.0, quantile))
    return Calibration(
        temperature=temperature,
        unsure_below=_unsure_below(pure_probs, pure_labels, recipe),
        conformal=conformal,
        hazard_thresholds=_hazard_thresholds(probs, shares, recipe),
        ood_threshold=_ood_threshold(network, recipe, photos, temperature) if photos else None,
        n_cells=len(pure_labels),
    )


@torch.no_grad()
def scene_logits(
    network: SurfaceNet, recipe: Recipe, scenes: list[Path]
) -> tuple[list[NDArray[np.float32]], list[NDArray[np.float32]]]:
    """Logits and true class shares of every cell of whole scenes at the recipe's width, [K, GH, GW] each."""
    network.eval()
    index = class_index(recipe.classes)
    logits, shares = [], []
    for rgb, label in read_scenes(scenes):
        height = round(rgb.shape[0] * recipe.width / rgb.shape[1] / STRIDE) * STRIDE
        size = (recipe.width, height)
        small = np.asarray(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA), np.uint8)
        small_label = np.asarray(cv2.resize(label, size, interpolation=cv2.INTER_NEAREST), np.int16)
        logits.append(network(to_tensor([small]))[0].numpy())
        shares.append(cell_shares(small_label, index, len(recipe.classes)))
    return logits, shares


def softmax(logits: NDArray[np.float32], temperature: float) -> NDArray[np.float32]:
    """Probabilities [K, ...] of logits [K, ...]."""
    scaled = logits / temperature
    raised = np.exp(scaled - scaled.max(axis=0))
    return np.asarray(raised / raised.sum(axis=0), np.float32)


def fit_temperature(logits: list[NDArray[np.float32]], shares: list[NDArray[np.float32]]) -> float:
    """The temperature with the least cross-entropy against the shares of the cells (Guo et al. 2017)."""
    flat = torch.from_numpy(np.concatenate([cells.reshape(len(cells), -1) for cells in logits], axis=1).T.copy())
    true = torch.from_numpy(np.concatenate([cells.reshape(len(cells), -1) for cells in shares], axis=1).T.copy())
    tried = np.exp(np.linspace(np.log(0.5), np.log(4), 60))
    losses = [float(-(true * functional.log_softmax(flat / t, dim=1)).sum()) for t in tried]
    return float(tried[int(np.argmin(losses))])


def _pure_cells(
    probs: list[NDArray[np.float32]], shares: list[NDArray[np.float32]]
) -> tuple[NDArray[np.float32], NDArray[np.intp]]:
    """Cells that hold one class alone: probabilities [n, K] and the class [n]."""
    flat = np.concatenate([cells.reshape(len(cells), -1) for cells in probs], axis=1).T
    true = np.concatenate([cells.reshape(len(cells), -1) for cells in shares], axis=1).T
    pure = true.max(axis=1) >= _PURE
    return flat[pure], true[pure].argmax(axis=1)


def _unsure_below(probs: NDArray[np.float32], labels: NDArray[np.intp], recipe: Recipe) -> float:
    """The confidence under which a cell is better called unknown: one rightly named form cell in twenty is lost."""
    taxonomy = load_taxonomy()
    forms = [index for index, name in enumerate(recipe.classes) if taxonomy[name].kind == "form"]
    right = np.isin(labels, forms) & (probs.argmax(axis=1) == labels)
    return float(np.quantile(probs[right].max(axis=1), 0.05)) if right.any() else 0.0


def _hazard_thresholds(
    probs: list[NDArray[np.float32]], shares: list[NDArray[np.float32]], recipe: Recipe
) -> dict[str, float]:
    """For every hazard the probability that HAZARD_RECALL of the things in the scenes reach in some cell."""
    thresholds = {}
    for index, name in enumerate(recipe.classes):
        if load_taxonomy()[name].kind != "hazard":
            continue
        reached = []
        for cells, true in zip(probs, shares, strict=True):
            count, label = cv2.connectedComponents((true[index] > 0.2).astype(np.uint8))
            for thing in range(1, count):
                # A sliver under half a cell is no thing a person would see either.
                if true[index][label == thing].sum() > 1.5:
                    near = cv2.dilate((label == thing).astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
                    reached.append(float(cells[index][near].max()))
        wanted = float(np.quantile(reached, 1 - HAZARD_RECALL)) if reached else 0.5
        thresholds[name] = float(np.clip(wanted, 0.1, 0.9))
    return thresholds


@torch.no_grad()
def _ood_threshold(network: SurfaceNet, recipe: Recipe, photos: list[Photo], temperature: float) -> float:
    """The strangeness that one photo of scrap in twenty exceeds."""
    scores = []
    for photo in photos:
        small = cv2.resize(read_photo(photo.path), recipe.photo_size[::-1], interpolation=cv2.INTER_AREA)
        logits = network(to_tensor([np.asarray(small, np.uint8)]))[0].numpy()
        surface = Surface(softmax(logits, temperature), recipe.classes, STRIDE)
        scores.append(out_of_distribution_score(surface, load_taxonomy()))
    return float(np.quantile(scores, 0.95))
