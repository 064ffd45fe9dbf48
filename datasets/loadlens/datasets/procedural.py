"""Surfaces and things drawn from nothing: what the demo and the tests use where there are no photos.

They are caricatures: each form has its own pieces, sizes and colours, so that a model can tell them apart and a person
sees what is meant. An accuracy on them says nothing about real scrap.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]
Colour = tuple[int, int, int]
Shape = Literal["plate", "bar", "curl", "disc", "ring", "wire", "crumb", "can", "motor"]

_GREY: tuple[Colour, ...] = ((120, 118, 115), (150, 150, 148), (95, 92, 90))
_RUST: tuple[Colour, ...] = ((124, 82, 60), (105, 70, 52), (90, 72, 62))
_DARK: tuple[Colour, ...] = ((60, 58, 58), (75, 72, 70), (48, 46, 48))


@dataclass(frozen=True, slots=True)
class Look:
    """How a form is drawn: the shape of its pieces, their size and length in pixels, colours, and blocks if baled."""

    shape: Shape
    size: tuple[int, int]
    aspect: float
    colours: tuple[Colour, ...]
    block: int = 0


LOOKS: Mapping[str, Look] = {
    "hms_1": Look("plate", (26, 60), 1.8, (*_RUST, *_DARK)),
    "hms_80_20": Look("bar", (10, 26), 5.0, (*_RUST, *_GREY)),
    "plate_structural": Look("plate", (40, 90), 2.4, ((130, 95, 80), (110, 100, 98))),
    "blue_steel": Look("plate", (22, 50), 2.0, ((70, 88, 120), (88, 104, 136), (60, 72, 100))),
    "auto_factory_bales": Look("plate", (8, 22), 1.6, ((190, 192, 196), (165, 168, 172), (205, 206, 210)), block=90),
    "new_black_bales": Look("plate", (8, 20), 1.8, ((58, 60, 66), (76, 78, 84)), block=80),
    "tin_sheet_bundles": Look("plate", (10, 26), 2.6, ((172, 160, 140), (150, 120, 92), (140, 138, 134)), block=110),
    "wire_bales": Look("wire", (30, 70), 1.0, (*_GREY, (110, 84, 66)), block=100),
    "light_melting_bales": Look("plate", (10, 24), 1.7, ((130, 108, 92), (96, 110, 120), (150, 130, 110)), block=70),
    "shredded": Look("plate", (6, 15), 1.5, ((130, 120, 112), (100, 84, 74), (165, 160, 152), (84, 96, 108))),
    "shredded_tin_cans": Look("can", (8, 16), 1.3, ((190, 182, 170), (170, 60, 50), (60, 110, 80))),
    "turnings": Look("curl", (6, 18), 1.0, ((96, 98, 104), (122, 124, 132), (74, 72, 74))),
    "cast_iron_borings": Look("crumb", (2, 4), 1.0, ((66, 64, 64), (84, 80, 78))),
    "rolling_scrap": Look("bar", (12, 24), 8.0, ((84, 80, 82), (104, 98, 96), (120, 88, 70))),
    "railway_mixed": Look("motor", (20, 46), 1.5, ((92, 70, 58), (110, 84, 66))),
    "railway_axles": Look("bar", (22, 34), 7.0, ((78, 66, 60), (96, 78, 68))),
    "rails": Look("bar", (12, 18), 16.0, ((106, 78, 62), (88, 70, 62))),
    "railway_wheels": Look("ring", (46, 80), 1.0, ((96, 74, 62), (80, 70, 66))),
    "cast_iron_briquettes": Look("disc", (14, 22), 1.0, ((92, 90, 92), (70, 68, 70))),
    "grinding_media": Look("disc", (6, 11), 1.0, ((110, 80, 62), (126, 104, 90))),
    "manganese_castings": Look("motor", (34, 70), 1.6, ((84, 82, 86), (106, 100, 98))),
    "alternators": Look("motor", (16, 28), 1.0, ((150, 146, 140), (120, 112, 104), (160, 110, 60))),
    "tinplate_sheet": Look("plate", (24, 60), 2.2, ((200, 200, 202), (182, 184, 190))),
    "can_bales": Look("can", (8, 14), 1.6, ((200, 202, 206), (180, 40, 44), (44, 84, 170)), block=110),
    "loose_cans": Look("can", (12, 20), 2.0, ((206, 208, 212), (190, 44, 48), (52, 96, 182), (60, 140, 84))),
    "aluminium_profiles": Look("bar", (6, 12), 18.0, ((210, 212, 216), (196, 196, 190))),
}
_CONTAMINANT_COLOURS: Mapping[str, tuple[Colour, ...]] = {
    "wood": ((196, 152, 96), (170, 124, 74)),
    "rubber": ((26, 26, 28), (36, 34, 34)),
    "concrete": ((176, 172, 164), (158, 156, 150)),
    "brick": ((178, 92, 66), (160, 78, 54)),
    "soil": ((92, 70, 50), (76, 60, 46)),
    "plastic": ((40, 110, 200), (230, 230, 226), (30, 160, 90)),
    "paper": ((222, 214, 196), (190, 156, 112)),
    "textile": ((90, 60, 130), (60, 80, 140), (200, 190, 170)),
}


class ProceduralTextures:
    """A bank of drawn surfaces; see `textures.TextureBank`."""

    forms: tuple[str, ...] = tuple(LOOKS)
    contaminants: tuple[str, ...] = tuple(_CONTAMINANT_COLOURS)
    hazards: tuple[str, ...] = ("gas_cylinder", "drum")

    def form(self, rng: np.random.Generator, form: str, size: tuple[int, int]) -> Picture:
        """A surface of one form, uint8 [*size, 3] RGB."""
        look = LOOKS[form]
        zoom = rng.uniform(0.75, 1.3)
        ground = np.array(look.colours[rng.integers(len(look.colours))]) * 0.42
        canvas = np.empty((*size, 3), np.uint8)
        canvas[:] = ground.astype(np.uint8)
        mean = (look.size[0] + look.size[1]) / 2 * zoom
        covered = mean * mean * (0.6 if look.shape == "crumb" else max(1.0, look.aspect * 0.6))
        count = int(min(1800, 2.2 * size[0] * size[1] / covered))
        for centre in rng.uniform((0, 0), (size[1], size[0]), (count, 2)):
            _piece(canvas, rng, look, (int(centre[0]), int(centre[1])), rng.uniform(*look.size) * zoom)
        if look.block:
            _blocks(canvas, rng, round(look.block * zoom))
        return grain(rng, canvas, 9.0)

    def contaminant(self, rng: np.random.Generator, class_id: str) -> Picture:
        """One piece of a contaminant cut out, uint8 [h, w, 4] RGBA."""
        colours = _CONTAMINANT_COLOURS[class_id]
        height, width = (int(side) for side in rng.integers(30, 90, 2))
        if class_id == "wood":
            height, width = int(rng.integers(14, 30)), int(rng.integers(70, 150))
        picture = np.empty((height, width, 3), np.uint8)
        picture[:] = _jitter(rng, colours[rng.integers(len(colours))], 14)
        if class_id in ("wood", "textile", "paper"):
            for y in range(2, height, 4):
                cv2.line(picture, (0, y), (width, y), _jitter(rng, colours[0], 25), 1)
        mask = blob(rng, (height, width), corners=5 if class_id in ("wood", "brick", "paper") else 11)
        return np.dstack([grain(rng, picture, 16.0 if class_id == "soil" else 7.0), mask])

    def hazard(self, rng: np.random.Generator, class_id: str) -> Picture:
        """One dangerous thing cut out, seen from the side or from above, uint8 [h, w, 4] RGBA."""
        return _cylinder(rng) if class_id == "gas_cylinder" else _drum(rng)


def grain(rng: np.random.Generator, picture: Picture, sigma: float) -> Picture:
    """The picture with noise of a fine grain on its brightness."""
    noise = rng.normal(0, sigma, picture.shape[:2]).astype(np.float32)
    return np.asarray(np.clip(picture + noise[..., None], 0, 255), np.uint8)


def blob(rng: np.random.Generator, size: tuple[int, int], corners: int) -> Picture:
    """An irregular patch that fills most of a box, as alpha uint8 [h, w] (255 inside)."""
    angles = np.sort(
        rng.uniform(0, 2 * np.pi, corners) * 0.3 + np.linspace(0, 2 * np.pi, corners, endpoint=False) * 0.7
    )
    radius = rng.uniform(0.72, 1.0, corners)
    points = np.stack([np.cos(angles), np.sin(angles)], 1) * radius[:, None] * (size[1] / 2, size[0] / 2)
    points += (size[1] / 2, size[0] / 2)
    mask = np.zeros(size, np.uint8)
    cv2.fillPoly(mask, [points.astype(np.int32)], 255, cv2.LINE_AA)
    return mask


def _jitter(rng: np.random.Generator, colour: Colour, by: int) -> Colour:
    shade = rng.normal(0, by)
    red, green, blue = np.clip(np.array(colour) + shade + rng.normal(0, 4, 3), 0, 255)
    return int(red), int(green), int(blue)


def _piece(canvas: Picture, rng: np.random.Generator, look: Look, at: tuple[int, int], side: float) -> None:
    """Draw one piece with a shadow below and a lit edge."""
    x, y = at
    colour = _jitter(rng, look.colours[rng.integers(len(look.colours))], 22)
    shadow = (int(colour[0] * 0.35), int(colour[1] * 0.35), int(colour[2] * 0.35))
    light = (min(255, colour[0] + 45), min(255, colour[1] + 45), min(255, colour[2] + 45))
    angle = rng.uniform(0, 180)
    if look.shape in ("plate", "bar", "can"):
        corners = cv2.boxPoints(((x, y), (side, side * look.aspect), angle))
        if look.shape == "plate":
            corners = np.asarray(corners + rng.uniform(-0.2, 0.2, (4, 2)) * side, np.float32)
        cv2.fillConvexPoly(canvas, (corners + 2).astype(np.int32), shadow)
        cv2.fillConvexPoly(canvas, corners.astype(np.int32), colour)
        cv2.line(canvas, corners[0].astype(int).tolist(), corners[1].astype(int).tolist(), light, 1)
        if look.shape == "can":
            cv2.line(canvas, corners[2].astype(int).tolist(), corners[3].astype(int).tolist(), light, 2)
    elif look.shape in ("curl", "wire"):
        start = rng.uniform(0, 360)
        axes = (max(1, int(side)), max(1, int(side * rng.uniform(0.3, 1.0))))
        cv2.ellipse(canvas, (x, y), axes, angle, start, start + rng.uniform(90, 260), colour, 1 + (rng.random() < 0.3))
    elif look.shape == "crumb":
        cv2.circle(canvas, (x, y), max(1, int(side / 2)), colour, -1)
    else:
        _round_piece(canvas, look.shape, (x, y), max(2, int(side / 2)), (colour, shadow, light))


def _round_piece(
    canvas: Picture, shape: Shape, centre: tuple[int, int], radius: int, colours: tuple[Colour, Colour, Colour]
) -> None:
    colour, shadow, light = colours
    cv2.circle(canvas, (centre[0] + 2, centre[1] + 2), radius, shadow, -1)
    cv2.circle(canvas, centre, radius, colour, -1)
    cv2.ellipse(canvas, centre, (radius, radius), 0, 180, 270, light, max(1, radius // 8))
    if shape == "ring":
        cv2.circle(canvas, centre, int(radius * 0.72), shadow, max(1, radius // 10))
        cv2.circle(canvas, centre, int(radius * 0.22), shadow, -1)
    if shape == "motor":
        cv2.circle(canvas, centre, int(radius * 0.5), light, 2)
        cv2.rectangle(canvas, (centre[0] - radius, centre[1] - radius // 4), centre, shadow, -1)


def _blocks(canvas: Picture, rng: np.random.Generator, block: int) -> None:
    """Dark gaps between the bales, and every bale a little lighter or darker."""
    height, width = canvas.shape[:2]
    for y in range(-int(rng.integers(block)), height, block):
        for x in range(-int(rng.integers(block)), width, int(block * 1.3)):
            box = canvas[max(0, y) : y + block, max(0, x) : x + int(block * 1.3)]
            if box.size:
                box[:] = np.clip(box * rng.uniform(0.8, 1.2), 0, 255).astype(np.uint8)
            cv2.rectangle(canvas, (x, y), (x + int(block * 1.3), y + block), (22, 22, 22), int(rng.integers(3, 6)))


def _cylinder(rng: np.random.Generator) -> Picture:
    """A gas cylinder lying or standing: a long rounded body, a shoulder, a valve."""
    length, width = int(rng.integers(70, 130)), int(rng.integers(30, 52))
    paints = ((190, 40, 36), (40, 70, 150), (70, 120, 70), (200, 200, 196), (110, 110, 114), (196, 120, 40))
    paint = _jitter(rng, paints[rng.integers(len(paints))], 14)
    picture, mask = np.zeros((width, length, 3), np.uint8), np.zeros((width, length), np.uint8)
    radius = width // 2
    body = (radius, length - radius - 14)
    for drawn, colour in ((picture, paint), (mask, 255)):
        cv2.rectangle(drawn, (body[0], 0), (body[1], width - 1), colour, -1)
        cv2.ellipse(drawn, (body[0], radius), (radius, radius), 0, 0, 360, colour, -1)
        cv2.ellipse(drawn, (body[1], radius), (radius, radius), 0, 0, 360, colour, -1)
        neck = (120, 110, 70) if drawn is picture else 255
        cv2.rectangle(drawn, (length - 16, radius - 6), (length - 1, radius + 6), neck, -1)
    if rng.random() < 0.5:
        cv2.rectangle(picture, (body[0] + 12, 0), (body[0] + 20, width), (210, 200, 60), -1)
    shade = 1.25 - 0.9 * np.abs(np.linspace(-0.7, 1, width))[:, None, None] ** 1.5
    shaded = np.clip(picture * shade, 0, 255).astype(np.uint8)
    return np.dstack([grain(rng, shaded, 8.0), mask])


def _drum(rng: np.random.Generator) -> Picture:
    """A steel drum: from the side with its hoops, or its lid with two bungs."""
    paints = ((36, 76, 150), (60, 64, 70), (160, 60, 40), (50, 110, 80))
    paint = _jitter(rng, paints[rng.integers(len(paints))], 14)
    side = int(rng.integers(54, 90))
    dark = (int(paint[0] * 0.5), int(paint[1] * 0.5), int(paint[2] * 0.5))
    if rng.random() < 0.4:
        picture, mask = np.zeros((side, side, 3), np.uint8), np.zeros((side, side), np.uint8)
        cv2.circle(picture, (side // 2, side // 2), side // 2 - 1, paint, -1)
        cv2.circle(picture, (side // 2, side // 2), side // 2 - 4, dark, 2)
        cv2.circle(picture, (side // 4, side // 2), side // 12, dark, -1)
        cv2.circle(picture, (3 * side // 4, side // 2), side // 18, dark, -1)
        cv2.circle(mask, (side // 2, side // 2), side // 2 - 1, 255, -1)
        return np.dstack([grain(rng, picture, 8.0), mask])
    length = int(side * 1.45)
    picture = np.empty((side, length, 3), np.uint8)
    picture[:] = paint
    for x in (2, length // 3, 2 * length // 3, length - 3):
        cv2.line(picture, (x, 0), (x, side), dark, 3)
    shade = 1.25 - 0.9 * np.abs(np.linspace(-0.7, 1, side))[:, None, None] ** 1.5
    shaded = np.clip(picture * shade, 0, 255).astype(np.uint8)
    return np.dstack([grain(rng, shaded, 8.0), np.full((side, length), 255, np.uint8)])
