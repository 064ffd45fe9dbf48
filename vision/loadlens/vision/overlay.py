"""Drawing what was seen of a layer over its key frame: form map, contaminants, hazards, a legend in two languages."""

from collections.abc import Mapping, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from loadlens.grading.observation import HazardSighting, LayerObservation
from loadlens.vision.surface import Surface
from loadlens.vision.taxonomy import Taxonomy

Picture = NDArray[np.uint8]

# A fixed colour for every class, so that an inspector learns them once. Forms walk round the colour circle by the
# golden angle; contaminants are the warm alarm colours a person separates at a glance.
_CONTAMINANT_COLOURS: Mapping[str, tuple[int, int, int]] = {
    "wood": (222, 158, 66),
    "rubber": (255, 0, 170),
    "concrete": (230, 230, 230),
    "brick": (214, 69, 30),
    "soil": (140, 95, 40),
    "plastic": (0, 200, 255),
    "paper": (255, 245, 170),
    "textile": (190, 120, 255),
    "glass": (120, 255, 220),
    "rust_scale": (255, 120, 80),
}
_HAZARD_COLOUR = (255, 30, 30)
_SHOWN_FROM = 0.30  # contaminants are outlined where they fill at least this share of a cell
_ROW = 23
_LABEL = 27  # the height of a hazard's label in pixels
_FONT_SIZE = 13


def class_colour(class_id: str, taxonomy: Taxonomy) -> tuple[int, int, int]:
    """The RGB colour, 0..255, that a class is always drawn in."""
    if class_id in _CONTAMINANT_COLOURS:
        return _CONTAMINANT_COLOURS[class_id]
    kind = taxonomy[class_id].kind
    if kind == "hazard":
        return _HAZARD_COLOUR
    if kind == "scene":
        return (90, 90, 90)
    hue = (taxonomy.ids("form").index(class_id) * 137.508) % 360 / 2
    pixel = cv2.cvtColor(np.array([[[hue, 170, 235]]], np.uint8), cv2.COLOR_HSV2RGB)[0, 0]
    return int(pixel[0]), int(pixel[1]), int(pixel[2])


def draw_layer(
    rgb: Picture,
    surface: Surface,
    graded: NDArray[np.float32],
    hazards: Sequence[HazardSighting],
    *,
    source_width: int,
    title: str,
    taxonomy: Taxonomy,
) -> Picture:
    """The key frame with what was graded painted on it, and a legend below.

    `rgb` is the picture the model saw, uint8 [H, W, 3]; `graded` the share of every grid cell that counts for this
    layer, float32 [GH, GW] in 0..1; hazards carry boxes in pixels of a source frame `source_width` wide.
    What does not count for the layer (seen before, hidden, outside the bed) is left grey.
    """
    painted = _paint_forms(rgb, surface, graded, taxonomy)
    _outline_contaminants(painted, surface, graded, taxonomy)
    scale = rgb.shape[1] / source_width
    _mark_hazards(painted, hazards, scale, taxonomy)
    legend = _legend(rgb.shape[1], _shares(surface, graded), hazards, title, taxonomy)
    return np.vstack([painted, legend])


def draw_shares(rgb: Picture, layer: LayerObservation, *, title: str, taxonomy: Taxonomy) -> Picture:
    """The key frame of a layer, uint8 [H, W, 3], as it is, with the legend of the layer's shares below."""
    return np.vstack(
        [rgb, _legend(rgb.shape[1], {**layer.forms, **layer.contaminants}, layer.hazards, title, taxonomy)]
    )


def _upscaled(grid: NDArray[np.float32], surface: Surface, shape: tuple[int, int], smooth: bool) -> NDArray[np.float32]:
    """A grid [GH, GW] as pixels [H, W]; the last row and column of cells may reach past the picture."""
    size = (grid.shape[1] * surface.stride, grid.shape[0] * surface.stride)
    pixels = cv2.resize(grid, size, interpolation=cv2.INTER_LINEAR if smooth else cv2.INTER_NEAREST)
    return np.asarray(pixels[: shape[0], : shape[1]], np.float32)


def _paint_forms(rgb: Picture, surface: Surface, graded: NDArray[np.float32], taxonomy: Taxonomy) -> Picture:
    forms = [index for index, name in enumerate(surface.class_ids) if taxonomy[name].kind == "form"]
    colours = np.array([class_colour(surface.class_ids[index], taxonomy) for index in forms], np.uint8)
    share = surface.probs[forms]
    top = np.asarray(share.argmax(axis=0), np.float32)
    height, width = rgb.shape[:2]
    form = _upscaled(top, surface, (height, width), smooth=False).astype(np.intp)
    strength = _upscaled(np.asarray(graded * share.sum(axis=0), np.float32), surface, (height, width), smooth=True)
    grey = cv2.cvtColor(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    counted = np.clip(_upscaled(graded, surface, (height, width), smooth=True), 0, 1)[..., None]
    base = grey * (1 - counted) * 0.75 + rgb * counted
    tint = 0.38 * np.clip(strength, 0, 1)[..., None]
    return np.asarray(base * (1 - tint) + colours[form] * tint, np.uint8)


def _outline_contaminants(picture: Picture, surface: Surface, graded: NDArray[np.float32], taxonomy: Taxonomy) -> None:
    """Outline what is contaminated, in the colour of the likeliest contaminant."""
    dirt = [index for index, name in enumerate(surface.class_ids) if taxonomy[name].kind == "contaminant"]
    if not dirt:
        return
    total, likeliest = surface.probs[dirt].sum(axis=0) * graded, surface.probs[dirt].argmax(axis=0)
    for place, index in enumerate(dirt):
        cells = np.asarray(np.where(likeliest == place, total, 0), np.float32)
        share = _upscaled(cells, surface, picture.shape[:2], smooth=True)
        outlines, _ = cv2.findContours(
            (share >= _SHOWN_FROM).astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE
        )
        cv2.drawContours(picture, outlines, -1, (0, 0, 0), 4, cv2.LINE_AA)
        cv2.drawContours(picture, outlines, -1, class_colour(surface.class_ids[index], taxonomy), 2, cv2.LINE_AA)


def _write(picture: Picture, text: str, origin: tuple[int, int], colour: tuple[int, int, int], size: int) -> None:
    cv2.putText(picture, text, origin, colour, cv2.FontFace("uni"), size)


def _mark_hazards(picture: Picture, hazards: Sequence[HazardSighting], scale: float, taxonomy: Taxonomy) -> None:
    """A box for every hazard, then a label for each; no label covers another, as where one thing may be either."""
    boxes = [tuple(round(value * scale) for value in hazard.box) for hazard in hazards]
    for x, y, w, h in boxes:
        cv2.rectangle(picture, (x, y), (x + w, y + h), (0, 0, 0), 6)
        cv2.rectangle(picture, (x, y), (x + w, y + h), _HAZARD_COLOUR, 3)
    labels: list[tuple[int, int, int]] = []
    for hazard, (x, y, _, _) in zip(hazards, boxes, strict=True):
        card = taxonomy[hazard.class_id]
        text = f"{card.name_en} {card.name_zh} {hazard.score:.2f}"
        right, foot = x + 8 * len(text), max(y - 8, 20)
        # Upwards, off the thing itself, where the picture has room for some.
        step = -_LABEL if foot > 3 * _LABEL else _LABEL
        while any(x <= end and right >= begin and abs(foot - at) < _LABEL for begin, end, at in labels):
            foot += step
        labels.append((x, right, foot))
        cv2.rectangle(picture, (x, foot - 20), (right, foot + 6), _HAZARD_COLOUR, -1)
        _write(picture, text, (x + 4, foot), (255, 255, 255), _FONT_SIZE)


def _shares(surface: Surface, graded: NDArray[np.float32]) -> dict[str, float]:
    total = float(graded.sum())
    if total == 0:
        return {}
    summed = (surface.probs * graded).sum(axis=(1, 2)) / total
    return {name: float(value) for name, value in zip(surface.class_ids, summed, strict=True)}


def _legend(
    width: int,
    shares: Mapping[str, float],
    hazards: Sequence[HazardSighting],
    title: str,
    taxonomy: Taxonomy,
) -> Picture:
    shown = [
        (name, share)
        for name, share in sorted(shares.items(), key=lambda item: -item[1])
        if (taxonomy[name].kind == "form" and share >= 0.03)
        or (taxonomy[name].kind == "contaminant" and share >= 0.004)
    ]
    entries = [(name, f"{taxonomy[name].name_en} {taxonomy[name].name_zh} {share:.1%}") for name, share in shown]
    entries += [
        (name, f"{taxonomy[name].name_en} {taxonomy[name].name_zh}: stop 停止卸料")
        for name in sorted({hazard.class_id for hazard in hazards})
    ]
    columns = max(1, width // 320)
    rows = -(-len(entries) // columns)
    picture = np.full(((rows + 1) * _ROW + 12, width, 3), 24, np.uint8)
    _write(picture, title, (10, 21), (255, 255, 255), _FONT_SIZE + 2)
    for position, (name, text) in enumerate(entries):
        x, y = (position % columns) * (width // columns) + 10, (position // columns + 1) * _ROW + 6
        cv2.rectangle(picture, (x, y + 4), (x + 16, y + 18), class_colour(name, taxonomy), -1)
        _write(picture, text, (x + 24, y + 18), (235, 235, 235), _FONT_SIZE)
    return picture
