"""A labelled picture, whatever format its label came in."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath

from loadlens.datasets.catalog import PICTURE_SUFFIXES
from loadlens.datasets.errors import DataError

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Box:
    """A marked thing: its label and its box, shares 0..1 of the picture's width and height.

    `polygons` are its outlines in the same shares, empty where the source gives a box alone.
    """

    label: str
    x: float
    y: float
    w: float
    h: float
    polygons: tuple[tuple[Point, ...], ...] = ()


@dataclass(frozen=True, slots=True)
class Sample:
    """A picture with what is said of it; what the source does not say is empty.

    `group` joins pictures of one scene; `source` is where the picture came from, `site` the yard and `day` (YYYY-MM-DD)
    when it was taken; `part` is the part of the split that it was put into; `name` is what its source called it. `size`
    is the width and height in pixels of the picture that the boxes were drawn on.
    """

    path: Path
    labels: tuple[str, ...]
    group: str = ""
    source: str = ""
    boxes: tuple[Box, ...] = ()
    site: str = ""
    day: str = ""
    part: str = ""
    name: str = ""
    size: tuple[int, int] | None = None


def pictures_below(folder: Path) -> list[Path]:
    """Every picture at any depth, by name; hidden files and folders and what is no picture are passed over.

    Raises DataError where the folder is not there.
    """
    if not folder.is_dir():
        raise DataError(folder, "no such folder; give the folder that holds the pictures")
    return sorted(
        path
        for path in folder.rglob("*")
        if path.suffix.lower() in PICTURE_SUFFIXES
        and path.is_file()
        and not any(part.startswith(".") for part in path.relative_to(folder).parts)
    )


def named_picture(folder: Path, name: str, *, named_in: Path, line: int | None = None) -> Path:
    """The picture that a label file names, below `folder`.

    Raises DataError where it is not there, or where the name leads out of the folder: label files come from
    strangers.
    """
    outside = PurePosixPath(name).is_absolute() or PureWindowsPath(name).drive or ".." in PureWindowsPath(name).parts
    if not name or outside:
        raise DataError(named_in, f"{name!r} is not a name below {folder}; write names relative to it", line=line)
    path = folder / name
    if not path.is_file():
        raise DataError(named_in, f"{name!r} is not below {folder}; add the picture or remove its entry", line=line)
    return path


def box_around(label: str, polygons: Iterable[Iterable[Point]]) -> Box:
    """The box around outlines given in shares 0..1 of width and height."""
    outlines = tuple(tuple(polygon) for polygon in polygons)
    xs, ys = zip(*(point for outline in outlines for point in outline), strict=True)
    return Box(label, min(xs), min(ys), max(xs) - min(xs), max(ys) - min(ys), outlines)


def box_in_picture(label: str, corners: tuple[float, float, float, float], size: tuple[float, float]) -> Box | None:
    """A box from pixels (left, top, right, bottom) in a picture of `size` width, height; cut off at its edges.

    None where nothing of it lies in the picture, or a corner is no finite number.
    """
    if not all(math.isfinite(value) for value in corners):
        return None
    left, right = (min(max(value / size[0], 0.0), 1.0) for value in corners[0::2])
    top, bottom = (min(max(value / size[1], 0.0), 1.0) for value in corners[1::2])
    return Box(label, left, top, right - left, bottom - top) if right > left and bottom > top else None
