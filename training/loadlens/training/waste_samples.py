"""Photos of waste to learn from, by class and source."""

import csv
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path

import numpy as np
from PIL import Image

from loadlens.datasets.catalog import find_set, pictures_in
from loadlens.vision.image import MIN_SIDE

# What belongs to no class of waste; learnt beside them, and left out of the model's answer.
NONE = "none"
IMAGENET = "imagenet"
LANDFILL = "landfill"
SCRAP = "scrap"
DRAWN = "drawn"
# What the folders of RealWaste show.
_LANDFILL_FOLDERS = {
    "Glass": "glass",
    "Metal": "metal",
    "Paper": "paper_cardboard",
    "Plastic": "plastic",
    "Vegetation": "organic",
}


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


def landfill_photos(folder: Path, most: int) -> list[WastePhoto]:
    """Of each class of the set `landfill_waste` at most so many photos, spread evenly over it.

    All of them lie on one floor: more would teach and measure that floor rather than the classes.
    """
    place = folder / find_set("landfill_waste").folder
    return [
        WastePhoto(path, label, LANDFILL)
        for name, label in _LANDFILL_FOLDERS.items()
        for path in _spread(pictures_in(place / name), most)
    ]


def scrap_photos(folder: Path, most: int) -> list[WastePhoto]:
    """At most so many photos of the set `scrap_grades`, spread evenly over it.

    They teach what to withhold: learnt as metal, these heaps drew wood and cloth along, and `loadlens classify` is for
    them.
    """
    paths = pictures_in(folder / find_set("scrap_grades").folder)
    return [WastePhoto(path, NONE, SCRAP) for path in _spread(paths, most)]


def _spread(paths: list[Path], most: int) -> list[Path]:
    kept = np.unique(np.linspace(0, len(paths) - 1, min(most, len(paths))).round().astype(int))
    return [paths[number] for number in kept]


def drawn_photos(folder: Path, number: int, seed: int) -> list[WastePhoto]:
    """Pictures of nothing, drawn into a folder: noise of any grain, sharp or soft, and shaded walls."""
    folder.mkdir(parents=True, exist_ok=True)
    photos = []
    for place in range(number):
        rng = np.random.default_rng([seed, place])
        grain = int(rng.choice([1, 2, 4, 8, 16, 32, 64]))
        colours = rng.integers(0, 256, (2, 3))
        if place % 2:
            shade = np.linspace(0, 1, 480)[:, None, None]
            picture = colours[0] + (colours[1] - colours[0]) * shade + rng.normal(0, 4, (480, 640, 3))
        else:
            noise = rng.integers(0, 256, (480 // grain + 1, 640 // grain + 1, int(rng.choice([1, 3]))), np.uint8)
            small = Image.fromarray(np.ascontiguousarray(np.broadcast_to(noise, (*noise.shape[:2], 3))))
            how = Image.Resampling.NEAREST if rng.random() < 0.5 else Image.Resampling.BICUBIC
            picture = np.asarray(small.resize((640, 480), how))
        path = folder / f"{seed}-{place:03}.png"
        Image.fromarray(np.clip(picture, 0, 255).astype(np.uint8)).save(path)
        photos.append(WastePhoto(path, NONE, DRAWN))
    return photos


@dataclass(frozen=True, slots=True)
class ImagenetPhotos:
    """One sample each of ImageNet classes: to learn from, and of what is no waste to set a threshold and to measure."""

    learnt: list[WastePhoto]
    strangers_to_set: list[WastePhoto]
    strangers_to_measure: list[WastePhoto]


def imagenet_photos(folder: Path) -> ImagenetPhotos:
    """The set `imagenet_samples`: every class that shows waste is learnt, of the others every fourth, and two are held.

    Classes that might be called waste or not are left out, and pictures that no command would look at.
    """
    words = _imagenet_words()
    found = ImagenetPhotos([], [], [])
    for number, path in enumerate(sorted((folder / find_set("imagenet_samples").folder).glob("*.JPEG"))):
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


@cache
def _imagenet_words() -> Mapping[str, str]:
    text = (resources.files("loadlens.datasets") / "annotations" / "imagenet_samples.json").read_text(encoding="utf-8")
    return {word: label for label, words in json.loads(text).items() for word in words}
