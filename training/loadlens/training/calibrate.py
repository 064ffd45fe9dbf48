"""What makes a network's numbers mean what they say: temperature, class biases, thresholds, conformal quantiles.

Everything here is chosen on stills of rendered unloadings and on photos of the calibration part: nothing that a weight
was trained on, nothing that a reported accuracy is measured on. The stills hold as much dirt and as few hazards as
loads do; training scenes hold far more of both, so that the network sees enough of them.
"""

from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from loadlens.datasets.procedural import ProceduralTextures
from loadlens.datasets.textures import PhotoTextures
from loadlens.datasets.yard import ClipSpec, render_clip
from loadlens.training.network import STRIDE, SurfaceNet
from loadlens.training.photos import photo_picture
from loadlens.training.recipe import Recipe
from loadlens.training.samples import Photo, cell_shares, class_index, to_tensor
from loadlens.vision.hazards import find_hazards
from loadlens.vision.model import SurfaceModel
from loadlens.vision.surface import Surface
from loadlens.vision.taxonomy import load_taxonomy
from loadlens.vision.uncertainty import conformal_quantile, out_of_distribution_score

LEVEL = 0.9
# Of stills without a hazard of a class, so many may raise its alarm: more, and nobody heeds it.
FALSE_ALARMS = 0.05
HAZARD_RECALL = 0.95
_PURE = 0.9
# Seeds of stills; grade_rendered_loads calibrates on seeds from 0 on and measures from 1000 on.
StillPart = Literal["calibration", "test"]
_FIRST_SEED: dict[StillPart, int] = {"calibration": 500_000, "test": 600_000}

Cells = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Calibration:
    """What the model file carries beside its weights; shares 0..1, biases are added to logits / temperature.

    `hazard_recall` is what the thresholds find of the hazards in the stills, with the number of hazards.
    """

    temperature: float
    bias: tuple[float, ...]
    unsure_below: float
    conformal: dict[str, float]
    hazard_thresholds: dict[str, float]
    hazard_recall: dict[str, tuple[float, int]]
    n_cells: int


@dataclass(frozen=True, slots=True)
class Still:
    """A still at the model's width: picture uint8 [H, W, 3] and the true share of every class in its cells."""

    rgb: NDArray[np.uint8]
    shares: Cells


def render_stills(
    classes: Sequence[str], width: int, photos: Path | None, clips: int, *, part: StillPart = "calibration"
) -> list[Still]:
    """The stills of `clips` rendered unloadings of one part, `width` pixels wide, their classes in this order."""
    one = partial(_stills, classes=tuple(classes), width=width, photos=photos, part=part)
    with ProcessPoolExecutor(max_workers=2, mp_context=get_context("spawn")) as pool:
        return [still for stills in pool.map(one, range(clips), chunksize=4) for still in stills]


def _stills(number: int, classes: Sequence[str], width: int, photos: Path | None, part: StillPart) -> list[Still]:
    cv2.setNumThreads(1)
    bank = ProceduralTextures() if photos is None else PhotoTextures(photos, part)
    index = class_index(classes)
    stills = []
    for rgb, label in render_clip(ClipSpec(seed=_FIRST_SEED[part] + number), bank).stills():
        height = round(rgb.shape[0] * width / rgb.shape[1] / STRIDE) * STRIDE
        size = (width, height)
        small = np.asarray(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA), np.uint8)
        small_label = np.asarray(cv2.resize(label, size, interpolation=cv2.INTER_NEAREST), np.int16)
        stills.append(Still(small, cell_shares(small_label, index, len(classes))))
    return stills


def calibrate(network: SurfaceNet, recipe: Recipe, stills: Sequence[Still]) -> Calibration:
    """Fit everything on stills of the calibration part."""
    logits = still_logits(network, stills)
    temperature, bias = fit_softmax(logits, [still.shares for still in stills], recipe.classes)
    probs = [softmax(cells, temperature, bias) for cells in logits]
    pure_probs, pure_labels = _pure_cells(probs, [still.shares for still in stills])
    thresholds, recall = _hazard_thresholds(probs, stills, recipe)
    return Calibration(
        temperature=temperature,
        bias=bias,
        unsure_below=_unsure_below(pure_probs, pure_labels, recipe),
        conformal=_conformal(pure_probs, pure_labels, recipe),
        hazard_thresholds=thresholds,
        hazard_recall=recall,
        n_cells=len(pure_labels),
    )


@torch.no_grad()
def still_logits(network: SurfaceNet, stills: Sequence[Still]) -> list[Cells]:
    """Logits of every still, [K, GH, GW]."""
    network.eval()
    return [network(to_tensor([still.rgb]))[0].numpy() for still in stills]


def softmax(logits: Cells, temperature: float, bias: Sequence[float]) -> Cells:
    """Probabilities [K, ...] of logits [K, ...]."""
    offset = np.asarray(bias, np.float32).reshape(-1, *([1] * (logits.ndim - 1)))
    scaled = logits / temperature + offset
    raised = np.exp(scaled - scaled.max(axis=0))
    return np.asarray(raised / raised.sum(axis=0), np.float32)


def fit_softmax(
    logits: Sequence[Cells], shares: Sequence[Cells], classes: Sequence[str]
) -> tuple[float, tuple[float, ...]]:
    """Temperature, and one bias for each kind of class, with the least cross-entropy against the shares of the cells.

    Bias-corrected temperature scaling (Alexandari, Kundaje and Shrikumar, 2020), but with one bias for all forms, one
    for contaminants and so on: the calibration part has only a few photos of a form, too few for a bias of its own.
    """
    flat = torch.from_numpy(np.concatenate([cells.reshape(len(cells), -1) for cells in logits], axis=1).T.copy())
    true = torch.from_numpy(np.concatenate([cells.reshape(len(cells), -1) for cells in shares], axis=1).T.copy())
    kinds = [load_taxonomy()[name].kind for name in classes]
    kind_of = torch.tensor([sorted(set(kinds)).index(kind) for kind in kinds])
    log_temperature = torch.zeros(1, requires_grad=True)
    bias = torch.zeros(len(set(kinds)), requires_grad=True)
    optimiser = torch.optim.LBFGS([log_temperature, bias], max_iter=40, line_search_fn="strong_wolfe")

    def loss() -> torch.Tensor:
        optimiser.zero_grad()
        scaled = functional.log_softmax(flat / log_temperature.exp() + bias[kind_of], dim=1)
        # Only differences between biases matter; a small pull to zero makes them definite.
        value = -(true * scaled).sum() / true.sum() + 1e-4 * bias.square().sum()
        value.backward()  # type: ignore[no-untyped-call]
        return value

    optimiser.step(loss)  # type: ignore[no-untyped-call]
    return float(log_temperature.detach().exp()), tuple(round(float(bias[kind].detach()), 5) for kind in kind_of)


def _pure_cells(probs: Sequence[Cells], shares: Sequence[Cells]) -> tuple[Cells, NDArray[np.intp]]:
    """Cells that hold one class alone: probabilities [n, K] and the class [n]."""
    flat = np.concatenate([cells.reshape(len(cells), -1) for cells in probs], axis=1).T
    true = np.concatenate([cells.reshape(len(cells), -1) for cells in shares], axis=1).T
    pure = true.max(axis=1) >= _PURE
    return flat[pure], true[pure].argmax(axis=1)


def _conformal(probs: Cells, labels: NDArray[np.intp], recipe: Recipe) -> dict[str, float]:
    quantiles = {}
    for index, name in enumerate(recipe.classes):
        scores = 1 - probs[labels == index, index]
        quantiles[name] = float(min(1.0, conformal_quantile(scores, LEVEL))) if len(scores) else 1.0
    return quantiles


def _unsure_below(probs: Cells, labels: NDArray[np.intp], recipe: Recipe) -> float:
    """The confidence under which a cell is better called unknown: one rightly named form cell in twenty is lost."""
    taxonomy = load_taxonomy()
    forms = [index for index, name in enumerate(recipe.classes) if taxonomy[name].kind == "form"]
    right = np.isin(labels, forms) & (probs.argmax(axis=1) == labels)
    return float(np.quantile(probs[right].max(axis=1), 0.05)) if right.any() else 0.0


def _hazard_thresholds(
    probs: Sequence[Cells], stills: Sequence[Still], recipe: Recipe
) -> tuple[dict[str, float], dict[str, tuple[float, int]]]:
    """For every hazard a threshold that finds HAZARD_RECALL of them, or as many as FALSE_ALARMS allow."""
    thresholds, recall = {}, {}
    for index, name in enumerate(recipe.classes):
        if load_taxonomy()[name].kind != "hazard":
            continue
        there = [still.shares[index].sum() > 2 for still in stills]
        peaks = np.array([_highest_alarm(cells, recipe.classes, name) for cells in probs])
        with_it = peaks[np.array(there)]
        clean = peaks[[still.shares[index].sum() == 0 for still in stills]]
        bearable = float(np.quantile(clean, 1 - FALSE_ALARMS)) if len(clean) else 0.5
        wanted = float(np.quantile(with_it, 1 - HAZARD_RECALL)) if len(with_it) else 0.5
        thresholds[name] = float(np.clip(max(wanted, bearable), 0.02, 0.95))
        found = float((with_it >= thresholds[name]).mean()) if len(with_it) else 0.0
        recall[name] = (found, len(with_it))
    return thresholds, recall


def moved_thresholds(plain: SurfaceModel, small: SurfaceModel, stills: Sequence[Still]) -> dict[str, float]:
    """The thresholds of `plain` as they are for `small`, a rounded copy of it whose peaks are a little lower.

    Each moves by the median ratio of the peaks that come near it on stills of the calibration part, never upwards: a
    hazard that was found stays found, which may cost a false alarm.
    """
    classes, moved = plain.metadata.class_ids, {}
    looks = [(plain.look(still.rgb).probs, small.look(still.rgb).probs) for still in stills]
    for name, threshold in plain.metadata.hazard_thresholds.items():
        peaks = np.array([[_highest_alarm(cells, classes, name) for cells in pair] for pair in looks])
        near = peaks[peaks[:, 0] > threshold / 2]
        moved[name] = threshold * min(1.0, float(np.median(near[:, 1] / near[:, 0]))) if len(near) else threshold
    return moved


def _highest_alarm(cells: Cells, classes: Sequence[str], name: str) -> float:
    """The highest threshold at which a still would raise the alarm of a hazard."""
    surface = Surface(cells, tuple(classes), STRIDE)
    low, high = 0.0, 1.0
    for _ in range(12):
        middle = (low + high) / 2
        sightings = find_hazards(surface, thresholds={name: middle}, frame_s=0.0, frame_sha256="", scale=1.0)
        low, high = (middle, high) if sightings else (low, middle)
    return low


def strange_from(model: SurfaceModel, photos: Sequence[Photo]) -> float:
    """The strangeness, 0..1, that one photo of scrap in twenty exceeds; of photos that it was not learnt from."""
    width, taxonomy = model.metadata.trained_width, load_taxonomy()
    looks = (model.look(photo_picture(photo, width), whole=True) for photo in photos)
    return float(np.quantile([out_of_distribution_score(surface, taxonomy) for surface in looks], 0.95))
