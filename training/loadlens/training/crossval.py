"""Cross-validation on photos: five folds that never share a scene, so that every photo is named by a stranger to it.

    python -m loadlens.training.crossval --photos FOLDER --out runs/photos

Twice: by our scenes, and by the near-duplicate groups of the source, which are what others report. The baseline is what
the source's readers had: the same backbone's deepest features on photos of 384 x 288, with the same regression.
"""

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from loadlens.training.commands import BACKBONE
from loadlens.training.features import STRENGTH
from loadlens.training.network import PhotoNet, load_backbone
from loadlens.training.photos import fit_temperature, left_out_logits, photo_features
from loadlens.training.recipe import Recipe, load_recipe, recipe_path
from loadlens.training.samples import Photo, photo_folds, read_whole, to_tensor
from loadlens.training.statistics import bootstrap, calibration_error, macro_f1
from loadlens.training.train import form_positions
from loadlens.vision.metadata import Metric
from loadlens.vision.taxonomy import load_taxonomy

_BASELINE_SIZE = (384, 288)


def cross_validate(recipe: Recipe, photos: Path, out: Path) -> dict[str, Metric]:
    """Name every photo in both groupings; writes crossval.json with all figures and returns them."""
    forms = [recipe.classes[position] for position in form_positions(recipe.classes)]
    network = PhotoNet(len(forms))
    load_backbone(network, photos / BACKBONE if (photos / BACKBONE).is_file() else None)
    everything = photo_folds(photos, "scene")[0]
    features = photo_features(network, everything, recipe.width)
    plain = _baseline_features(network, everything)
    figures: dict[str, Metric] = {}
    for grouping in ("scene", "source"):
        figures |= _grouped(photos, grouping, (features, plain), network, forms)
    out.mkdir(parents=True, exist_ok=True)
    report = {name: asdict(metric) for name, metric in figures.items()}
    (out / "crossval.json").write_text(json.dumps(report, indent=1), encoding="utf-8")
    return figures


def _grouped(
    folder: Path,
    grouping: Literal["scene", "source"],
    seen: tuple[NDArray[np.float32], NDArray[np.float32]],
    network: PhotoNet,
    forms: Sequence[str],
) -> dict[str, Metric]:
    from sklearn.linear_model import LogisticRegression  # noqa: PLC0415 (it takes seconds to load)
    from sklearn.pipeline import make_pipeline  # noqa: PLC0415
    from sklearn.preprocessing import StandardScaler  # noqa: PLC0415

    features, plain = seen
    photos, groups, folds = photo_folds(folder, grouping)
    fold_of, true = np.array(folds), np.array([forms.index(photo.form) for photo in photos])
    logits = left_out_logits(network, features, photos, folds, forms)
    baseline = np.zeros(len(photos), int)
    for fold in np.unique(fold_of):
        kept, held = np.flatnonzero(fold_of != fold), np.flatnonzero(fold_of == fold)
        regression = make_pipeline(StandardScaler(), LogisticRegression(C=STRENGTH, class_weight="balanced"))
        baseline[held] = regression.fit(plain[kept], true[kept]).predict(plain[held])
    figures = {}
    for way, said in (("", logits.argmax(dim=1).numpy()), ("_baseline", baseline)):
        pairs = np.stack([true, said], axis=1).astype(np.float64)
        figures[f"{grouping}_form_macro_f1{way}"] = bootstrap(pairs, macro_f1, groups=groups)
        families = _families(pairs, forms)
        figures[f"{grouping}_family_macro_f1{way}"] = bootstrap(families, macro_f1, groups=groups)
    confidence, right = _confidence(logits, true, fold_of)
    figures[f"{grouping}_calibration_error"] = bootstrap(
        np.stack([confidence, right], axis=1),
        lambda rows: calibration_error(rows[:, 0], rows[:, 1] > 0.5),
        groups=groups,
    )
    return figures


def _confidence(
    logits: Tensor, true: NDArray[np.intp], folds: NDArray[np.intp]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Confidence in each answer, and whether it is right; each fold's temperature is fitted on the other folds."""
    confidence = np.zeros(len(true))
    for fold in np.unique(folds):
        others, held = np.flatnonzero(folds != fold), np.flatnonzero(folds == fold)
        temperature = fit_temperature(logits[others], true[others].tolist())
        confidence[held] = (logits[held] / temperature).softmax(dim=1).amax(dim=1).numpy()
    return confidence, (logits.argmax(dim=1).numpy() == true).astype(np.float64)


def _families(pairs: NDArray[np.float64], forms: Sequence[str]) -> NDArray[np.float64]:
    names = [load_taxonomy().family(form) for form in forms]
    number = np.array([sorted(set(names)).index(name) for name in names], np.float64)
    return np.asarray(number[pairs.astype(int)], np.float64)


@torch.no_grad()
def _baseline_features(network: PhotoNet, photos: Sequence[Photo]) -> NDArray[np.float32]:
    """The mean of the deepest features of photos at 384 x 288, float32 [N, 1280]."""
    sized = (cv2.resize(read_whole(photo.path), _BASELINE_SIZE, interpolation=cv2.INTER_AREA) for photo in photos)
    return np.stack([network.pooled(to_tensor([np.asarray(one, np.uint8)]))[0, -1280:].numpy() for one in sized])


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--recipe", default="surface")
    arguments.add_argument("--photos", type=Path, required=True)
    arguments.add_argument("--out", type=Path, required=True)
    asked = arguments.parse_args()
    for name, metric in cross_validate(load_recipe(recipe_path(asked.recipe)), asked.photos, asked.out).items():
        print(f"{name:32} {metric.value:.3f} ({metric.low:.3f} to {metric.high:.3f}), n {metric.n}")
