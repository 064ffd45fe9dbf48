"""The legend below the picture of a layer: what is drawn there by name, in English and Chinese, with its share."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from loadlens.grading.observation import ClassKind, HazardSighting
from loadlens.vision.taxonomy import Taxonomy

Picture = NDArray[np.uint8]
Colour = tuple[int, int, int]

# A fixed colour for every class, so that an inspector learns them once. Forms walk round the colour circle by the
# golden angle; contaminants are the warm alarm colours a person separates at a glance.
_CONTAMINANT_COLOURS: Mapping[str, Colour] = {
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
HAZARD_COLOUR = (255, 30, 30)
_SCENE_COLOUR = (90, 90, 90)
_PLAIN_COLOUR = (160, 160, 160)
# Less than this share is summed with the others of its kind.
_NAMED_FROM: Mapping[ClassKind, float] = {"form": 0.03, "contaminant": 0.004, "scene": 0.01}
_OTHERS: Mapping[ClassKind, str] = {"form": "Other forms 其他料型", "contaminant": "Other contaminants 其他杂质"}
_LEAST = 0.0005  # what would be written as 0.0% is not there
_ROW, _COLUMN, _FONT_SIZE = 23, 320, 13
_TEXT_AT = 34  # where the text of an entry begins, in pixels from the beginning of its column


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the legend, with a mark that looks like what it stands for."""

    text: str
    colour: Colour
    mark: Literal["area", "outline"] = "area"


@dataclass(frozen=True, slots=True)
class Grey:
    """What of a picture is left grey, in shares 0..1 of the picture: all of it, and the scene classes in it."""

    share: float
    scene: Mapping[str, float]


def class_colour(class_id: str, taxonomy: Taxonomy) -> Colour:
    """The RGB colour, 0..255, that a class is always drawn in."""
    if class_id in _CONTAMINANT_COLOURS:
        return _CONTAMINANT_COLOURS[class_id]
    kind = taxonomy[class_id].kind
    if kind == "hazard":
        return HAZARD_COLOUR
    if kind == "scene":
        return _SCENE_COLOUR
    hue = (taxonomy.ids("form").index(class_id) * 137.508) % 360 / 2
    pixel = cv2.cvtColor(np.array([[[hue, 170, 235]]], np.uint8), cv2.COLOR_HSV2RGB)[0, 0]
    return int(pixel[0]), int(pixel[1]), int(pixel[2])


def graded_entries(
    shares: Mapping[str, float], drawn: Collection[str], hazards: Sequence[HazardSighting], taxonomy: Taxonomy
) -> list[Entry]:
    """What a layer is graded by. `shares` holds its forms and contaminants, 0..1: with the entry for what could not be
    named they add up to 1. Classes that are `drawn` on the picture have an entry however small they are."""
    entries = _of_kind("form", shares, drawn, taxonomy) + _of_kind("contaminant", shares, drawn, taxonomy)
    unnamed = 1.0 - sum(shares.values())
    if unnamed >= _LEAST:
        what = "Not named, or a hazard 未能识别或危险物" if hazards else "Not named 未能识别"
        entries.append(Entry(f"{what} {_percent(unnamed)}", _PLAIN_COLOUR, "outline"))
    return entries + [
        Entry(f"{name_of(class_id, taxonomy)}: stop 停止卸料", HAZARD_COLOUR, "outline")
        for class_id in sorted({hazard.class_id for hazard in hazards})
    ]


def grey_entries(grey: Grey, taxonomy: Taxonomy) -> list[Entry]:
    """What lies in the grey part of a picture; without the first, which is all of it, they add up to it."""
    named = _of_kind("scene", grey.scene, (), taxonomy)
    rest = grey.share - sum(share for share in grey.scene.values() if share >= _NAMED_FROM["scene"])
    entries = [
        Entry(f"Grey, not graded 灰色，不计入: {_percent(grey.share)} of the picture 占画面", _SCENE_COLOUR),
        *named,
    ]
    if rest >= _LEAST:
        what = "Seen before, hidden, not in the bed 此前已评、被遮挡、车厢外"
        entries.append(Entry(f"{what} {_percent(rest)}", _SCENE_COLOUR))
    return entries


def draw_legend(width: int, title: str, sections: Sequence[Sequence[Entry]]) -> Picture:
    """The legend, uint8 [H, `width`, 3]: a title, then every section from a new line."""
    columns = max(1, width // _COLUMN)
    step = width // columns
    placed: list[tuple[int, int, Entry]] = []
    row = 0
    for entries in sections:
        column, row = 0, row + 1
        for entry in entries:
            takes = min(columns, -(-(_TEXT_AT + text_width(entry.text)) // step))
            if column + takes > columns:
                column, row = 0, row + 1
            placed.append((column * step, row * _ROW, entry))
            column += takes
    picture = np.full(((row + 1) * _ROW + 12, width, 3), 24, np.uint8)
    write(picture, title, (10, 21), (255, 255, 255), _FONT_SIZE + 2)
    for x, y, entry in placed:
        corners = (x + 10, y + 10), (x + 26, y + 24)
        cv2.rectangle(picture, *corners, entry.colour, 2 if entry.mark == "outline" else -1)
        write(picture, entry.text, (x + _TEXT_AT, y + 24), (235, 235, 235))
    return picture


def name_of(class_id: str, taxonomy: Taxonomy) -> str:
    """What a class is called, in both languages."""
    return f"{taxonomy[class_id].name_en} {taxonomy[class_id].name_zh}"


def text_width(text: str) -> int:
    """How wide a text is written, in pixels."""
    return int(cv2.getTextSize((0, 0), text, (0, 0), cv2.FontFace("uni"), _FONT_SIZE)[2])


def write(picture: Picture, text: str, origin: tuple[int, int], colour: Colour, size: int = _FONT_SIZE) -> None:
    """Write a text on a picture; `origin` is the lower left corner of its first letter, `size` in pixels."""
    cv2.putText(picture, text, origin, colour, cv2.FontFace("uni"), size)


def _of_kind(kind: ClassKind, shares: Mapping[str, float], always: Collection[str], taxonomy: Taxonomy) -> list[Entry]:
    """An entry for every class of a kind that has a share worth naming, the largest first, and one for the others."""
    of_kind = {name: share for name, share in shares.items() if taxonomy[name].kind == kind}
    named = {name: share for name, share in of_kind.items() if share >= _NAMED_FROM[kind] or name in always}
    mark: Literal["area", "outline"] = "outline" if kind == "contaminant" else "area"
    entries = [
        Entry(f"{name_of(name, taxonomy)} {_percent(share)}", class_colour(name, taxonomy), mark)
        for name, share in sorted(named.items(), key=lambda item: -item[1])
    ]
    others = sum(of_kind.values()) - sum(named.values())
    if kind in _OTHERS and others >= _LEAST:
        entries.append(Entry(f"{_OTHERS[kind]} {_percent(others)}", _PLAIN_COLOUR, mark))
    return entries


def _percent(share: float) -> str:
    return f"{share:.1%}" if share >= _LEAST else "<0.1%"
