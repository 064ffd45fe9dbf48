"""What a quantised model loses against the one it was made from: measured in pairs, on pictures neither learnt from.

Both see the same pictures, so the loss is taken within each of them and whole scenes are drawn for its interval. Tiles
are what is graded: windows of ten cells a side whose form is the one that the photo shows.

Whether confidence can be trusted as before is judged by the Brier score (Brier 1950) of the answers to whole photos.
The calibration error over bins stands beside it and decides nothing: on 68 photos it moves by points when a few of them
cross the edge of a bin, while every confidence stays where it was to a point.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from loadlens.datasets.catalog import find_set
from loadlens.datasets.textures import read_labels
from loadlens.training.calibrate import Still
from loadlens.training.samples import Photo, Picture, read_whole
from loadlens.training.statistics import bootstrap, calibration_error
from loadlens.vision.frame import Frame
from loadlens.vision.hazards import find_hazards
from loadlens.vision.metadata import Metric
from loadlens.vision.model import SurfaceModel
from loadlens.vision.pipeline import picture_for_model
from loadlens.vision.proportion import proportion
from loadlens.vision.surface import Surface
from loadlens.vision.taxonomy import load_taxonomy

LEAST_TILES = 2000
# The 95 % bounds of the loss, shares 0..1, and of how much the Brier score may grow.
WORST_LOSS = 0.01
WORST_BRIER = 0.01
_TILE, _STEP = 10, 5
_ROUNDS = 15
# The cylinder that no part but the test part shows.
_TEST_CYLINDER = "HP_5KG_BLUE"


@dataclass(frozen=True, slots=True)
class Parity:
    """The figures of both models and their differences, quantised minus float; `faults` say why it is not fit."""

    metrics: dict[str, Metric]
    faults: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class HazardPicture:
    """A picture with a hazard, uint8 [H, W, 3] as the model sees it."""

    rgb: Picture
    class_id: str


def measure_parity(
    plain: SurfaceModel, small: SurfaceModel, photos: Sequence[Photo], hazards: Sequence[HazardPicture]
) -> Parity:
    """Compare a quantised model with its original on held-out photos and pictures of hazards."""
    seen = [_seen(photo, plain, small) for photo in photos]
    scenes = [photo.scene for photo in photos]
    tiles = np.concatenate([one.tiles for one in seen])
    of_tiles = np.repeat(scenes, [len(one.tiles) for one in seen])
    metrics = _paired("tile_accuracy", tiles, of_tiles.tolist())
    if all(one.photo is not None for one in seen):
        named = np.stack([one.photo for one in seen if one.photo is not None])
        metrics |= _paired("photo_accuracy", named[:, :2], scenes)
        metrics |= measure_confidence(named, scenes)
    metrics |= _hazards(plain, small, hazards)
    return Parity(metrics, _faults(metrics, plain))


def measure_speed(plain: SurfaceModel, small: SurfaceModel, pictures: Sequence[Picture]) -> Metric:
    """CPU-seconds of the original over those of the quantised model, on whole frames, one thread each.

    Both take turns on the same frames, their order reversed every round, so that a busy machine slows both alike. The
    interval is the one of the rounds; `n` is their number.
    """
    for model in (plain, small):
        model.look(pictures[0])
    ratios = []
    for number in range(_ROUNDS):
        spent = {}
        for model in (plain, small) if number % 2 else (small, plain):
            start = time.process_time()
            for picture in pictures:
                model.look(picture)
            spent[model.sha256] = time.process_time() - start
        ratios.append(spent[plain.sha256] / spent[small.sha256])
    return bootstrap(np.array(ratios), lambda rows: float(np.median(rows)))


def hazards_of_stills(stills: Sequence[Still], classes: Sequence[str]) -> list[HazardPicture]:
    """The stills in which at least two cells' worth of a hazard lie open."""
    taxonomy = load_taxonomy()
    hazards = [index for index, name in enumerate(classes) if taxonomy[name].kind == "hazard"]
    return [
        HazardPicture(still.rgb, classes[index])
        for still in stills
        for index in hazards
        if still.shares[index].sum() > 2
    ]


def held_cylinders(folder: Path, width: int) -> list[HazardPicture]:
    """The photos of the one gas cylinder that belongs to the test part; frames of one video, hardly independent."""
    lawn = folder / find_set("gas_cylinders").folder
    files = [lawn / row["file"] for row in read_labels(lawn) if row["object"] == _TEST_CYLINDER]
    return [HazardPicture(picture_at(file, width), "gas_cylinder") for file in files]


@dataclass(frozen=True, slots=True)
class _SeenPhoto:
    """Of one photo: whether each model names each tile rightly [n, 2]; of the whole right, right, sure, sure [4]."""

    tiles: NDArray[np.float64]
    photo: NDArray[np.float64] | None


def _seen(photo: Photo, plain: SurfaceModel, small: SurfaceModel) -> _SeenPhoto:
    rgb = picture_at(photo.path, plain.metadata.trained_width)
    looks = [model.look(rgb, whole=True) for model in (plain, small)]
    forms = [name for name in plain.metadata.class_ids if load_taxonomy()[name].kind == "form"]
    tiles = np.stack([_tiles(surface, forms) == forms.index(photo.form) for surface in looks], axis=1)
    answers = [surface.photo for surface in looks]
    whole = None
    if answers[0] is not None and answers[1] is not None:
        right = [float(forms[int(answer.argmax())] == photo.form) for answer in answers if answer is not None]
        whole = np.array([*right, float(answers[0].max()), float(answers[1].max())])
    return _SeenPhoto(tiles.astype(np.float64), whole)


def _tiles(surface: Surface, forms: Sequence[str]) -> NDArray[np.intp]:
    """The form of every window of the surface, by the mean of its cells' probabilities, as places in `forms`."""
    planes = surface.probs[[surface.class_ids.index(name) for name in forms]]
    height, width = planes.shape[1:]
    tops = range(0, max(1, height - _TILE + 1), _STEP)
    lefts = range(0, max(1, width - _TILE + 1), _STEP)
    windows = [planes[:, top : top + _TILE, left : left + _TILE].mean(axis=(1, 2)) for top in tops for left in lefts]
    return np.asarray(np.stack(windows).argmax(axis=1), np.intp)


def picture_at(path: Path, width: int) -> Picture:
    """A photo as a model sees it that was trained on pictures `width` pixels wide."""
    return picture_for_model(Frame.from_rgb(read_whole(path), time_s=0.0), width)


def _paired(name: str, right: NDArray[np.float64], scenes: Sequence[str]) -> dict[str, Metric]:
    """A share of right answers [n, 2] of both models and its change."""
    return {
        f"{name}_float": bootstrap(right, lambda rows: float(rows[:, 0].mean()), groups=scenes),
        f"{name}_int8": bootstrap(right, lambda rows: float(rows[:, 1].mean()), groups=scenes),
        f"{name}_change": bootstrap(right, lambda rows: float((rows[:, 1] - rows[:, 0]).mean()), groups=scenes),
    }


def measure_confidence(named: NDArray[np.float64], scenes: Sequence[str]) -> dict[str, Metric]:
    """How far the confidence of both models can be trusted, and the changes.

    `named` [n, 4] says of each photo whether both named it rightly, then how sure both were, 0..1.
    """

    def binned(rows: NDArray[np.float64], which: int) -> float:
        return calibration_error(rows[:, 2 + which], rows[:, which] > 0.5)

    def brier(rows: NDArray[np.float64], which: int) -> float:
        return float(np.square(rows[:, 2 + which] - rows[:, which]).mean())

    metrics = {}
    for name, of in (("photo_calibration_error", binned), ("photo_brier", brier)):
        metrics[f"{name}_float"] = bootstrap(named, partial(of, which=0), groups=scenes)
        metrics[f"{name}_int8"] = bootstrap(named, partial(of, which=1), groups=scenes)
        metrics[f"{name}_change"] = bootstrap(named, _change(of), groups=scenes)
    return metrics


def _change(of: Callable[[NDArray[np.float64], int], float]) -> Callable[[NDArray[np.float64]], float]:
    return lambda rows: of(rows, 1) - of(rows, 0)


def _hazards(plain: SurfaceModel, small: SurfaceModel, hazards: Sequence[HazardPicture]) -> dict[str, Metric]:
    if not hazards:
        return {}
    found = np.array([[_alarms(model, hazard) for model in (plain, small)] for hazard in hazards])
    return {
        "hazard_recall_float": proportion(int(found[:, 0].sum()), len(found)),
        "hazard_recall_int8": proportion(int(found[:, 1].sum()), len(found)),
        "hazards_lost": proportion(int((found[:, 0] & ~found[:, 1]).sum()), len(found)),
    }


def _alarms(model: SurfaceModel, hazard: HazardPicture) -> bool:
    thresholds = {hazard.class_id: model.metadata.hazard_thresholds[hazard.class_id]}
    surface = model.look(hazard.rgb)
    return bool(find_hazards(surface, thresholds=thresholds, frame_s=0.0, frame_sha256="", scale=1.0))


def _faults(metrics: dict[str, Metric], model: SurfaceModel) -> tuple[str, ...]:
    faults = []
    tiles = metrics["tile_accuracy_change"]
    if tiles.n < LEAST_TILES:
        faults.append(f"measured on {tiles.n} tiles, where a loss of 1 pp takes {LEAST_TILES} to be seen")
    for name in ("tile_accuracy_change", "photo_accuracy_change"):
        if name in metrics and metrics[name].low < -WORST_LOSS:
            one = metrics[name]
            faults.append(
                f"{name} is {100 * one.value:+.2f} pp, with a 95 % bound of {100 * one.low:+.2f} pp (n {one.n}), worse "
                f"than {-100 * WORST_LOSS:+.0f} pp"
            )
    faults += confidence_faults(metrics)
    if not model.metadata.hazard_thresholds:
        return tuple(faults)
    if "hazards_lost" not in metrics:
        faults.append("hazard recall was not measured")
    elif (lost := metrics["hazards_lost"]).value > 0:
        # Also where others are found instead: no hazard stands for another.
        faults.append(f"{round(lost.value * lost.n)} of {lost.n} hazards are found no more")
    return tuple(faults)


def confidence_faults(metrics: Mapping[str, Metric]) -> list[str]:
    """What speaks against the confidence of the quantised model; nothing where photos were not named as a whole."""
    brier = metrics.get("photo_brier_change")
    if brier is None or brier.high <= WORST_BRIER:
        return []
    return [
        f"the Brier score of photos changes by {brier.value:+.4f}, with a 95 % bound of {brier.high:+.4f} "
        f"(n {brier.n}), worse than {WORST_BRIER:+.2f}: its confidence cannot be trusted as before"
    ]
