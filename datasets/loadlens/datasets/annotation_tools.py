"""Exports of annotation tools: Label Studio (JSON) and CVAT (CVAT for images 1.1). Each gives a list of samples.

What a sample cannot hold (points, lines, tracks, brush strokes) is refused with the export that can.
"""

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit
from xml.etree.ElementTree import Element

from loadlens.datasets.errors import DataError
from loadlens.datasets.label_files import labels_of, read_json, read_xml
from loadlens.datasets.samples import Box, Point, Sample, box_around, box_in_picture, named_picture, pictures_below

# Label Studio puts eight hexadecimal digits before the name of a picture that was uploaded.
_UPLOADED = re.compile(r"^[0-9a-f]{8}-")
_AREAS = {"rectanglelabels": "rectangle", "polygonlabels": "polygon"}


def read_label_studio(export: Path, folder: Path, *, source: str = "") -> list[Sample]:
    """Label Studio's JSON export: choices, rectangles (also turned ones) and polygons; `folder` holds the pictures.

    Tasks that nobody annotated are passed over. Raises DataError, also where two annotators of a picture say different
    things and none is marked as the ground truth: nobody but them knows who is right.
    """
    tasks = read_json(export)
    if not isinstance(tasks, list) or not all(isinstance(task, dict) and "data" in task for task in tasks):
        raise DataError(export, "not Label Studio's JSON export; choose the format JSON, not JSON-MIN")
    by_name: dict[str, list[Path]] = {}
    for path in pictures_below(folder):
        by_name.setdefault(path.name, []).append(path)
    samples = []
    for task in tasks:
        said = _task_results(export, task)
        if said is None:
            continue
        path = _task_picture(export, task, folder, by_name)
        labels, boxes, size = said
        samples.append(Sample(path, labels, source=source, boxes=boxes, size=size))
    if not samples:
        raise DataError(export, "no task of it is annotated; annotate in Label Studio and export again")
    return samples


_Said = tuple[tuple[str, ...], tuple[Box, ...], tuple[int, int] | None]


def _task_results(export: Path, task: Mapping[str, Any]) -> _Said | None:
    """What the annotators of a task say, None where nobody has annotated it."""
    name = f"task {task.get('id')}"
    try:
        given = [one for one in task.get("annotations") or [] if not one.get("was_cancelled")]
        chosen = [one for one in given if one.get("ground_truth")] or given
        said = [_results(one["result"]) for one in chosen]
    except (KeyError, TypeError, ValueError, AttributeError, IndexError, ZeroDivisionError) as fault:
        raise DataError(export, f"{name}: {fault}; correct it in Label Studio and export again") from None
    if len({(frozenset(labels), frozenset(boxes)) for labels, boxes, _ in said}) > 1:
        raise DataError(export, f"{name}: its annotators say different things; mark one as ground truth, export again")
    return said[0] if said else None


def _results(results: Sequence[Mapping[str, Any]]) -> _Said:
    labels: list[str] = []
    boxes: list[Box] = []
    size = None
    for result in results:
        kind, value = str(result["type"]), result["value"]
        if kind == "choices":
            labels += [str(choice) for choice in value["choices"]]
        elif kind in _AREAS:
            size = (int(result["original_width"]), int(result["original_height"]))
            boxes.append(_area(str(value[kind][0]), value, size))
        else:
            raise ValueError(f"its {kind} is no choice, rectangle or polygon (brush strokes: export as COCO)")
    return tuple(dict.fromkeys([*labels, *labels_of(boxes)])), tuple(boxes), size


def _area(label: str, value: Mapping[str, Any], size: tuple[int, int]) -> Box:
    """A rectangle or polygon; Label Studio writes percent of the picture, and turns about the upper left corner."""
    if "points" in value:
        return box_around(label, [_held([(float(x) / 100, float(y) / 100) for x, y in value["points"]])])
    x, y, w, h = (float(value[key]) / 100 for key in ("x", "y", "width", "height"))
    turn = math.radians(float(value.get("rotation") or 0))
    if turn:
        aspect = size[0] / size[1]
        corners = [(0.0, 0.0), (w, 0.0), (w, h), (0.0, h)]
        cos, sin = math.cos(turn), math.sin(turn)
        turned = [(x + a * cos - b * sin / aspect, y + a * sin * aspect + b * cos) for a, b in corners]
        return box_around(label, [_held(turned)])
    box = box_in_picture(label, (x, y, x + w, y + h), (1.0, 1.0))
    if box is None:
        raise ValueError(f"a rectangle of {label!r} is empty or outside its picture")
    return box


def _task_picture(export: Path, task: Mapping[str, Any], folder: Path, by_name: Mapping[str, list[Path]]) -> Path:
    """The picture of a task: below `folder` by its path where the export gives one, else by its name."""
    data = task["data"]
    names = [value for key, value in data.items() if key in ("image", "img", "picture") and isinstance(value, str)]
    if len(names) != 1:
        raise DataError(export, f"task {task.get('id')}: no picture under data.image; name the field so, export again")
    address = urlsplit(names[0])
    local = parse_qs(address.query).get("d", [])
    if local:
        return named_picture(folder, local[0], named_in=export)
    name = PurePosixPath(unquote(address.path)).name
    found = by_name.get(name) or by_name.get(_UPLOADED.sub("", name)) or []
    if len(found) != 1:
        how = "is not" if not found else f"is {len(found)} times"
        raise DataError(export, f"picture {name!r} {how} below {folder}; give the folder that holds it once")
    return found[0]


def read_cvat(annotations: Path, folder: Path, *, source: str = "") -> list[Sample]:
    """CVAT for images 1.1: tags, boxes (also turned ones), polygons, ellipses and masks (of a mask only its box).

    `folder` holds the pictures. A picture without annotations is a sample without labels. Raises DataError.
    """
    root = read_xml(annotations)
    if root.tag != "annotations" or root.find("track") is not None:
        raise DataError(annotations, "not CVAT for images 1.1; choose this format, not the one for videos")
    return [_cvat_sample(annotations, image, folder, source) for image in root.iter("image")]


def _cvat_sample(annotations: Path, image: Element, folder: Path, source: str) -> Sample:
    name = image.get("name", "")
    try:
        size = (int(image.attrib["width"]), int(image.attrib["height"]))
        tags = [entry.attrib["label"] for entry in image.iter("tag")]
        boxes = [_cvat_box(entry, size) for entry in image if entry.tag != "tag"]
    except KeyError as fault:
        raise DataError(annotations, f"image {name!r}: lacks {fault}; export it again") from None
    except (ValueError, ZeroDivisionError) as fault:
        raise DataError(annotations, f"image {name!r}: {fault}; correct it in CVAT and export again") from None
    labels = tuple(dict.fromkeys([*tags, *labels_of(boxes)]))
    path = named_picture(folder, name, named_in=annotations)
    return Sample(path, labels, source=source, boxes=tuple(boxes), size=size)


def _cvat_box(entry: Element, size: tuple[int, int]) -> Box:
    label = entry.attrib["label"]
    if entry.tag == "polygon":
        points = [tuple(map(float, point.split(","))) for point in entry.attrib["points"].split(";")]
        return box_around(label, [_held([(x / size[0], y / size[1]) for x, y in points])])
    if entry.tag == "box":
        corners = _numbers(entry, "xtl", "ytl", "xbr", "ybr")
        return _turned(label, corners, float(entry.get("rotation", 0)), size)
    if entry.tag == "ellipse":
        x, y, rx, ry = _numbers(entry, "cx", "cy", "rx", "ry")
        return _turned(label, (x - rx, y - ry, x + rx, y + ry), float(entry.get("rotation", 0)), size)
    if entry.tag == "mask":
        left, top, width, height = _numbers(entry, "left", "top", "width", "height")
        covered = sum(int(count) for count in entry.attrib["rle"].split(","))
        if covered != width * height or left + width > size[0] or top + height > size[1]:
            raise ValueError(
                f"the mask of {label!r} covers {covered} pixels where {width:.0f} x {height:.0f} at "
                f"{left:.0f}, {top:.0f} of a picture of {size[0]} x {size[1]} are due"
            )
        return _turned(label, (left, top, left + width, top + height), 0.0, size)
    raise ValueError(f"its <{entry.tag}> is no tag, box, polygon, ellipse or mask; draw one of these")


def _turned(label: str, corners: tuple[float, ...], degrees: float, size: tuple[int, int]) -> Box:
    """A box from pixels left, top, right, bottom; CVAT turns it about its middle."""
    left, top, right, bottom = corners
    if degrees:
        x, y, turn = (left + right) / 2, (top + bottom) / 2, math.radians(degrees)
        cos, sin = math.cos(turn), math.sin(turn)
        square = [(left - x, top - y), (right - x, top - y), (right - x, bottom - y), (left - x, bottom - y)]
        outline = [((x + a * cos - b * sin) / size[0], (y + a * sin + b * cos) / size[1]) for a, b in square]
        return box_around(label, [_held(outline)])
    box = box_in_picture(label, (left, top, right, bottom), size)
    if box is None:
        raise ValueError(f"a box of {label!r} is empty or outside its picture")
    return box


def _numbers(entry: Element, *keys: str) -> tuple[float, ...]:
    return tuple(float(entry.attrib[key]) for key in keys)


def _held(points: Iterable[Point]) -> tuple[Point, ...]:
    """Points held in the picture. Raises ValueError for fewer than three, or one that is no number."""
    held = tuple((min(max(x, 0.0), 1.0), min(max(y, 0.0), 1.0)) for x, y in points)
    if len(held) < 3 or not all(math.isfinite(x) and math.isfinite(y) for x, y in held):
        raise ValueError("an outline has at least three points of two numbers")
    return held
