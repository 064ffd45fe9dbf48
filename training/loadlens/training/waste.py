"""The model that names photos of waste: one linear layer on the features of a network that stays as it came.

    python -m loadlens.training.waste --photos FOLDER --out runs/waste

Every figure that counts is of a source that the head never learnt from: a photo of a studio that a network knows says
little of what it makes of another. Temperature and threshold are fitted on one half of these answers, and measured on
the other.
"""

import argparse
import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from importlib import metadata as installed
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track
from torch import Tensor, nn

from loadlens.datasets.catalog import digest_of
from loadlens.training.export import halve_weights, onnx_bytes, with_metadata
from loadlens.training.photos import fit_temperature
from loadlens.training.recipe import WasteRecipe, load_waste_recipe, recipe_path
from loadlens.training.samples import read_whole, to_tensor
from loadlens.training.statistics import bootstrap, calibration_error, macro_f1
from loadlens.training.waste_network import POOLED, WEIGHTS, WasteNet, load_weights
from loadlens.training.waste_samples import (
    IMAGENET,
    NONE,
    WastePhoto,
    drawn_photos,
    imagenet_photos,
    landfill_photos,
    scrap_photos,
    waste_photos,
)
from loadlens.vision.frame import Frame
from loadlens.vision.metadata import Metric
from loadlens.vision.photo_model import PhotoMetadata, PhotoModel, photo_for_model
from loadlens.vision.proportion import proportion

Rows = NDArray[np.float32]


def train(recipe: WasteRecipe, photos: Path, run: Path) -> None:
    """Learn, measure and export; `run` gets figures.json, checkpoint.pt and the model file."""
    run.mkdir(parents=True, exist_ok=True)
    samples = imagenet_photos(photos)
    heaps = [*landfill_photos(photos, recipe.most), *scrap_photos(photos, recipe.most)]
    drawn = [drawn_photos(run / "drawn", recipe.most, seed) for seed in (recipe.seed, recipe.seed + 1)]
    sets = [*waste_photos(photos), *heaps, *samples.learnt, *drawn[0]]
    known = [photo for photo in sets if photo.label in (*recipe.classes, NONE)]
    order = [*recipe.classes, NONE]
    network = WasteNet(len(order))
    load_weights(network, photos / WEIGHTS)
    data_digest = digest_of(hashlib.sha256(photo.path.read_bytes()).hexdigest() for photo in known)
    config_digest = hashlib.sha256(json.dumps(asdict(recipe), sort_keys=True).encode()).hexdigest()
    features = _features(network, known, recipe.side)
    found = name_left_out(recipe, known, features)
    fit_waste_head(network, features, known, order, recipe.strength)
    to_set, to_measure = (
        _probabilities(network, _features(network, strangers, recipe.side), found.temperature)[:, :-1].max(axis=1)
        for strangers in (samples.strangers_to_set, samples.strangers_to_measure)
    )
    # Rather withhold too much than name what is no waste: the stricter of both thresholds counts.
    found.threshold = max(found.threshold, float(np.quantile(to_set, recipe.strangers_withheld)))
    of_nothing = _probabilities(network, _features(network, drawn[1], recipe.side), found.temperature)[:, :-1]
    metrics = figures(found, {"strangers": to_measure, "drawn": of_nothing.max(axis=1)})
    (run / "figures.json").write_text(json.dumps(_to_plain(found, metrics), indent=1), encoding="utf-8")
    torch.save({"network": network.state_dict(), "recipe": asdict(recipe)}, run / "checkpoint.pt")
    about = PhotoMetadata(
        name=recipe.name,
        version=recipe.version,
        class_ids=recipe.classes,
        side=recipe.side,
        calibration={"method": "temperature scaling on sources left out", "temperature": found.temperature},
        abstain_below=found.threshold,
        data_digest=data_digest,
        config_digest=config_digest,
        metrics=metrics,
        software=installed.version("loadlens"),
    )
    export_waste(network, found.temperature, about, run / f"{recipe.name}.onnx")


class ExportedWaste(nn.Module):
    """The contract around the network: uint8 [N, H, W, 3] RGB in, calibrated probabilities [N, K] out."""

    def __init__(self, network: WasteNet, temperature: float) -> None:
        super().__init__()
        self.network = network
        self.temperature = temperature

    def forward(self, image: Tensor) -> Tensor:
        """The probabilities of the classes of waste; what is left to 1 is none of them."""
        logits: Tensor = self.network(image.permute(0, 3, 1, 2).float())
        return (logits / self.temperature).softmax(dim=1)[:, :-1]


def export_waste(network: WasteNet, temperature: float, about: PhotoMetadata, out: Path) -> float:
    """Write the model file, weights in half precision; returns the largest change of a probability that this makes."""
    import onnx  # noqa: PLC0415

    whole = ExportedWaste(network, temperature).eval()
    graph = onnx.load_model_from_string(with_metadata(onnx_bytes(whole, "classes"), about))
    halve_weights(graph.graph)
    data = bytes(graph.SerializeToString())
    model = PhotoModel(data, name=out.name)
    worst = 0.0
    rng = np.random.default_rng(0)
    for height, width in ((224, 224), (192, 256), (320, 160)):
        picture = rng.integers(0, 256, (height, width, 3), np.uint8)
        with torch.no_grad():
            expected = whole(torch.from_numpy(picture[None]))[0].numpy()
        worst = max(worst, float(np.abs(model.look(picture) - expected).max()))
    if worst > 0.02:
        raise RuntimeError(f"{out}: the file differs from the network by {worst:.2g}; it was not written")
    out.write_bytes(data)
    return worst


def fit_waste_head(
    network: WasteNet, features: Rows, photos: Sequence[WastePhoto], order: Sequence[str], strength: float
) -> None:
    """Set the linear layer by regression on features, float32 [N, POOLED], of three classes or more.

    Classes weigh the same (none of them: twice), and within a class the sources by the root of their photos.
    """
    from sklearn.linear_model import LogisticRegression  # noqa: PLC0415 (it takes seconds to load)
    from sklearn.preprocessing import StandardScaler  # noqa: PLC0415

    counts = Counter((photo.label, photo.source) for photo in photos)
    totals: Counter[str] = Counter()
    for (label, _), n in counts.items():
        totals[label] += n**0.5
    weight = np.array(
        [
            counts[photo.label, photo.source] ** -0.5 / totals[photo.label] * (2 if photo.label == NONE else 1)
            for photo in photos
        ]
    )
    scaler = StandardScaler().fit(features)
    named = [order.index(photo.label) for photo in photos]
    logistic = LogisticRegression(C=strength, max_iter=150, tol=1e-3)
    logistic.fit(scaler.transform(features), named, sample_weight=weight / weight.mean())
    slopes = np.zeros((len(order), POOLED))
    offsets = np.full(len(order), -30.0)
    slopes[logistic.classes_] = logistic.coef_ / scaler.scale_
    offsets[logistic.classes_] = logistic.intercept_ - slopes[logistic.classes_] @ scaler.mean_
    with torch.no_grad():
        network.head.weight.copy_(torch.from_numpy(slopes))
        network.head.bias.copy_(torch.from_numpy(offsets))


class LeftOut:
    """What a head says of photos whose source it never learnt from, and what was fitted on the half of them."""

    def __init__(self, logits: Rows, photos: Sequence[WastePhoto], order: Sequence[str]) -> None:
        self.logits = logits
        self.photos = list(photos)
        self.order = list(order)
        self.true = np.array([order.index(photo.label) for photo in photos])
        self.validation = _first_halves(photos)
        self.temperature = fit_temperature(
            torch.from_numpy(logits[self.validation]), self.true[self.validation].tolist()
        )
        self.threshold = 0.0

    def probabilities(self) -> Rows:
        """Calibrated, float32 [N, classes and none]."""
        return np.asarray(torch.from_numpy(self.logits / np.float32(self.temperature)).softmax(dim=1).numpy())


def name_left_out(recipe: WasteRecipe, photos: Sequence[WastePhoto], features: Rows) -> LeftOut:
    """Name every photo by a head that never saw its source, where another source teaches its class.

    ImageNet's photos are not measured on: the backbone has learnt from them, with their names.
    """
    order = [*recipe.classes, NONE]
    network = WasteNet(len(order))
    logits, kept = [], []
    for source in sorted({photo.source for photo in photos} - {IMAGENET}):
        others = [place for place, photo in enumerate(photos) if photo.source != source]
        taught = {photos[place].label for place in others}
        held = [place for place, photo in enumerate(photos) if photo.source == source and photo.label in taught]
        held = [place for place in held if photos[place].label != NONE]
        if not held:
            continue
        fit_waste_head(network, features[others], [photos[place] for place in others], order, recipe.strength)
        logits.append(_logits(network, features[held]))
        kept += held
    found = LeftOut(np.concatenate(logits), [photos[place] for place in kept], order)
    probs = found.probabilities()[:, :-1]
    found.threshold = float(np.quantile(probs[found.validation].max(axis=1), recipe.false_abstention))
    return found


def figures(found: LeftOut, strange: Mapping[str, Rows]) -> dict[str, Metric]:
    """What the answers about left-out sources, and the confidence about each kind of strangers [n], come to."""
    probs, test = found.probabilities()[:, :-1], ~found.validation
    said, sure = probs.argmax(axis=1), probs.max(axis=1)
    metrics: dict[str, Metric] = {}
    for source in sorted({photo.source for photo in found.photos}):
        of = np.array([photo.source == source for photo in found.photos])
        right = said[of] == found.true[of]
        metrics[f"left_out_{source}_accuracy"] = proportion(int(right.sum()), int(of.sum()))
    pairs = np.stack([found.true, said], axis=1).astype(np.float64)
    metrics["left_out_macro_f1"] = bootstrap(pairs, macro_f1)
    answered = sure >= found.threshold
    right = said == found.true
    metrics["left_out_calibration_error"] = bootstrap(
        np.stack([sure, right.astype(float)], axis=1)[test],
        lambda rows: calibration_error(rows[:, 0], rows[:, 1] > 0.5),
    )
    metrics["left_out_false_abstention"] = proportion(int((~answered & test).sum()), int(test.sum()))
    metrics["left_out_accuracy_answered"] = proportion(
        int((right & answered & test).sum()), int((answered & test).sum())
    )
    surest = np.argsort(-sure[test])[: int(test.sum()) // 2]
    metrics["left_out_accuracy_surest_half"] = proportion(int(right[test][surest].sum()), len(surest))
    for kind, confidence in strange.items():
        metrics[f"{kind}_abstained"] = proportion(int((confidence < found.threshold).sum()), len(confidence))
    return metrics


@torch.no_grad()
def _features(network: WasteNet, photos: Sequence[WastePhoto], side: int) -> Rows:
    """Features of photos as the command line sees them, [N, POOLED]."""
    found = np.empty((len(photos), POOLED), np.float32)
    for number, photo in enumerate(track(photos, "looking", console=Console(stderr=True))):
        seen = photo_for_model(Frame.from_rgb(read_whole(photo.path), time_s=0.0), side)
        found[number] = network.pooled(to_tensor([seen]))[0].numpy()
    return found


@torch.no_grad()
def _logits(network: WasteNet, features: Rows) -> Rows:
    return np.asarray(network.head(torch.from_numpy(features)).numpy())


def _probabilities(network: WasteNet, features: Rows, temperature: float) -> Rows:
    return np.asarray(torch.from_numpy(_logits(network, features) / np.float32(temperature)).softmax(dim=1).numpy())


def _first_halves(photos: Sequence[WastePhoto]) -> NDArray[np.bool_]:
    """The first half of every source's photos of a class; neighbours, which may show one thing, stay together."""
    totals = Counter((photo.label, photo.source) for photo in photos)
    seen: Counter[tuple[str, str]] = Counter()
    first = []
    for photo in photos:
        key = (photo.label, photo.source)
        first.append(seen[key] < totals[key] / 2)
        seen[key] += 1
    return np.array(first)


def _to_plain(found: LeftOut, metrics: Mapping[str, Metric]) -> dict[str, object]:
    said = found.probabilities()[:, :-1].argmax(axis=1)
    confused: dict[str, Counter[str]] = {}
    for photo, place in zip(found.photos, said, strict=True):
        confused.setdefault(f"{photo.source} {photo.label}", Counter())[found.order[int(place)]] += 1
    return {
        "temperature": found.temperature,
        "abstain_below": found.threshold,
        "metrics": {name: asdict(metric) for name, metric in metrics.items()},
        "confusion": {name: dict(counts.most_common()) for name, counts in sorted(confused.items())},
    }


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--recipe", default="waste")
    arguments.add_argument("--photos", type=Path, required=True)
    arguments.add_argument("--out", type=Path, required=True)
    asked = arguments.parse_args()
    train(load_waste_recipe(recipe_path(asked.recipe)), asked.photos, asked.out)
