"""Readers of the formats that labels come in: folders, CSV, COCO, YOLO, Pascal VOC. Each gives a list of samples.

Nothing is guessed: a label file that is broken, or names a picture that is not there, is refused by name and line.
"""

import csv
import io
import json
import math
from collections import defaultdict
from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element

from loadlens.datasets.errors import DataError
from loadlens.datasets.groups import PARTS
from loadlens.datasets.label_files import inner_text, labels_of, read_json, read_text, read_xml
from loadlens.datasets.samples import Box, Sample, box_around, box_in_picture, named_picture, pictures_below


def read_folder(folder: Path, *, source: str = "") -> list[Sample]:
    """A tree in which the first folder is the label: folder/wood/a.jpg, folder/wood/more/b.jpg.

    Raises DataError where there is no picture, or one lies in no label's folder.
    """
    pictures = pictures_below(folder)
    if not pictures:
        raise DataError(folder, "no picture below this folder; put pictures into one folder per label")
    loose = [path for path in pictures if path.parent == folder]
    if loose:
        raise DataError(loose[0], "lies in no label's folder; move it into the folder of its label")
    filled = {path.relative_to(folder).parts[0] for path in pictures}
    named = sorted(entry for entry in folder.iterdir() if entry.is_dir() and not entry.name.startswith("."))
    if empty := [entry for entry in named if entry.name not in filled]:
        raise DataError(empty[0], "the folder of a label without a picture; add pictures or remove the folder")
    return [Sample(path, (path.relative_to(folder).parts[0],), source=source) for path in pictures]


def read_csv(table: Path, *, label_column: str = "label", source: str = "") -> list[Sample]:
    """A table with the columns file and label, and perhaps group, source, site, day and part; names are relative to it.

    A day is written YYYY-MM-DD, a part is train, calibration or test. Other columns are passed over. `label_column`
    says what the label's column is called, `source` what to write where the table names none. Raises DataError for a
    missing column, an empty label, a day or part that is none, or a picture not there or named twice.
    """
    rows = csv.DictReader(io.StringIO(read_text(table), newline=""))
    try:
        columns, entries = rows.fieldnames or (), [(rows.line_num, row) for row in rows]
    except csv.Error as fault:
        raise DataError(table, f"no table ({fault}); save it as CSV again", line=rows.line_num) from None
    lacking = sorted({"file", label_column} - set(columns))
    if lacking:
        raise DataError(table, f"no column {', '.join(lacking)}; name the columns in the first line", line=1)
    samples: dict[str, Sample] = {}
    for line, row in entries:
        name, label = row["file"] or "", (row[label_column] or "").strip()
        group, its_source, site, day, part = (
            (row.get(key) or "").strip() for key in ("group", "source", "site", "day", "part")
        )
        if not label:
            raise DataError(table, "no label; fill it in or remove the row", line=line)
        if name in samples:
            raise DataError(table, f"{name!r} is there twice; keep one of the rows", line=line)
        path = named_picture(table.parent, name, named_in=table, line=line)
        samples[name] = Sample(
            path,
            (label,),
            group,
            its_source or source,
            site=site,
            day=_day(table, day, line),
            part=_part(table, part, line),
        )
    if not samples:
        raise DataError(table, "no rows; write one line for each picture")
    return list(samples.values())


def _day(table: Path, text: str, line: int) -> str:
    try:
        return date.fromisoformat(text).isoformat() if text else ""
    except ValueError:
        raise DataError(table, f"day {text!r}; write it YYYY-MM-DD", line=line) from None


def _part(table: Path, text: str, line: int) -> str:
    if text and text not in PARTS:
        raise DataError(table, f"part {text!r}; write {', '.join(PARTS)} or nothing", line=line)
    return text


def read_coco(annotations: Path, folder: Path, *, source: str = "") -> list[Sample]:
    """COCO instances: boxes, and outlines where they are polygons (of an RLE mask only the box is read).

    `folder` holds the pictures. A picture without annotations is a sample without labels. Raises DataError, also for a
    mask of another size than its picture.
    """
    content = read_json(annotations)
    try:
        names = {category["id"]: str(category["name"]) for category in content["categories"]}
        images = {image["id"]: image for image in content["images"]}
        doubled = len(names) < len(content["categories"]) or len(images) < len(content["images"])
        entries = list(content["annotations"])
    except (KeyError, TypeError) as fault:
        raise DataError(
            annotations, f"not COCO instances ({fault!r}); export images, annotations, categories"
        ) from None
    if doubled:
        # Two exports put together: nobody can tell whose the annotations are.
        raise DataError(annotations, "two images, or two categories, have one id; import one export after the other")
    boxes: dict[Any, list[Box]] = defaultdict(list)
    for entry in entries:
        try:
            boxes[entry["image_id"]].append(_coco_box(entry, images, names))
        except (KeyError, TypeError, ValueError, ZeroDivisionError) as fault:
            shown = json.dumps(entry, ensure_ascii=False)[:120]
            raise DataError(annotations, f"annotation {shown}: {fault!r}; correct or remove it") from None
    return [
        Sample(
            named_picture(folder, str(image.get("file_name", "")), named_in=annotations),
            labels_of(boxes[image_id]),
            source=source,
            boxes=tuple(boxes[image_id]),
            size=_coco_size(image),
        )
        for image_id, image in images.items()
    ]


def _coco_size(image: Any) -> tuple[int, int] | None:
    sides = image.get("width"), image.get("height")
    return (round(sides[0]), round(sides[1])) if all(isinstance(side, int | float) for side in sides) else None


def _coco_box(annotation: Any, images: Any, names: dict[Any, str]) -> Box:
    image = images[annotation["image_id"]]
    width, height = float(image["width"]), float(image["height"])
    x, y, w, h = (float(value) for value in annotation["bbox"])
    box = box_in_picture(names[annotation["category_id"]], (x, y, x + w, y + h), (width, height))
    if box is None:
        raise ValueError("the box is empty or outside its picture")
    outlines = annotation.get("segmentation")
    mask_size = outlines.get("size") if isinstance(outlines, dict) else None
    if mask_size is not None and list(mask_size) != [height, width]:
        raise ValueError(f"the mask has height, width {mask_size}, but the picture {[round(height), round(width)]}")
    if not isinstance(outlines, list):
        return box
    polygons = tuple(_points([value / size for value, size in _by_axis(line, width, height)]) for line in outlines)
    return Box(box.label, box.x, box.y, box.w, box.h, polygons)


def _by_axis(values: Iterable[float], width: float, height: float) -> list[tuple[float, float]]:
    return [(float(value), height if index % 2 else width) for index, value in enumerate(values)]


def _points(values: list[float]) -> tuple[tuple[float, float], ...]:
    """x, y, x, y ... as points, shares held in 0..1. Raises ValueError for fewer than three or half a point."""
    if len(values) < 6 or len(values) % 2 or not all(math.isfinite(value) for value in values):
        raise ValueError("an outline has at least three points of two numbers")
    held = [min(max(value, 0.0), 1.0) for value in values]
    return tuple(zip(held[0::2], held[1::2], strict=True))


def read_yolo(folder: Path, *, source: str = "") -> list[Sample]:
    """YOLO text labels with classes.txt (one name a line): boxes `class x y w h` or outlines `class x y x y x y ...`.

    The label of images/a.jpg is labels/a.txt, or a.txt beside the picture; a picture without one holds nothing, as
    YOLO means it. A data.yaml is not read. Raises DataError.
    """
    names = _yolo_names(folder)
    samples, used = [], set()
    for path in pictures_below(folder):
        label_file = _yolo_label_file(folder, path)
        boxes = _yolo_boxes(label_file, names) if label_file.is_file() else []
        used.add(label_file)
        samples.append(Sample(path, labels_of(boxes), source=source, boxes=tuple(boxes)))
    # Only where labels lie: a text elsewhere may be a readme.
    texts = {text for place in {path.parent for path in used} for text in place.glob("*.txt")}
    alone = sorted(text for text in texts - used if text.name != "classes.txt")
    if alone:
        raise DataError(alone[0], "a label file without its picture; add the picture or remove the file")
    if not any(sample.boxes for sample in samples):
        raise DataError(folder, "no picture here has a label; put labels/ beside images/, or .txt beside pictures")
    return samples


def _yolo_names(folder: Path) -> list[str]:
    listed = folder / "classes.txt"
    if not listed.is_file():
        has_yaml = any(folder.glob("*.y*ml"))
        remedy = "write the `names:` of the yaml file" if has_yaml else "write the class names"
        raise DataError(listed, f"not there; {remedy} into it, one a line, in their order")
    names = [line.strip() for line in read_text(listed).splitlines()]
    if not names or "" in names:
        raise DataError(listed, "an empty name; write one class name a line, without empty lines")
    return names


def _yolo_label_file(folder: Path, picture: Path) -> Path:
    parts = list(picture.relative_to(folder).with_suffix(".txt").parts)
    if "images" in parts[:-1]:
        last = len(parts) - 2 - parts[-2::-1].index("images")
        parts[last] = "labels"
    return folder.joinpath(*parts)


def _yolo_boxes(label_file: Path, names: list[str]) -> list[Box]:
    boxes = []
    for number, line in enumerate(read_text(label_file).splitlines(), 1):
        if not line.strip():
            continue
        try:
            which, *shares = line.split()
            index, values = int(which), [float(value) for value in shares]
            if not 0 <= index < len(names):
                raise ValueError(f"class {index}, but classes.txt has {len(names)} names")
            boxes.append(_yolo_box(names[index], values))
        except ValueError as fault:
            raise DataError(label_file, f"{line[:80]!r}: {fault}; write `class x y w h` in 0..1", line=number) from None
    return boxes


def _yolo_box(label: str, values: list[float]) -> Box:
    if not all(-0.01 <= value <= 1.01 for value in values):
        raise ValueError("a number is outside 0..1")
    if len(values) != 4:
        return box_around(label, [_points(values)])
    x, y, w, h = values
    box = box_in_picture(label, (x - w / 2, y - h / 2, x + w / 2, y + h / 2), (1.0, 1.0))
    if box is None:
        raise ValueError("the box is empty")
    return box


def read_voc(folder: Path, *, source: str = "") -> list[Sample]:
    """Pascal VOC: Annotations/*.xml with their pictures in JPEGImages/, or each .xml beside its picture.

    Raises DataError, also for XML that declares a document type: its entities can be made to fill the memory.
    """
    beside = folder / "Annotations"
    files = sorted((beside if beside.is_dir() else folder).glob("*.xml"))
    if not files:
        raise DataError(folder, "no .xml in it or in its Annotations; give the folder above Annotations and JPEGImages")
    pictures = folder / "JPEGImages" if beside.is_dir() else folder
    return [_voc_sample(path, pictures, source) for path in files]


def _voc_sample(path: Path, pictures: Path, source: str) -> Sample:
    root = read_xml(path)
    try:
        size = (float(inner_text(root, "size/width")), float(inner_text(root, "size/height")))
        boxes = [_voc_box(entry, size) for entry in root.iter("object")]
        name = inner_text(root, "filename")
    except (ValueError, ZeroDivisionError) as fault:
        raise DataError(path, f"{fault}; not a VOC annotation, export it again") from None
    picture = named_picture(pictures, name, named_in=path)
    pixels = (round(size[0]), round(size[1]))
    return Sample(picture, labels_of(boxes), source=source, boxes=tuple(boxes), size=pixels)


def _voc_box(entry: Element, size: tuple[float, float]) -> Box:
    left, top, right, bottom = (float(inner_text(entry, f"bndbox/{key}")) for key in ("xmin", "ymin", "xmax", "ymax"))
    box = box_in_picture(inner_text(entry, "name"), (left, top, right, bottom), size)
    if box is None:
        raise ValueError(f"the box of {inner_text(entry, 'name')!r} is empty or outside its picture")
    return box
