"""What a model is worth on real crane-camera frames of cameras that it was not trained on."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from loadlens.datasets.crane import IGNORE, CraneFrame, SurfacePair, label_map, load_surface_pairs, polygon_mask
from loadlens.training.samples import read_crane
from loadlens.training.statistics import bootstrap, mean
from loadlens.vision.colour import has_cast
from loadlens.vision.frame import Frame
from loadlens.vision.layer import Mask, cell_share, occluded, scene_share
from loadlens.vision.metadata import Metric
from loadlens.vision.model import SurfaceModel
from loadlens.vision.overlay import draw_layer
from loadlens.vision.pipeline import picture_for_model
from loadlens.vision.stillness import LUMA_WIDTH
from loadlens.vision.surface import Surface
from loadlens.vision.taxonomy import load_taxonomy
from loadlens.vision.tracker import widened

# What a frame can show in the bed; the whole of a wagon's surface is one of them.
_MATERIALS = ("turnings", "shredded", "bed_floor")


@dataclass(frozen=True, slots=True)
class SeenFrame:
    """A crane frame as the model saw it: the picture, its surface, and the cells that hold one annotated class."""

    frame: CraneFrame
    rgb: NDArray[np.uint8]
    surface: Surface
    cells: dict[str, Mask]


def see_crane(model: SurfaceModel, frames: Sequence[CraneFrame]) -> list[SeenFrame]:
    """Look at every frame at the width that the model was trained on."""
    return [_see(model, frame) for frame in frames]


def measure_crane(seen: Sequence[SeenFrame]) -> dict[str, Metric]:
    """Magnets graded as scrap, and materials named cell by cell, each frame and material counting once; 0..1."""
    graded = [_graded_share(item)[item.cells["magnet"]].mean() for item in seen if "magnet" in item.cells]
    metrics = {}
    if graded:
        metrics["crane_magnet_graded"] = mean([float(share) for share in graded])
        metrics["crane_magnet_graded_worst"] = _exactly(max(graded), len(graded))
        refused = [float(has_cast(item.rgb)) for item in seen if "magnet" in item.cells]
        metrics["crane_magnet_frames_refused"] = _exactly(float(np.mean(refused)), len(refused))
    rows = np.array(
        [
            (number, _named(item, material))
            for item in seen
            for number, material in enumerate(_MATERIALS)
            if material in item.cells
        ]
    )
    if len(rows):
        metrics["crane_material_recall"] = bootstrap(rows, _balanced)
        baseline = 1 / len(np.unique(rows[:, 0]))
        metrics["crane_material_recall_commonest"] = _exactly(baseline, len(rows))
        for number, material in enumerate(_MATERIALS):
            if (rows[:, 0] == number).any():
                metrics[f"crane_recall_{material}"] = mean(rows[rows[:, 0] == number, 1].tolist())
    return metrics


def measure_pairs(model: SurfaceModel, frames: Sequence[CraneFrame]) -> dict[str, Metric]:
    """How far the shares of one undisturbed surface differ between two frames: the largest class, 0..1."""
    differences = [_difference(model, pair) for pair in load_surface_pairs(list(frames))]
    if not differences:
        return {}
    worst = _exactly(max(differences), len(differences))
    return {"crane_same_surface_difference": mean(differences), "crane_same_surface_difference_worst": worst}


def draw_crane(seen: Sequence[SeenFrame], out: Path, *, unsure_below: float) -> None:
    """Write the overlay of every frame, so that a person can judge whether to believe it."""
    out.mkdir(parents=True, exist_ok=True)
    for item in seen:
        title = f"{item.frame.camera} {item.frame.material}"
        overlay = draw_layer(
            item.rgb,
            item.surface,
            np.asarray(_graded_share(item), np.float32),
            (),
            unsure_below=unsure_below,
            source_width=item.rgb.shape[1],
            title=title,
            taxonomy=load_taxonomy(),
        )
        cv2.imwrite(str(out / f"{item.frame.path.stem}.jpg"), overlay[..., ::-1])


def _see(model: SurfaceModel, frame: CraneFrame) -> SeenFrame:
    rgb = _at_width(read_crane(frame)[0], model.metadata.trained_width)
    surface = model.look(rgb)
    size = (rgb.shape[0], rgb.shape[1])
    label = label_map(frame, size)
    cells = {}
    for number, name in enumerate(load_taxonomy()):
        # A cell counts for a class when hardly anything else lies in it.
        share = cell_share(label == number, surface, size)
        if (share > 0.9).sum() >= 4:
            cells[name] = np.asarray(share > 0.9)
    return SeenFrame(frame, rgb, surface, cells)


def _at_width(rgb: NDArray[np.uint8], width: int) -> NDArray[np.uint8]:
    """The picture as grading would look at it."""
    return picture_for_model(Frame.from_rgb(rgb, time_s=0.0), width)


def _graded_share(item: SeenFrame) -> NDArray[np.float64]:
    """How much of every cell would be graded as load, [GH, GW] in 0..1: not hidden, and not scene.

    Nothing is graded on a frame whose colours are false.
    """
    if has_cast(item.rgb):
        return np.zeros(item.surface.probs.shape[1:])
    size = (item.rgb.shape[0], item.rgb.shape[1])
    watched = (round(size[0] * LUMA_WIDTH / size[1]), LUMA_WIDTH)
    hidden = widened(occluded(item.surface, load_taxonomy(), size, watched))
    return cell_share(~hidden, item.surface, size) * (1.0 - scene_share(item.surface, load_taxonomy()))


def _named(item: SeenFrame, material: str) -> float:
    """The share of a material's cells of which it is the likeliest class; 0 where the model does not know it."""
    if material not in item.surface.class_ids:
        return 0.0
    top = item.surface.probs.argmax(axis=0)
    return float((top[item.cells[material]] == item.surface.class_ids.index(material)).mean())


def _balanced(rows: NDArray[np.float64]) -> float:
    return float(np.mean([rows[rows[:, 0] == number, 1].mean() for number in np.unique(rows[:, 0])]))


def _difference(model: SurfaceModel, pair: SurfacePair) -> float:
    first = _shares_in(model, pair.first, pair.first_polygon)
    return float(np.abs(first - _shares_in(model, pair.second, pair.second_polygon)).max())


def _shares_in(model: SurfaceModel, frame: CraneFrame, polygon: NDArray[np.float32]) -> NDArray[np.float64]:
    rgb = _at_width(read_crane(frame)[0], model.metadata.trained_width)
    surface = model.look(rgb)
    size = (rgb.shape[0], rgb.shape[1])
    inside = polygon_mask(polygon, size) & (label_map(frame, size) != IGNORE)
    weight = cell_share(inside if inside.any() else polygon_mask(polygon, size), surface, size)
    return np.asarray((surface.probs * weight).sum(axis=(1, 2)) / weight.sum(), np.float64)


def _exactly(value: float, n: int) -> Metric:
    """A figure that is no estimate: a baseline or a worst case."""
    return Metric(float(value), float(value), float(value), n)
