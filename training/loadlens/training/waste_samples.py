"""Photos of waste to learn from: by class and source, and as views that do not give a class away by its background."""

import csv
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from loadlens.datasets.catalog import find_set
from loadlens.training.cutouts import Mask, Picture, cut_out, paste
from loadlens.training.samples import colour_jitter, photo_crop, read_whole
from loadlens.vision.image import MIN_SIDE

# What belongs to no class of waste; learnt beside them, and left out of the model's answer.
NONE = "none"
IMAGENET = "imagenet"
_LONG_SIDE = 384
_PLAIN = 0.3


@dataclass(frozen=True, slots=True)
class WastePhoto:
    """A photo, what it shows (a class of waste or NONE) and where it comes from."""

    path: Path
    label: str
    source: str


def waste_photos(folder: Path) -> list[WastePhoto]:
    """The public sets of waste: `waste`, and cut-out wood and rubble of `construction_waste`."""
    place = folder / find_set("waste").folder
    with (place / "labels.csv").open(encoding="utf-8", newline="") as table:
        photos = [WastePhoto(place / row["file"], row["coarse"], row["group"]) for row in csv.DictReader(table)]
    rubble = folder / find_set("construction_waste").folder
    labels = {"wood": "wood", "brick": NONE, "concrete": NONE}
    found = [path for path in sorted(rubble.rglob("*.png")) if path.parent.name in labels]
    return photos + [WastePhoto(path, labels[path.parent.name], "rubble") for path in found]


@dataclass(frozen=True, slots=True)
class ImagenetPhotos:
    """One sample each of ImageNet classes: to learn from, and of what is no waste to set a threshold and to measure."""

    learnt: list[WastePhoto]
    strangers_to_set: list[WastePhoto]
    strangers_to_measure: list[WastePhoto]


def imagenet_photos(folder: Path) -> ImagenetPhotos:
    """Every class that shows waste is learnt; of those that show none every fourth is learnt, and every fourth held.

    Classes that might be called waste or not are left out, and pictures that no command would look at.
    """
    words = _imagenet_words()
    found = ImagenetPhotos([], [], [])
    for number, path in enumerate(sorted(folder.glob("*.JPEG"))):
        label = words.get(path.stem.split("_", 1)[1], NONE)
        with Image.open(path) as header:
            if min(header.size) < MIN_SIDE:
                continue
        if label not in (NONE, "unclear") or (label == NONE and number % 4 == 0):
            found.learnt.append(WastePhoto(path, label, IMAGENET))
        elif label == NONE and number % 4 == 1:
            found.strangers_to_set.append(WastePhoto(path, NONE, IMAGENET))
        elif label == NONE and number % 4 == 2:
            found.strangers_to_measure.append(WastePhoto(path, NONE, IMAGENET))
    return found


class Views:
    """Views of photos that depend on a seed and a number alone: cut out and pasted elsewhere, or cropped."""

    def __init__(self, photos: Sequence[WastePhoto], side: int) -> None:
        self._side = side
        self._backgrounds = [photo for photo in photos if photo.label == NONE and photo.source == IMAGENET]

    def view(self, photo: WastePhoto, seed: Sequence[int]) -> Picture:
        """One view, uint8 [side, side, 3]."""
        rng = np.random.default_rng(seed)
        rgb, mask = prepared(photo.path, photo.source != IMAGENET or photo.label != NONE)
        if mask is not None and rng.random() < 0.7:
            seen = paste(rng, rgb, mask, self._background(rng), self._side)
        else:
            seen = photo_crop(rng, rgb, (self._side, self._side))
        return colour_jitter(rng, seen)

    def _background(self, rng: np.random.Generator) -> Picture:
        if rng.random() < _PLAIN or not self._backgrounds:
            colour = rng.integers(0, 256, 3) if rng.random() < 0.5 else np.full(3, rng.integers(100, 256))
            return np.full((self._side, self._side, 3), colour, np.uint8)
        return prepared(self._backgrounds[rng.integers(len(self._backgrounds))].path, False)[0]


@cache
def prepared(path: Path, is_thing: bool) -> tuple[Picture, Mask | None]:
    """A photo at most 384 pixels on its longer side, and where the thing in it is, if it can be cut out.

    A photo of a place (`is_thing` False) is not cut, plain as its edges may be.
    """
    stored = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    if stored is None:
        raise FileNotFoundError(f"{path}: not a readable picture; fetch the set again from its source")
    scale = min(1.0, _LONG_SIDE / max(stored.shape[:2]))
    rgb = np.asarray(cv2.resize(read_whole(path), None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8)
    if stored.ndim == 3 and stored.shape[2] == 4:
        mask = cv2.resize(stored[..., 3], (rgb.shape[1], rgb.shape[0]), interpolation=cv2.INTER_AREA)
        return rgb, np.asarray(mask / 255, np.float32)
    return rgb, cut_out(rgb) if is_thing else None


@cache
def _imagenet_words() -> Mapping[str, str]:
    text = (resources.files("loadlens.datasets") / "annotations" / "imagenet_samples.json").read_text(encoding="utf-8")
    return {word: label for label, words in json.loads(text).items() for word in words}
