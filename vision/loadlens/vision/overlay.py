"""Drawing what was seen of a layer over its key frame: form map, contaminants, hazards, a legend in two languages."""

from collections.abc import Mapping, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from loadlens.grading.observation import HazardSighting, LayerObservation
from loadlens.vision.layer import Grid, cell_share, counted_cells
from loadlens.vision.legend import (
    HAZARD_COLOUR,
    Grey,
    class_colour,
    draw_legend,
    graded_entries,
    grey_entries,
    name_of,
    text_width,
    write,
)
from loadlens.vision.surface import Surface
from loadlens.vision.taxonomy import Taxonomy

Picture = NDArray[np.uint8]

_SHOWN_FROM = 0.30  # a class is seen on the picture where it fills at least this share of a cell
_LABEL = 27  # the height of a hazard's label in pixels


def draw_layer(
    rgb: Picture,
    surface: Surface,
    graded: Grid,
    hazards: Sequence[HazardSighting],
    *,
    unsure_below: float,
    source_width: int,
    title: str,
    taxonomy: Taxonomy,
) -> Picture:
    """The key frame with what was graded painted on it, and a legend below.

    `rgb` is the picture the model saw, uint8 [H, W, 3]; `graded` the share of every grid cell that counts for this
    layer, float32 [GH, GW] in 0..1; a cell counts for no form where the model is less sure than `unsure_below`; hazards
    carry boxes in pixels of a source frame `source_width` wide. What does not count for the layer (seen before, hidden,
    outside the bed) is left grey, what could not be named in its own colours. The legend has the layer's own shares.
    """
    counted, _ = counted_cells(surface, graded, taxonomy, unsure_below=unsure_below)
    painted, coloured = _paint_forms(rgb, counted, graded, surface.stride, taxonomy)
    outlined = _outline_contaminants(painted, counted, surface.stride, taxonomy)
    _mark_hazards(painted, hazards, rgb.shape[1] / source_width, taxonomy)
    total = float(graded.sum())
    shares = {name: float(cells.sum()) / total for name, cells in counted.items()} if total else {}
    sections = [
        graded_entries(shares, coloured | outlined, hazards, taxonomy),
        grey_entries(_grey(surface, graded, rgb.shape[:2], taxonomy), taxonomy),
    ]
    return np.vstack([painted, draw_legend(rgb.shape[1], title, sections)])


def draw_shares(rgb: Picture, layer: LayerObservation, *, title: str, taxonomy: Taxonomy) -> Picture:
    """The key frame of a layer, uint8 [H, W, 3], as it is, with the legend of the layer's shares below."""
    entries = graded_entries({**layer.forms, **layer.contaminants}, (), layer.hazards, taxonomy)
    return np.vstack([rgb, draw_legend(rgb.shape[1], title, [entries])])


def _upscaled(grid: Grid, stride: int, shape: tuple[int, int], smooth: bool) -> Grid:
    """A grid [GH, GW] as pixels [H, W]; the last row and column of cells may reach past the picture."""
    size = (grid.shape[1] * stride, grid.shape[0] * stride)
    pixels = cv2.resize(grid, size, interpolation=cv2.INTER_LINEAR if smooth else cv2.INTER_NEAREST)
    return np.asarray(pixels[: shape[0], : shape[1]], np.float32)


def _of_kind(counted: Mapping[str, Grid], kind: str, taxonomy: Taxonomy) -> tuple[list[str], NDArray[np.float32]]:
    """The classes of a kind and what every cell counts for each: float32 [K, GH, GW]."""
    names = [name for name in counted if taxonomy[name].kind == kind]
    shape = next(iter(counted.values())).shape
    return names, np.stack([counted[name] for name in names]) if names else np.zeros((0, *shape), np.float32)


def _paint_forms(
    rgb: Picture, counted: Mapping[str, Grid], graded: Grid, stride: int, taxonomy: Taxonomy
) -> tuple[Picture, frozenset[str]]:
    """The picture, coloured by the likeliest form of every cell, and the forms whose colours can be seen on it."""
    forms, share = _of_kind(counted, "form", taxonomy)
    colours = np.array([class_colour(name, taxonomy) for name in forms], np.uint8)
    shape = (rgb.shape[0], rgb.shape[1])
    top = share.argmax(axis=0)
    coloured = frozenset(forms[place] for place in np.unique(top[share.max(axis=0) >= _SHOWN_FROM]))
    size = (top.shape[1] * stride, top.shape[0] * stride)
    form = np.asarray(cv2.resize(colours[top], size, interpolation=cv2.INTER_NEAREST), np.uint8)[: shape[0], : shape[1]]
    tint = 0.38 * np.clip(_upscaled(np.asarray(share.sum(axis=0), np.float32), stride, shape, smooth=True), 0, 1)
    dark = cv2.convertScaleAbs(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY), alpha=0.75)
    grey = np.asarray(cv2.cvtColor(dark, cv2.COLOR_GRAY2RGB), np.uint8)
    is_graded = np.clip(_upscaled(graded, stride, shape, smooth=True), 0, 1)
    return _blended(_blended(grey, rgb, is_graded), np.ascontiguousarray(form), tint), coloured


def _blended(under: Picture, over: Picture, share: Grid) -> Picture:
    """Two pictures as one, in every pixel so much of the second."""
    return np.asarray(cv2.blendLinear(over, under, share, 1 - share), np.uint8)


def _outline_contaminants(
    picture: Picture, counted: Mapping[str, Grid], stride: int, taxonomy: Taxonomy
) -> frozenset[str]:
    """Outline what is contaminated, in the colour of the likeliest contaminant; returns those that have an outline."""
    dirt, share = _of_kind(counted, "contaminant", taxonomy)
    if not dirt:
        return frozenset()
    total, likeliest = share.sum(axis=0), share.argmax(axis=0)
    outlined = set()
    for place in np.unique(likeliest[total > 0]):
        name = dirt[place]
        cells = np.asarray(np.where(likeliest == place, total, 0), np.float32)
        filled = _upscaled(cells, stride, (picture.shape[0], picture.shape[1]), smooth=True) >= _SHOWN_FROM
        outlines, _ = cv2.findContours(filled.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
        cv2.drawContours(picture, outlines, -1, (0, 0, 0), 4, cv2.LINE_AA)
        cv2.drawContours(picture, outlines, -1, class_colour(name, taxonomy), 2, cv2.LINE_AA)
        if outlines:
            outlined.add(name)
    return frozenset(outlined)


def _mark_hazards(picture: Picture, hazards: Sequence[HazardSighting], scale: float, taxonomy: Taxonomy) -> None:
    """A box for every hazard, then a label for each; no label covers another, as where one thing may be either."""
    boxes = [tuple(round(value * scale) for value in hazard.box) for hazard in hazards]
    for x, y, w, h in boxes:
        cv2.rectangle(picture, (x, y), (x + w, y + h), (0, 0, 0), 6)
        cv2.rectangle(picture, (x, y), (x + w, y + h), HAZARD_COLOUR, 3)
    labels: list[tuple[int, int, int]] = []
    for hazard, (left, top, _, _) in zip(hazards, boxes, strict=True):
        text = f"{name_of(hazard.class_id, taxonomy)} {hazard.score:.2f}"
        width = text_width(text) + 8
        x, foot = max(0, min(left, picture.shape[1] - width - 1)), max(top - 8, 20)
        # Upwards, off the thing itself, where the picture has room for some.
        step = -_LABEL if foot > 3 * _LABEL else _LABEL
        while any(x <= end and x + width >= begin and abs(foot - at) < _LABEL for begin, end, at in labels):
            foot += step
        labels.append((x, x + width, foot))
        cv2.rectangle(picture, (x, foot - 20), (x + width, foot + 6), HAZARD_COLOUR, -1)
        write(picture, text, (x + 4, foot), (255, 255, 255))


def _grey(surface: Surface, graded: Grid, size: tuple[int, int], taxonomy: Taxonomy) -> Grey:
    """What of the picture is not graded; no class of the scene ever is."""
    within = cell_share(np.ones((1, 1), np.bool_), surface, size)
    area = float(within.sum())
    scene = {
        name: float((surface.probs[index] * within).sum()) / area
        for index, name in enumerate(surface.class_ids)
        if taxonomy[name].kind == "scene"
    }
    return Grey(1.0 - float(graded.sum()) / area, scene)
