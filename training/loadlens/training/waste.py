"""The model that names photos of waste: a head on pooled features, then all layers together for a short while.

    python -m loadlens.training.waste --photos FOLDER --imagenet FOLDER --out runs/waste

Every figure that counts is of a source that the head never learnt from: a photo of a studio that a network knows says
little of what it makes of another. Temperature and threshold are fitted on one half of these answers, and measured on
the other. The short training of all layers is too dear to be done once for every source; how far it moves the answers
is measured instead.
"""

import argparse
import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from importlib import metadata as installed
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track
from torch import Tensor, nn
from torch.nn import functional

from loadlens.datasets.catalog import digest_of
from loadlens.training.commands import BACKBONE
from loadlens.training.export import halve_weights, onnx_bytes, with_metadata
from loadlens.training.network import POOLED, PhotoNet, load_backbone
from loadlens.training.photos import fit_temperature
from loadlens.training.recipe import WasteRecipe, load_waste_recipe, recipe_path
from loadlens.training.samples import to_tensor
from loadlens.training.statistics import bootstrap, calibration_error, macro_f1
from loadlens.training.waste_samples import (
    IMAGENET,
    NONE,
    Views,
    WastePhoto,
    imagenet_photos,
    prepared,
    waste_photos,
)
from loadlens.vision.frame import Frame
from loadlens.vision.metadata import Metric
from loadlens.vision.photo_model import PhotoMetadata, PhotoModel, photo_for_model
from loadlens.vision.proportion import proportion

Rows = NDArray[np.float32]
_STEPS_A_NOTE = 25


def train(recipe: WasteRecipe, photos: Path, imagenet: Path, run: Path) -> None:
    """Learn, measure and export; `run` gets features.npz, figures.json, checkpoint.pt and the model file."""
    run.mkdir(parents=True, exist_ok=True)
    samples = imagenet_photos(imagenet)
    known = [photo for photo in [*waste_photos(photos), *samples.learnt] if photo.label in (*recipe.classes, NONE)]
    order = [*recipe.classes, NONE]
    network = PhotoNet(len(order))
    load_backbone(network, photos / BACKBONE)
    views = Views(known, recipe.side)
    features = _kept_features(run, network, recipe, known, views)
    found = name_left_out(recipe, known, features)
    fit_waste_head(network, features, known, order, recipe.strength)
    before = _probabilities(network, features[:, 0], found.temperature)
    fine_tune(network, recipe, known, views, run / "metrics.jsonl")
    moved = _movement(network, known, recipe.side, found.temperature, before)
    to_set, to_measure = (
        _probabilities(network, _rows(network, strangers, recipe.side), found.temperature)[:, :-1].max(axis=1)
        for strangers in (samples.strangers_to_set, samples.strangers_to_measure)
    )
    # Rather withhold too much than name what is no waste: the stricter of both thresholds counts.
    found.threshold = max(found.threshold, float(np.quantile(to_set, recipe.strangers_withheld)))
    metrics = figures(found, to_measure)
    (run / "figures.json").write_text(json.dumps(_to_plain(found, metrics), indent=1), encoding="utf-8")
    torch.save({"network": network.state_dict(), "recipe": asdict(recipe)}, run / "checkpoint.pt")
    about = PhotoMetadata(
        name=recipe.name,
        version=recipe.version,
        class_ids=recipe.classes,
        side=recipe.side,
        calibration={
            "method": "temperature scaling on sources left out",
            "temperature": found.temperature,
            "answers_moved_by_last_training": moved,
        },
        abstain_below=found.threshold,
        data_digest=digest_of(hashlib.sha256(photo.path.read_bytes()).hexdigest() for photo in known),
        config_digest=hashlib.sha256(json.dumps(asdict(recipe), sort_keys=True).encode()).hexdigest(),
        metrics=metrics,
        software=installed.version("loadlens"),
    )
    export_waste(network, found.temperature, about, run / f"{recipe.name}.onnx")


class ExportedWaste(nn.Module):
    """The contract around the network: uint8 [N, H, W, 3] RGB in, calibrated probabilities [N, K] out."""

    def __init__(self, network: PhotoNet, temperature: float) -> None:
        super().__init__()
        self.network = network
        self.temperature = temperature

    def forward(self, image: Tensor) -> Tensor:
        """The probabilities of the classes of waste; what is left to 1 is none of them."""
        logits: Tensor = self.network(image.permute(0, 3, 1, 2).float())
        return (logits / self.temperature).softmax(dim=1)[:, :-1]


def export_waste(network: PhotoNet, temperature: float, about: PhotoMetadata, out: Path) -> float:
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
    network: PhotoNet, features: Rows, photos: Sequence[WastePhoto], order: Sequence[str], strength: float
) -> None:
    """Set the linear layer by regression on all views, float32 [N, views, POOLED], of three classes or more.

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
    rows = features.reshape(-1, POOLED)
    scaler = StandardScaler().fit(rows)
    named = np.repeat([order.index(photo.label) for photo in photos], features.shape[1])
    each = np.repeat(weight / weight.mean(), features.shape[1])
    logistic = LogisticRegression(C=strength, max_iter=150, tol=1e-3)
    logistic.fit(scaler.transform(rows), named, sample_weight=each)
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
    network = PhotoNet(len(order))
    logits, kept = [], []
    for source in sorted({photo.source for photo in photos} - {IMAGENET}):
        others = [place for place, photo in enumerate(photos) if photo.source != source]
        taught = {photos[place].label for place in others}
        held = [place for place, photo in enumerate(photos) if photo.source == source and photo.label in taught]
        held = [place for place in held if photos[place].label != NONE]
        if not held:
            continue
        fit_waste_head(network, features[others], [photos[place] for place in others], order, recipe.strength)
        logits.append(_logits(network, features[held, 0]))
        kept += held
    found = LeftOut(np.concatenate(logits), [photos[place] for place in kept], order)
    probs = found.probabilities()[:, :-1]
    found.threshold = float(np.quantile(probs[found.validation].max(axis=1), recipe.false_abstention))
    return found


def figures(found: LeftOut, strange: Rows) -> dict[str, Metric]:
    """What the answers about left-out sources, and the confidence about strangers [n], come to."""
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
    withheld = strange < found.threshold
    metrics["strangers_abstained"] = proportion(int(withheld.sum()), len(withheld))
    return metrics


def fine_tune(network: PhotoNet, recipe: WasteRecipe, photos: Sequence[WastePhoto], views: Views, log: Path) -> None:
    """Let all layers learn together, from where the regression left them."""
    for parameter in network.parameters():
        parameter.requires_grad = True
    optimiser = torch.optim.AdamW(network.parameters(), lr=recipe.learning_rate, weight_decay=1e-4)
    by_class: dict[str, list[WastePhoto]] = {}
    for photo in photos:
        by_class.setdefault(photo.label, []).append(photo)
    order = [*recipe.classes, NONE]
    with log.open("w", encoding="utf-8") as lines:
        for step in range(recipe.steps):
            rng = np.random.default_rng([recipe.seed, 3, step])
            labels = rng.choice(sorted(by_class), size=recipe.batch)
            drawn = [by_class[label][rng.integers(len(by_class[label]))] for label in labels]
            pictures = [views.view(one, [recipe.seed, 4, step, place]) for place, one in enumerate(drawn)]
            logits = network(to_tensor(pictures))
            loss = functional.cross_entropy(logits, torch.tensor([order.index(label) for label in labels]))
            optimiser.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            torch.nn.utils.clip_grad_norm_(network.parameters(), 5.0)
            for group in optimiser.param_groups:
                group["lr"] = recipe.learning_rate * min(1.0, (step + 1) / 20) * (1 - step / recipe.steps)
            optimiser.step()
            lines.write(json.dumps({"step": step, "loss": round(float(loss.detach()), 5)}) + "\n")
            if step % _STEPS_A_NOTE == 0:
                lines.flush()
    network.eval()


def _kept_features(
    run: Path, network: PhotoNet, recipe: WasteRecipe, photos: Sequence[WastePhoto], views: Views
) -> Rows:
    """Features of every photo as the command line sees it, then of its views, [N, 1 + views, POOLED]; kept in `run`."""
    kept = run / "features.npz"
    if kept.is_file():
        return np.asarray(np.load(kept)["features"], np.float32)
    found = np.empty((len(photos), 1 + recipe.views, POOLED), np.float32)
    found[:, 0] = _rows(network, photos, recipe.side)
    console = Console(stderr=True)
    for number, photo in enumerate(track(photos, "looking at views", console=console)):
        seen = [views.view(photo, [recipe.seed, number, place]) for place in range(recipe.views)]
        with torch.no_grad():
            found[number, 1:] = network.pooled(to_tensor(seen)).numpy()
    np.savez(kept, features=found)
    return found


def _rows(network: PhotoNet, photos: Sequence[WastePhoto], side: int) -> Rows:
    """Features of photos as the command line sees them, [N, POOLED]."""
    console = Console(stderr=True)
    return np.stack([_plain(network, photo, side) for photo in track(photos, "looking", console=console)])


@torch.no_grad()
def _plain(network: PhotoNet, photo: WastePhoto, side: int) -> Rows:
    seen = photo_for_model(Frame.from_rgb(prepared(photo.path, False)[0], time_s=0.0), side)
    return np.asarray(network.pooled(to_tensor([seen]))[0].numpy())


@torch.no_grad()
def _logits(network: PhotoNet, features: Rows) -> Rows:
    return np.asarray(network.head(torch.from_numpy(features)).numpy())


def _probabilities(network: PhotoNet, features: Rows, temperature: float) -> Rows:
    return np.asarray(torch.from_numpy(_logits(network, features) / np.float32(temperature)).softmax(dim=1).numpy())


def _movement(network: PhotoNet, photos: Sequence[WastePhoto], side: int, temperature: float, before: Rows) -> float:
    """The mean largest change of a probability by the last training, over every tenth photo."""
    places = list(range(0, len(photos), 10))
    after = _probabilities(network, _rows(network, [photos[place] for place in places], side), temperature)
    return round(float(np.abs(after - before[places]).max(axis=1).mean()), 4)


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
    arguments.add_argument("--imagenet", type=Path, required=True)
    arguments.add_argument("--out", type=Path, required=True)
    arguments.add_argument("--steps", type=int, help="fewer steps than the recipe says, to try something")
    asked = arguments.parse_args()
    read = load_waste_recipe(recipe_path(asked.recipe))
    train(read if asked.steps is None else replace(read, steps=asked.steps), asked.photos, asked.imagenet, asked.out)
