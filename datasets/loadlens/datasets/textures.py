"""Where rendered scenes take their surfaces from: photos of real scrap, cut so that no part leaks into another.

A bank gives surfaces of forms and cut-out pieces of contaminants and hazards. `PhotoTextures` takes them from the
catalogue's sets below one folder; a photo (or its near-duplicates) serves one part only, so that what a model was
trained on never appears in the clips it is measured on.
"""

import csv
from collections import defaultdict
from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from loadlens.datasets.catalog import FORM_OF_FOLDER, find_set, material_box, scene_of
from loadlens.datasets.errors import DataError
from loadlens.datasets.groups import Part, assign_parts
from loadlens.datasets.procedural import ProceduralTextures, blob

Picture = NDArray[np.uint8]


class TextureBank(Protocol):
    """What a renderer needs. Pieces are uint8 [h, w, 4] RGBA, surfaces uint8 [*size, 3] RGB."""

    forms: tuple[str, ...]
    contaminants: tuple[str, ...]
    hazards: tuple[str, ...]

    def form(self, rng: np.random.Generator, form: str, size: tuple[int, int]) -> Picture:
        """A surface of one form."""
        ...

    def contaminant(self, rng: np.random.Generator, class_id: str) -> Picture:
        """One cut-out piece of a contaminant."""
        ...

    def hazard(self, rng: np.random.Generator, class_id: str) -> Picture:
        """One cut-out dangerous thing."""
        ...


class PhotoTextures:
    """Surfaces quilted from photos of one part. Raises DataError where the photos are not there.

    Gas cylinders come from three cylinders only, so each part sees another one; drums are always drawn.
    """

    def __init__(self, folder: Path, part: Part) -> None:
        self._grades = _files_by_form(folder / find_set("scrap_grades").folder, part)
        self._pieces = _piece_files(folder, part)
        self._drawn = ProceduralTextures()
        self.forms: tuple[str, ...] = tuple(form for form in FORM_OF_FOLDER.values() if self._grades[form])
        self.contaminants: tuple[str, ...] = tuple(
            name for name in self._drawn.contaminants if name == "soil" or self._pieces[name]
        )
        self.hazards: tuple[str, ...] = self._drawn.hazards

    def form(self, rng: np.random.Generator, form: str, size: tuple[int, int]) -> Picture:
        """A surface of one form, quilted from its photos' material at about half their scale."""
        files = self._grades[form]
        chosen = [files[index] for index in rng.integers(len(files), size=2)]
        zoom = rng.uniform(0.45, 0.95)
        return quilt(rng, [_material(path, box) for path, box in chosen], size, zoom)

    def contaminant(self, rng: np.random.Generator, class_id: str) -> Picture:
        """One piece of a contaminant, 20 to 120 pixels long."""
        files = self._pieces[class_id]
        path = files[rng.integers(len(files))]
        if class_id == "soil":
            texture, side = _read(path), int(rng.integers(40, 130))
            size = (side, int(side * rng.uniform(0.6, 1.6)))
            surface = quilt(rng, [_middle(texture)], size, rng.uniform(0.3, 0.7))
            return np.dstack([surface, blob(rng, size, corners=13)])
        piece = _cut_out(path)
        longest = rng.uniform(30, 120)
        scale = longest / max(piece.shape[:2])
        return np.asarray(cv2.resize(piece, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8)

    def hazard(self, rng: np.random.Generator, class_id: str) -> Picture:
        """A gas cylinder cut from a photo (half of the time), else a drawn thing."""
        files = self._pieces.get(class_id, ())
        if not files or rng.random() < 0.5:
            return self._drawn.hazard(rng, class_id)
        piece = _cut_from_lawn(files[rng.integers(len(files))])
        scale = rng.uniform(60, 130) / max(piece.shape[:2])
        return np.asarray(cv2.resize(piece, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8)


def quilt(rng: np.random.Generator, photos: Sequence[Picture], size: tuple[int, int], zoom: float) -> Picture:
    """Fill uint8 [*size, 3] with random patches of the photos, turned by quarters; seams are narrow and soft."""
    side = int(min(260, *(min(photo.shape[:2]) * zoom for photo in photos)))
    step = max(24, int(side * 0.7))
    total = np.zeros((size[0] + 2 * side, size[1] + 2 * side, 3), np.float32)
    weight = np.full((*total.shape[:2], 1), 1e-6, np.float32)
    ramp = np.minimum(np.arange(1, side + 1), np.arange(side, 0, -1)) / (side / 2)
    window = (np.minimum.outer(ramp, ramp) ** 6).astype(np.float32)[..., None] + 1e-6
    for y in range(0, size[0] + side, step):
        for x in range(0, size[1] + side, step):
            patch = _patch(rng, photos[int(rng.integers(len(photos)))], side, zoom)
            top, left = y + int(rng.integers(step // 3 + 1)), x + int(rng.integers(step // 3 + 1))
            part = (slice(top, top + side), slice(left, left + side))
            height, width = total[part].shape[:2]
            total[part] += patch[:height, :width] * window[:height, :width]
            weight[part] += window[:height, :width]
    whole = total / weight
    return whole[side : side + size[0], side : side + size[1]].astype(np.uint8)


def _patch(rng: np.random.Generator, photo: Picture, side: int, zoom: float) -> Picture:
    take = min(round(side / zoom), *photo.shape[:2])
    top, left = (int(rng.integers(extent - take + 1)) for extent in photo.shape[:2])
    patch = cv2.resize(photo[top : top + take, left : left + take], (side, side), interpolation=cv2.INTER_AREA)
    patch = np.rot90(patch, int(rng.integers(4)))
    return np.asarray(patch[:, ::-1] if rng.random() < 0.5 else patch, np.uint8)


def _files_by_form(folder: Path, part: Part) -> dict[str, list[tuple[Path, tuple[float, float, float, float]]]]:
    """The photos of one part by form, with the box that shows hardly anything but material."""
    rows = read_labels(folder)
    parts = assign_parts([row["grade"] for row in rows], [scene_of(row["file"]) for row in rows])
    files: dict[str, list[tuple[Path, tuple[float, float, float, float]]]] = defaultdict(list)
    for row, its_part in zip(rows, parts, strict=True):
        box = material_box(row["file"])
        if its_part == part and box is not None:
            files[FORM_OF_FOLDER[row["grade"]]].append((folder / row["file"], box))
    return files


def _piece_files(folder: Path, part: Part) -> dict[str, list[Path]]:
    """Cut-outs, soil, things on plain grounds and cylinders of one part; pieces of one picture stay together."""
    files: dict[str, list[Path]] = defaultdict(list)
    cutouts = folder / find_set("construction_waste").folder
    _add(files, cutouts, part, lambda row: (row["label"], row["from_image"]))
    _add(files, folder / "textures", part, lambda row: (row["label"] if row["label"] == "soil" else "", row["file"]))
    waste = folder / find_set("waste").folder
    meant = {"plastic": "plastic", "paper_cardboard": "paper", "textile": "textile"}
    _add(files, waste, part, lambda row: (meant.get(row["label"], "") if "web" in row["group"] else "", row["file"]))
    cylinder: dict[Part, str] = {"train": "HP_15KG_RED", "calibration": "HP_2KG_BLUE", "test": "HP_5KG_BLUE"}
    lawn = folder / find_set("gas_cylinders").folder
    files["gas_cylinder"] = [lawn / row["file"] for row in read_labels(lawn) if row["object"] == cylinder[part]]
    return files


def _add(
    files: dict[str, list[Path]], folder: Path, part: Part, about: Callable[[dict[str, str]], tuple[str, str]]
) -> None:
    rows = [(row["file"], *about(row)) for row in read_labels(folder)]
    kept = [row for row in rows if row[1]]
    parts = assign_parts([row[1] for row in kept], [row[2] for row in kept])
    for (file, label, _), its_part in zip(kept, parts, strict=True):
        if its_part == part:
            files[label].append(folder / file)


def read_labels(folder: Path) -> list[dict[str, str]]:
    """The rows of a set's labels.csv. Raises DataError where there is none."""
    table = folder / "labels.csv"
    if not table.is_file():
        raise DataError(table, "not there; give the folder that holds the sets named by `loadlens data sets`")
    with table.open(encoding="utf-8", newline="") as text:
        return list(csv.DictReader(text))


@lru_cache(maxsize=600)
def _read(path: Path) -> Picture:
    picture = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if picture is None:
        raise DataError(path, "not a readable picture; fetch the set again from its source")
    scale = min(1.0, 900 / max(picture.shape[:2]))
    small = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.cvtColor(small, cv2.COLOR_BGR2RGB), np.uint8)


def _material(path: Path, box: tuple[float, float, float, float]) -> Picture:
    photo = _read(path)
    height, width = photo.shape[:2]
    left, top, right, bottom = box
    return photo[round(top * height) : round(bottom * height), round(left * width) : round(right * width)]


def _middle(photo: Picture) -> Picture:
    height, width = photo.shape[:2]
    return photo[height // 5 : -(height // 5), width // 5 : -(width // 5)]


@lru_cache(maxsize=400)
def _cut_out(path: Path) -> Picture:
    """A cut-out as it is, or a thing on a plain light ground with the ground taken away: RGBA uint8."""
    picture = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    if picture is None:
        raise DataError(path, "not a readable picture; fetch the set again from its source")
    if picture.ndim == 3 and picture.shape[2] == 4:
        return np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGRA2RGBA), np.uint8)
    photo = _read(path)
    scale = 240 / max(photo.shape[:2])
    small = np.asarray(cv2.resize(photo, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8)
    ground = np.zeros((small.shape[0] + 2, small.shape[1] + 2), np.uint8)
    flags = 4 | cv2.FLOODFILL_MASK_ONLY | (255 << 8)
    for corner in ((0, 0), (small.shape[1] - 1, 0), (0, small.shape[0] - 1), (small.shape[1] - 1, small.shape[0] - 1)):
        if small[corner[1], corner[0]].min() > 205:
            cv2.floodFill(small.copy(), ground, corner, (0, 0, 0), (9, 9, 9), (9, 9, 9), flags)
    alpha = np.asarray(cv2.erode(255 - ground[1:-1, 1:-1], np.ones((3, 3), np.uint8)), np.uint8)
    if np.count_nonzero(alpha) > 0.85 * alpha.size:
        # No plain ground to take away: an irregular patch of the middle stands for the material.
        middle = _middle(small)
        return np.dstack([middle, blob(np.random.default_rng(0), middle.shape[:2], corners=9)])
    rows, columns = np.flatnonzero(alpha.any(axis=1)), np.flatnonzero(alpha.any(axis=0))
    return np.dstack([small, alpha])[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


@lru_cache(maxsize=40)
def _cut_from_lawn(path: Path) -> Picture:
    """The cylinder in the middle of a photo, cut out by colour (GrabCut): RGBA uint8."""
    photo = _read(path)
    scale = 320 / max(photo.shape[:2])
    small = np.asarray(cv2.resize(photo, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8)
    height, width = small.shape[:2]
    mask = np.zeros((height, width), np.uint8)
    box = (int(width * 0.2), int(height * 0.05), int(width * 0.6), int(height * 0.9))
    # GrabCut draws from OpenCV's own generator: seeded, so that a scene is the same every time.
    cv2.setRNGSeed(0)
    cv2.grabCut(small, mask, box, np.zeros((1, 65)), np.zeros((1, 65)), 4, cv2.GC_INIT_WITH_RECT)
    inside = np.isin(mask, (cv2.GC_FGD, cv2.GC_PR_FGD)).astype(np.uint8)
    count, label, stats, _ = cv2.connectedComponentsWithStats(inside)
    if count < 2:
        raise DataError(path, "no cylinder found in the middle of the picture")
    largest = 1 + int(stats[1:, cv2.CC_STAT_AREA].argmax())
    x, y, w, h = (int(value) for value in stats[largest][:4])
    alpha = np.where(label == largest, 255, 0).astype(np.uint8)
    return np.dstack([small, alpha])[y : y + h, x : x + w]
