"""From the surface of a key frame and the newly exposed area to the shares that a layer is graded by."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from loadlens.grading.observation import HazardSighting, LayerObservation
from loadlens.vision.mixture import as_mixture
from loadlens.vision.surface import Surface
from loadlens.vision.taxonomy import Taxonomy

# Less newly exposed load than this share of the bed is a gap between pieces or a mistake at an edge, not a layer.
LEAST_LAYER = 0.02

# From here on a cell beside a magnet's likely cells is taken for a part of it.
_PART_OF_A_THING = 0.35
# A thing of fewer cells is a person or a mistake; its outline would say nothing.
_LARGE_CELLS = 12
# Chains, hanging scrap and the blur of its swing reach past a large thing by so many cells. With three, no magnet well
# in view on our crane frames leaves more than 0.3 % of its area to grading; without, 11 %. Rendered loads lose 1.6 % of
# their view (40 loads), at the same error.
_MARGIN_CELLS = 3

Mask = NDArray[np.bool_]
Grid = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Exposure:
    """When and where a layer lay open, whatever a model says of it.

    Masks are bool [h, w] over the whole frame at the tracker's size: `new` is what was newly exposed, `doubtful` the
    part of it that may have been graded before, `hidden` what something hung or stood over. Times are in seconds.
    """

    start_s: float
    end_s: float
    key_frame_s: float
    key_frame_sha256: str
    new: Mask
    doubtful: Mask
    hidden: Mask


@dataclass(frozen=True, slots=True)
class SeenLayer(Exposure):
    """A layer as it was seen, before it is known where the bed is.

    `size` is the height and width in pixels of the picture the model saw, `jpeg` that picture; empty where nothing is
    to be drawn.
    """

    surface: Surface
    size: tuple[int, int]
    jpeg: bytes = b""
    hazards: tuple[HazardSighting, ...] = ()


def cell_share(mask: Mask, surface: Surface, size: tuple[int, int]) -> Grid:
    """The share of every grid cell that a mask of the whole frame covers.

    `mask` is bool [h, w] at any resolution, `size` the height and width in pixels of the picture the model saw.
    Returns float32 [GH, GW] in 0..1; the part of a cell that reaches past the picture counts as not covered.
    """
    _, rows, columns = surface.probs.shape
    height, width = size
    pixels = np.zeros((rows * surface.stride, columns * surface.stride), np.float32)
    pixels[:height, :width] = cv2.resize(mask.astype(np.float32), (width, height), interpolation=cv2.INTER_LINEAR)
    return np.asarray(cv2.resize(pixels, (columns, rows), interpolation=cv2.INTER_AREA), np.float32)


def occluded(surface: Surface, taxonomy: Taxonomy, size: tuple[int, int], shape: tuple[int, int]) -> Mask:
    """Where a magnet, a grab, a person or a vehicle hides the load: bool [h, w] of `shape`, over the whole frame.

    `size` is the height and width in pixels of the picture the model saw. A cell is hidden where the classes that
    block the view are together likelier than not. A large thing hides its whole outline: magnets and grabs have no
    holes, so a cell inside one that looks like scrap is part of it; and a margin around it.
    """
    blocking = [index for index, name in enumerate(surface.class_ids) if taxonomy[name].blocks_view]
    share = surface.probs[blocking].sum(axis=0) if blocking else np.zeros(surface.probs.shape[1:], np.float32)
    share = np.maximum(share, _outlines(share))
    _, rows, columns = surface.probs.shape
    pixels = cv2.resize(share, (columns * surface.stride, rows * surface.stride), interpolation=cv2.INTER_LINEAR)
    small = cv2.resize(pixels[: size[0], : size[1]], (shape[1], shape[0]), interpolation=cv2.INTER_AREA)
    return np.asarray(small > 0.5)


def _outlines(share: Grid) -> Grid:
    """1 in and close around the convex outline of every large thing that blocks the view, else 0; float32 [GH, GW]."""
    likely = (share > _PART_OF_A_THING).astype(np.uint8)
    count, label, stats, _ = cv2.connectedComponentsWithStats(likely)
    outlines = np.zeros(share.shape, np.uint8)
    for thing in range(1, count):
        here = label == thing
        if stats[thing, cv2.CC_STAT_AREA] >= _LARGE_CELLS and share[here].max() > 0.6:
            points = np.argwhere(here)[:, ::-1].astype(np.int32)
            cv2.fillConvexPoly(outlines, cv2.convexHull(points), 1)
    reach = 2 * _MARGIN_CELLS + 1
    return np.asarray(cv2.dilate(outlines, np.ones((reach, reach), np.uint8)), np.float32)


def scene_share(surface: Surface, taxonomy: Taxonomy) -> Grid:
    """How much of every cell is not load at all (bed, ground, magnet, person): float32 [GH, GW] in 0..1."""
    scene = [index for index, name in enumerate(surface.class_ids) if taxonomy[name].kind == "scene"]
    return np.asarray(surface.probs[scene].sum(axis=0), np.float32)


def graded_cells(seen: SeenLayer, bed: Mask, taxonomy: Taxonomy) -> Grid:
    """The share of every cell that this layer is graded by: newly exposed, in the bed, not hidden, and load.

    `bed` is bool [h, w] at the tracker's size. Returns float32 [GH, GW] in 0..1.
    """
    return np.asarray(exposed_cells(seen, bed) * (1 - scene_share(seen.surface, taxonomy)), np.float32)


def exposed_cells(seen: SeenLayer, bed: Mask) -> Grid:
    """The share of every cell that is newly exposed, in the bed and not hidden: float32 [GH, GW] in 0..1."""
    return cell_share(seen.new & bed & ~seen.hidden, seen.surface, seen.size)


def counted_cells(
    surface: Surface, weight: Grid, taxonomy: Taxonomy, *, unsure_below: float
) -> tuple[dict[str, Grid], Grid]:
    """What every cell counts for: for each form and contaminant float32 [GH, GW], at most `weight`; the rest of that is
    unknown. Beside it the probability of each cell's likeliest class of the load, given that it is load.

    Forms count as the mixture that all cells show together. A cell in which that probability is under `unsure_below`
    counts for no form: saying nothing of it is better than spreading a guess over every form.
    """
    load = 1 - scene_share(surface, taxonomy)
    given_load = np.asarray(surface.probs / np.maximum(load, 1e-6), np.float32)
    top = _top_of_load(surface, given_load, taxonomy)
    sure = np.where(top >= unsure_below, weight, 0.0)
    kinds = np.array([taxonomy[name].kind for name in surface.class_ids])
    given_load[kinds == "form"] = as_mixture(given_load[kinds == "form"], weight)
    counted = {
        name: np.asarray(given_load[index] * (sure if kinds[index] == "form" else weight), np.float32)
        for index, name in enumerate(surface.class_ids)
        if kinds[index] in ("form", "contaminant")
    }
    return counted, top


def layer_observation(
    index: int, seen: SeenLayer, bed: Mask, taxonomy: Taxonomy, *, unsure_below: float
) -> LayerObservation | None:
    """Sum the cells of one layer into shares; None where hardly any load (LEAST_LAYER) is newly exposed."""
    new = exposed_cells(seen, bed)
    weight = new * (1 - scene_share(seen.surface, taxonomy))
    total = float(weight.sum())
    bed_cells = float(cell_share(bed, seen.surface, seen.size).sum())
    if total < LEAST_LAYER * bed_cells:
        return None
    counted, top = counted_cells(seen.surface, weight, taxonomy, unsure_below=unsure_below)
    summed = {name: float(cells.sum() / total) for name, cells in counted.items()}
    forms = {name: share for name, share in summed.items() if taxonomy[name].kind == "form"}
    contaminants = {name: share for name, share in summed.items() if taxonomy[name].kind == "contaminant"}
    unknown = max(0.0, 1.0 - sum(forms.values()) - sum(contaminants.values()))
    return LayerObservation(
        index=index,
        start_s=seen.start_s,
        end_s=seen.end_s,
        key_frame_s=seen.key_frame_s,
        key_frame_sha256=seen.key_frame_sha256,
        new_area=min(1.0, total / bed_cells),
        visible=float((bed & ~seen.hidden).sum() / bed.sum()),
        forms=forms,
        contaminants=contaminants,
        unknown=unknown,
        confidence=float((top * weight).sum() / total),
    )


def _top_of_load(surface: Surface, given_load: NDArray[np.float32], taxonomy: Taxonomy) -> Grid:
    of_load = [index for index, name in enumerate(surface.class_ids) if taxonomy[name].kind != "scene"]
    return np.asarray(np.minimum(given_load[of_load].max(axis=0), 1.0), np.float32)
