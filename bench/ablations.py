"""What each part of what LoadLens sees by is worth, on the same photos and loads. Writes ablations.md beside.

    OMP_NUM_THREADS=1 nice -n 19 .venv/bin/python bench/ablations.py --photos FOLDER [--loads 100] [--out DIR]

About half an hour of one core the first time; what was looked at is kept in --out. Photos: all there are, those of the
test part too, in five folds that share no scene. Loads: rendered from photos of the calibration part alone, seen layer
by layer.
"""

import argparse
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from rich.progress import track
from scipy.special import softmax
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from loadlens.datasets.textures import PhotoTextures
from loadlens.datasets.unloading import LayerTruth
from loadlens.datasets.yard import ClipSpec, render_clip
from loadlens.training.answers import Answer
from loadlens.training.commands import BACKBONE
from loadlens.training.compare import Comparison, compare_answers
from loadlens.training.features import STRENGTH
from loadlens.training.network import POOLED, PhotoNet, load_backbone
from loadlens.training.photos import photo_features
from loadlens.training.recipe import load_recipe, recipe_path
from loadlens.training.samples import Photo, photo_folds
from loadlens.training.statistics import bootstrap, mean
from loadlens.training.train import form_positions
from loadlens.vision.contaminants import decide_contaminants
from loadlens.vision.frame import Frame
from loadlens.vision.layer import LEAST_LAYER, cell_share, occluded
from loadlens.vision.metadata import Metric
from loadlens.vision.mixture import as_mixture
from loadlens.vision.model import SurfaceModel, load_model
from loadlens.vision.pipeline import picture_for_model
from loadlens.vision.surface import Surface
from loadlens.vision.taxonomy import load_taxonomy

HERE = Path(__file__).resolve().parent
RECIPE = load_recipe(recipe_path("surface"))
FORMS = [RECIPE.classes[position] for position in form_positions(RECIPE.classes)]
TAXONOMY = load_taxonomy()
# The pooled features: means and spreads of stride 16, means of stride 32.
PARTS = {"fine": np.arange(96), "spread": np.arange(96, 192), "deepest": np.arange(192, POOLED)}
View = tuple[int, int]  # the width that a photo is seen at, and 1 where it is mirrored
AS_SHIPPED, MIRRORED = (RECIPE.width, 0), (RECIPE.width, 1)
SMALLER = 448
SMALL, SMALL_MIRRORED = (SMALLER, 0), (SMALLER, 1)
Grid = NDArray[np.float32]


@dataclass(frozen=True)
class Head:
    """A way to name whole photos: which features, learnt from which views, answered by the mean over which."""

    parts: tuple[str, ...] = tuple(PARTS)
    learnt: tuple[View, ...] = (AS_SHIPPED, MIRRORED)
    answered: tuple[View, ...] = (AS_SHIPPED,)
    strength: float = STRENGTH
    balanced: bool = True


SHIPPED = Head()
HEADS = {
    "only the deepest features": replace(SHIPPED, parts=("deepest",)),
    "without the spread of the finer ones": replace(SHIPPED, parts=("fine", "deepest")),
    "mirrored photos not learnt from": replace(SHIPPED, learnt=(AS_SHIPPED,)),
    "answered by the mean with the mirrored photo": replace(SHIPPED, answered=(AS_SHIPPED, MIRRORED)),
    "learnt and answered at 448 pixels": replace(SHIPPED, learnt=(SMALL, SMALL_MIRRORED), answered=(SMALL,)),
    "learnt at 640 and 448, answered at 640": replace(SHIPPED, learnt=(AS_SHIPPED, MIRRORED, SMALL, SMALL_MIRRORED)),
    "learnt and answered at 640 and 448": replace(
        SHIPPED, learnt=(AS_SHIPPED, MIRRORED, SMALL, SMALL_MIRRORED), answered=(AS_SHIPPED, SMALL)
    ),
    "a quarter of the regression's strength": replace(SHIPPED, strength=STRENGTH / 4),
    "four times the regression's strength": replace(SHIPPED, strength=STRENGTH * 4),
    "classes not balanced": replace(SHIPPED, balanced=False),
}


def photo_table(folder: Path, out: Path) -> tuple[str, dict[str, Comparison]]:
    """How the shipped head does, in words, and every other beside it."""
    photos, scenes, folds = photo_folds(folder, "scene")
    features = {width: _features(folder, photos, width, out) for width in (RECIPE.width, SMALLER)}
    answer = partial(_answers, photos=photos, scenes=scenes, folds=np.array(folds), features=features)
    first = answer(SHIPPED)
    table = {name: compare_answers(first, answer(head)) for name, head in track(list(HEADS.items()), "heads")}
    some = next(iter(table.values()))
    form, family = some.figures["form_macro_f1"].first, some.figures["family_macro_f1"].first
    return f"form {form:.3f}, family {family:.3f}, {some.photos} photos of {some.scenes} scenes", table


def _features(folder: Path, photos: Sequence[Photo], width: int, out: Path) -> NDArray[np.float32]:
    """Pooled features of every photo as it is and mirrored, float32 [N, 2, POOLED]."""
    kept = out / f"photos-{width}.npy"
    if not kept.exists():
        network = PhotoNet(len(FORMS))
        load_backbone(network, folder / BACKBONE if (folder / BACKBONE).is_file() else None)
        np.save(kept, photo_features(network, photos, width))
    return np.asarray(np.load(kept), np.float32)


def _answers(
    head: Head,
    photos: Sequence[Photo],
    scenes: Sequence[str],
    folds: NDArray[np.intp],
    features: dict[int, NDArray[np.float32]],
) -> list[Answer]:
    """What a head says to every photo when it has learnt from the other folds."""
    true, columns = np.array([photo.form for photo in photos]), np.concatenate([PARTS[part] for part in head.parts])
    learnt, answered = (
        np.stack([features[width][:, mirrored][:, columns] for width, mirrored in views], axis=1)
        for views in (head.learnt, head.answered)
    )
    found: list[Answer | None] = [None] * len(photos)
    for fold in np.unique(folds):
        kept, held = np.flatnonzero(folds != fold), np.flatnonzero(folds == fold)
        weight = "balanced" if head.balanced else None
        logistic = LogisticRegression(C=head.strength, class_weight=weight, max_iter=2000)
        regression = make_pipeline(StandardScaler(), logistic)
        regression.fit(learnt[kept].reshape(-1, len(columns)), np.repeat(true[kept], len(head.learnt)))
        logits = regression.decision_function(answered[held].reshape(-1, len(columns)))
        probs = softmax(logits.reshape(len(held), len(head.answered), -1).mean(axis=1), axis=1)
        for place, row in zip(held, probs, strict=True):
            said = str(regression.classes_[row.argmax()])
            found[place] = Answer(
                photos[place].path.as_posix(), scenes[place], str(true[place]), said, float(row.max()), abstain=False
            )
    return [one for one in found if one is not None]


@dataclass(frozen=True)
class SeenLoad:
    """A rendered load: the surface of every layer and the share of its cells that it is graded by, at two widths of the
    picture; of all that was ever exposed, the truly contaminated share and the share of each of FORMS."""

    layers: dict[int, list[tuple[Surface, Grid]]]
    contaminated: float
    forms: NDArray[np.float64]


Reading = Callable[[Surface, Grid], Surface]
WIDER = 896


def _by_probability(surface: Surface, _exposed: Grid) -> Surface:
    return surface


def _decided(surface: Surface, exposed: Grid) -> Surface:
    return decide_contaminants(surface, exposed, TAXONOMY)


def _above(surface: Surface, exposed: Grid, *, threshold: float, times_middle: float = 0.0) -> Surface:
    """Cells whose contaminants are together likelier than the threshold are contaminated, all others clean.

    Where so many times the middle cell of the layer is more than the threshold, that counts, up to 0.3.
    """
    kinds = np.array([TAXONOMY[name].kind for name in surface.class_ids])
    dirt, load = kinds == "contaminant", np.maximum(1 - surface.probs[kinds == "scene"].sum(axis=0), 1e-6)
    likely = surface.probs[dirt].sum(axis=0) / load
    there = exposed > 0.3
    middle = float(np.median(likely[there])) if there.any() else 0.0
    threshold = max(threshold, min(times_middle * middle, 0.3))
    probs = surface.probs.copy()
    probs[dirt] *= np.where(likely > threshold, 1 / np.maximum(likely, 1e-9), 0)
    return Surface(np.ascontiguousarray(probs), surface.class_ids, surface.stride)


READINGS: dict[str, tuple[int, Reading]] = {
    "cells that stand out, each by itself": (RECIPE.width, partial(_above, threshold=0.1, times_middle=5.0)),
    "the same, from 0.12 on": (RECIPE.width, partial(_above, threshold=0.12, times_middle=5.0)),
    "the mean of probabilities": (RECIPE.width, _by_probability),
    "cells above 0.1": (RECIPE.width, partial(_above, threshold=0.1)),
    "cells above 0.2": (RECIPE.width, partial(_above, threshold=0.2)),
    "cells above 0.3": (RECIPE.width, partial(_above, threshold=0.3)),
    f"as shipped, on pictures {WIDER} pixels wide": (WIDER, _decided),
    f"the mean of probabilities, {WIDER} pixels wide": (WIDER, _by_probability),
}


def load_table(photos: Path, loads: int, out: Path) -> tuple[list[Metric], dict[str, list[Metric]]]:
    """Error and bias of the contaminated area as shipped; for every other reading these and what the error gains."""
    seen = [_kept_load(seed, photos, out) for seed in track(range(loads), "loads")]
    seen = [load for load in seen if load.layers[RECIPE.width]]
    shipped = _errors(seen, RECIPE.width, _decided)
    table = {}
    for name, (width, reading) in READINGS.items():
        errors = _errors(seen, width, reading)
        both = np.stack([np.abs(shipped), np.abs(errors)], axis=1)
        more = bootstrap(both, lambda rows: float((rows[:, 1] - rows[:, 0]).mean()))
        table[name] = [mean(np.abs(errors)), mean(errors), more]
    return [mean(np.abs(shipped)), mean(shipped)], table


def _errors(loads: Sequence[SeenLoad], width: int, reading: Reading) -> NDArray[np.float64]:
    found = []
    for load in loads:
        dirty = total = 0.0
        for surface, exposed in load.layers[width]:
            kinds = np.array([TAXONOMY[name].kind for name in surface.class_ids])
            read = reading(surface, exposed).probs
            dirty += float((read[kinds == "contaminant"] * exposed).sum())
            total += float(((1 - read[kinds == "scene"].sum(axis=0)) * exposed).sum())
        found.append(dirty / total - load.contaminated)
    return np.array(found)


# Of the layers of a load, the probabilities of FORMS given load, [K, GH, GW], and what every cell counts for.
Layers = list[tuple[Grid, Grid]]
FormReading = Callable[[Layers], list[Grid]]


def _each_by_itself(layers: Layers) -> list[Grid]:
    return [forms for forms, _ in layers]


def _squared(layers: Layers) -> list[Grid]:
    return [
        np.asarray(forms**2 / np.maximum((forms**2).sum(axis=0), 1e-12) * forms.sum(axis=0), np.float32)
        for forms, _ in layers
    ]


def _likeliest(layers: Layers) -> list[Grid]:
    return [np.where(forms == forms.max(axis=0), forms.sum(axis=0), np.float32(0)) for forms, _ in layers]


def _as_layers(layers: Layers) -> list[Grid]:
    return [as_mixture(forms, weight) for forms, weight in layers]


def _as_one_load(layers: Layers) -> list[Grid]:
    ends = np.cumsum([forms.shape[2] for forms, _ in layers])[:-1]
    forms, weight = (np.concatenate(grids, axis=-1) for grids in zip(*layers, strict=True))
    return np.split(as_mixture(forms, weight), ends, axis=2)


FORM_READINGS: dict[str, FormReading] = {
    "each cell by itself": _each_by_itself,
    "probabilities squared": _squared,
    "the likeliest form of each cell": _likeliest,
    "the mixture of all layers of the load together": _as_one_load,
}


def form_table(photos: Path, loads: int, out: Path) -> tuple[Metric, dict[str, list[Metric]]]:
    """The share of a load that is called another form as shipped; for every other reading this and what it adds."""
    seen = [load for load in (_kept_load(seed, photos, out) for seed in range(loads)) if load.layers[RECIPE.width]]
    least = load_model().metadata.unsure_below
    shipped = [_misplaced(load, _as_layers, least) for load in seen]
    table = {}
    for name, reading in FORM_READINGS.items():
        errors = [_misplaced(load, reading, least) for load in seen]
        more = bootstrap(np.stack([shipped, errors], axis=1), lambda rows: float((rows[:, 1] - rows[:, 0]).mean()))
        table[name] = [mean(errors), more]
    return mean(shipped), table


def _misplaced(load: SeenLoad, reading: FormReading, least: float) -> float:
    """Half the summed absolute error of the forms' shares; cells of which the model is less sure count for none."""
    layers: Layers = []
    sure: list[Grid] = []
    for surface, exposed in load.layers[RECIPE.width]:
        decided = _decided(surface, exposed)
        kinds = np.array([TAXONOMY[name].kind for name in surface.class_ids])
        there = np.maximum(1 - decided.probs[kinds == "scene"].sum(axis=0), 1e-6)
        given_load = np.asarray(decided.probs / there, np.float32)
        weight = np.asarray(exposed * there, np.float32)
        layers.append((given_load[kinds == "form"], weight))
        sure.append(np.where(given_load[kinds != "scene"].max(axis=0) >= least, weight, 0))
    counted = sum((forms * cells).sum(axis=(1, 2)) for forms, cells in zip(reading(layers), sure, strict=True))
    total = sum(float(weight.sum()) for _, weight in layers)
    return float(np.abs(counted / total - load.forms).sum() / 2)


def _kept_load(seed: int, photos: Path, out: Path) -> SeenLoad:
    model = load_model()
    kept = out / f"whole-load-{seed}-{model.sha256[:12]}.npz"
    if not kept.exists():
        clip = render_clip(ClipSpec(seed=seed, seconds=30.0), PhotoTextures(photos, "calibration"))
        truck = clip.truth.truck
        forms = np.array([truck.forms.get(name, 0.0) for name in FORMS])
        truth = {"contaminated": sum(truck.contaminants.values()), "forms": forms}
        np.savez(kept, **truth, **dict(_looked(clip.layers(), clip.inside, model)))
    with np.load(kept) as file:
        layers: dict[int, list[tuple[Surface, Grid]]] = {RECIPE.width: [], WIDER: []}
        for key in sorted(name for name in file.files if name.startswith("probs")):
            width = int(key.split("-")[2])
            surface = Surface(file[key].astype(np.float32), model.metadata.class_ids, model.metadata.stride)
            layers[width].append((surface, file[key.replace("probs", "exposed")]))
        return SeenLoad(layers, float(file["contaminated"]), file["forms"])


def _looked(
    layers: Iterator[tuple[LayerTruth, NDArray[np.uint8], NDArray[np.bool_]]],
    inside: NDArray[np.bool_],
    model: SurfaceModel,
) -> Iterator[tuple[str, NDArray[Any]]]:
    """Probabilities and exposed share of the cells of every layer, at both widths; what shows hardly any load is left
    out as grading leaves it out."""
    for number, (truth, rgb, new) in enumerate(layers):
        for width in (RECIPE.width, WIDER):
            picture = picture_for_model(Frame.from_rgb(rgb, time_s=truth.start_s), width)
            surface, size = model.look(picture), (picture.shape[0], picture.shape[1])
            hidden = occluded(surface, TAXONOMY, size, new.shape)
            exposed = cell_share(new & inside & ~hidden, surface, size)
            scene = [index for index, name in enumerate(surface.class_ids) if TAXONOMY[name].kind == "scene"]
            load = float((exposed * (1 - surface.probs[scene].sum(axis=0))).sum())
            if load >= LEAST_LAYER * float(cell_share(inside, surface, size).sum()):
                yield f"probs-{number}-{width}", surface.probs.astype(np.float16)
                yield f"exposed-{number}-{width}", exposed


def write(
    photos: tuple[str, dict[str, Comparison]],
    loads: tuple[list[Metric], dict[str, list[Metric]]],
    forms: tuple[Metric, dict[str, list[Metric]]],
) -> None:
    """The tables as a person reads them."""
    (error, bias), readings = loads
    text = f"""# What each part is worth

Made by `bench/ablations.py`. Brackets are 95 % intervals, paired: over scenes of the same photos, over the same loads.
Where one holds zero, chance may have done it. What takes longer than this to try is on the model's card.

## Naming whole photos
As shipped, cross-validated (macro-F1): {photos[0]}. Changes of macro-F1, in points:

| | forms | families |
|---|---|---|
"""
    for name, compared in photos[1].items():
        cells = [_points(compared.figures[figure].difference) for figure in ("form_macro_f1", "family_macro_f1")]
        text += f"| {name} | {' | '.join(cells)} |\n"
    text += f"""
## The contaminated area of a load
{error.n} loads rendered from photos of the calibration part, points of area. On these and 100 more the shipped way was
chosen.

| | error | bias | more error than as shipped |
|---|---|---|---|
| as shipped: patches of cells that stand out from their layer | {_points(error)} | {_points(bias)} | |
"""
    for name, figures in readings.items():
        text += f"| {name} | {' | '.join(_points(figure) for figure in figures)} |\n"
    text += f"""
## The forms of a load
The same loads: the share of a load, in points, that is called another form than it is.

| | called another form | more than as shipped |
|---|---|---|
| as shipped: the mixture of each layer | {_points(forms[0])} | |
"""
    for name, figures in forms[1].items():
        text += f"| {name} | {' | '.join(_points(figure) for figure in figures)} |\n"
    (HERE / "ablations.md").write_text(text, encoding="utf-8")


def _points(metric: Metric) -> str:
    return f"{100 * metric.value:.2f} ({100 * metric.low:.2f} to {100 * metric.high:.2f})"


def main() -> None:
    """Look at what was not looked at yet, then compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=Path, required=True)
    parser.add_argument("--loads", type=int, default=100)
    parser.add_argument("--out", type=Path, default=Path("runs/ablations"))
    given = parser.parse_args()
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    given.out.mkdir(parents=True, exist_ok=True)
    loads = load_table(given.photos, given.loads, given.out)
    forms = form_table(given.photos, given.loads, given.out)
    write(photo_table(given.photos, given.out), loads, forms)


if __name__ == "__main__":
    main()
