"""Batches for training: crops of rendered scenes, of annotated crane frames, and whole photos with one form each."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from loadlens.datasets.catalog import FORM_OF_FOLDER, find_set, scene_of
from loadlens.datasets.crane import IGNORE, CraneFrame, label_map, load_crane_frames
from loadlens.datasets.errors import DataError
from loadlens.datasets.groups import Part, assign_folds, assign_parts
from loadlens.datasets.importing import read_data_set
from loadlens.datasets.samples import Sample
from loadlens.datasets.textures import read_labels
from loadlens.training.network import STRIDE
from loadlens.training.processes import ALONE, Processes
from loadlens.training.recipe import Recipe
from loadlens.training.scenes import read_scene
from loadlens.vision.taxonomy import load_taxonomy

# One crop in so many is of a crane frame.
_CRANE_EVERY = 10

Picture = NDArray[np.uint8]
Label = NDArray[np.int16]
# Of a step: its `scenes` and its `photos`, pictures and what they show.
Pictures = dict[str, tuple[Tensor, Tensor]]


@dataclass(frozen=True, slots=True)
class Photo:
    """A photo with the one form it shows; photos of one `scene` are never on both sides of a split."""

    path: Path
    form: str
    scene: str


def photo_part(folder: Path, part: Part) -> list[Photo]:
    """The photos of scrap_grades in one part; the same division as the textures of the scenes."""
    rows = read_labels(folder / find_set("scrap_grades").folder)
    parts = assign_parts([row["grade"] for row in rows], [scene_of(row["file"]) for row in rows])
    return [_photo(folder, row) for row, its_part in zip(rows, parts, strict=True) if its_part == part]


def own_part(folder: Path, part: Part, forms: Sequence[str]) -> list[Photo]:
    """The photos of one part of a data set of one's own (`loadlens data import`) that show exactly one form.

    A photo of which no scene is said is one of its own. Raises DataError where the data set was not split, a scene lies
    in several parts, none of its train or test part shows exactly one form, or one shows a form not among `forms`.
    """
    samples = read_data_set(folder).samples
    if unsplit := sum(not sample.part for sample in samples.values()):
        raise DataError(folder, f"{unsplit} pictures are in no part; split it with `loadlens data split {folder}`")
    _refuse_torn_scenes(folder, samples.values())
    taxonomy = load_taxonomy()
    photos = []
    for sha256, sample in samples.items():
        shown = [label for label in sample.labels if taxonomy[label].kind == "form"]
        if sample.part == part and len(shown) == 1:
            photos.append(Photo(sample.path, shown[0], f"{sample.source}/{sample.group or sha256}"))
    if not photos and part != "calibration":
        raise DataError(folder, f"no photo of its part {part} shows exactly one form; add some, or leave out --own")
    if strange := sorted({photo.form for photo in photos} - set(forms)):
        raise DataError(folder, f"shows {', '.join(strange)}, which the recipe's classes lack; add them there")
    return photos


def _refuse_torn_scenes(folder: Path, samples: Iterable[Sample]) -> None:
    parts: dict[str, set[str]] = {}
    for sample in samples:
        if sample.group:
            parts.setdefault(f"{sample.source}/{sample.group}", set()).add(sample.part)
    if torn := sorted(scene for scene, its in parts.items() if len(its) > 1):
        raise DataError(
            folder,
            f"{len(torn)} scenes, such as {torn[0]!r}, lie in several parts, so that what is measured was learnt; "
            f"split it with `loadlens data split {folder}`",
        )


def photo_folds(folder: Path, grouping: Literal["scene", "source"]) -> tuple[list[Photo], list[str], list[int]]:
    """All photos, the group of each, and its fold, 0..4: no group is in two folds.

    Groups are our scenes, or the near-duplicate groups of the source, which miss some views of one scene.
    """
    rows = read_labels(folder / find_set("scrap_grades").folder)
    groups = [scene_of(row["file"]) if grouping == "scene" else row["group"] for row in rows]
    return [_photo(folder, row) for row in rows], groups, assign_folds([row["grade"] for row in rows], groups)


def _photo(folder: Path, row: dict[str, str]) -> Photo:
    path = folder / find_set("scrap_grades").folder / row["file"]
    return Photo(path, FORM_OF_FOLDER[row["grade"]], scene_of(row["file"]))


def crane_part(folder: Path, cameras: Sequence[str], *, inside: bool) -> list[CraneFrame]:
    """The annotated crane frames of the named cameras, or of all others."""
    frames = load_crane_frames(folder / find_set("crane_frames").folder)
    return [frame for frame in frames if (frame.camera in cameras) == inside]


@cache
def read_photo(path: Path) -> Picture:
    """A photo as RGB uint8, at most 640 pixels on its longer side."""
    whole = read_whole(path)
    scale = min(1.0, 640 / max(whole.shape[:2]))
    return np.asarray(cv2.resize(whole, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8)


def read_whole(path: Path) -> Picture:
    """A photo as RGB uint8 as it is; of a file that is cut off, what can be decoded."""
    bgr = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if bgr is None:
        raise FileNotFoundError(f"{path}: not a readable picture; fetch the set again from its source")
    return np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), np.uint8)


class Batches(Dataset[Pictures]):
    """This process's pictures of each batch. They depend on the recipe's seed, the step and their place in the batch
    alone, so a run can be taken up again anywhere, and shared by any number of processes."""

    def __init__(
        self,
        recipe: Recipe,
        scenes: list[Path],
        photos: list[Photo],
        crane: list[CraneFrame],
        processes: Processes = ALONE,
    ) -> None:
        self._recipe = recipe
        self.processes = processes
        self._scenes = scenes
        self._crane = [read_crane(frame) for frame in crane]
        self._photos: dict[str, list[Photo]] = {}
        for photo in photos:
            self._photos.setdefault(photo.form, []).append(photo)
        self._index = class_index(recipe.classes)

    def __getitem__(self, step: int) -> Pictures:
        """What a step looks at: its `scenes` and its `photos`, as far as the recipe asks for them."""
        found = {}
        if self._recipe.scenes_per_step:
            found["scenes"] = self.scenes(step)
        if self._recipe.photos_per_step:
            found["photos"] = self.photos(step)
        return found

    def scenes(self, step: int) -> tuple[Tensor, Tensor]:
        """Crops float32 [N, 3, H, W] and the share of every class in every cell, float32 [N, K, H/16, W/16].

        Cells of which nothing was judged are all zero.
        """
        pictures, targets = [], []
        for position in self.processes.positions(self._recipe.scenes_per_step):
            rng = np.random.default_rng([self._recipe.seed, 1, step, position])
            if self._crane and (step * self._recipe.scenes_per_step + position) % _CRANE_EVERY == 0:
                rgb, label = self._crane[rng.integers(len(self._crane))]
            else:
                rgb, label = read_scene(self._scenes[rng.integers(len(self._scenes))])
            rgb, label = random_crop(rng, rgb, label, self._recipe)
            pictures.append(colour_jitter(rng, rgb))
            targets.append(cell_shares(label, self._index, len(self._recipe.classes)))
        return to_tensor(pictures), torch.from_numpy(np.stack(targets))

    def photos(self, step: int) -> tuple[Tensor, Tensor]:
        """Photos float32 [N, 3, H, W], every form equally often, and the index of the form int64 [N]."""
        forms = sorted(self._photos)
        if len(forms) < self._recipe.photos_per_step:
            raise ValueError(
                f"photos of {len(forms)} forms, but each step takes {self._recipe.photos_per_step} of different forms: "
                "lower photos_per_step in the recipe, or add photos of other forms"
            )
        pictures, labels = [], []
        shown = np.random.default_rng([self._recipe.seed, 2, step]).permutation(forms)
        for position in self.processes.positions(self._recipe.photos_per_step):
            rng = np.random.default_rng([self._recipe.seed, 2, step, position])
            choice = self._photos[shown[position]]
            photo = choice[rng.integers(len(choice))]
            picture = photo_crop(rng, read_photo(photo.path), self._recipe.photo_size)
            pictures.append(colour_jitter(rng, picture))
            labels.append(self._recipe.classes.index(photo.form))
        return to_tensor(pictures), torch.tensor(labels)


def class_index(classes: Sequence[str]) -> NDArray[np.int16]:
    """From the taxonomy's order to the model's: int16, IGNORE for classes the model does not know."""
    taxonomy = list(load_taxonomy())
    index = np.full(len(taxonomy), IGNORE, np.int16)
    for position, name in enumerate(classes):
        index[taxonomy.index(name)] = position
    return index


def read_crane(frame: CraneFrame) -> tuple[Picture, Label]:
    """A crane frame at 960 pixels of width with its regions."""
    bgr = cv2.imread(str(frame.path), cv2.IMREAD_REDUCED_COLOR_2)
    if bgr is None:
        raise FileNotFoundError(f"{frame.path}: not a readable picture; fetch the set again from its source")
    return np.asarray(bgr[..., ::-1], np.uint8), label_map(frame, (bgr.shape[0], bgr.shape[1]))


def cell_shares(label: Label, index: NDArray[np.int16], classes: int) -> NDArray[np.float32]:
    """The share of every class in every cell, float32 [K, H/16, W/16]; a cell sums to the share that was judged."""
    known = np.where(label == IGNORE, IGNORE, index[label])
    cells = known.reshape(label.shape[0] // STRIDE, STRIDE, label.shape[1] // STRIDE, STRIDE)
    shares = np.zeros((classes, cells.shape[0], cells.shape[2]), np.float32)
    for name in np.unique(known):
        if name != IGNORE:
            shares[name] = (cells == name).mean(axis=(1, 3))
    return shares


def random_crop(rng: np.random.Generator, rgb: Picture, label: Label, recipe: Recipe) -> tuple[Picture, Label]:
    """A crop of `scene_crop` of the picture as if it were about `width` wide (`zoom` of it), mirrored at random."""
    size = recipe.scene_crop
    wanted = rgb.shape[1] / recipe.width * np.exp(rng.uniform(*np.log(recipe.zoom)))
    scale = min(wanted, rgb.shape[0] / size[0], rgb.shape[1] / size[1])
    height, width = round(size[0] * scale), round(size[1] * scale)
    top, left = int(rng.integers(rgb.shape[0] - height + 1)), int(rng.integers(rgb.shape[1] - width + 1))
    cut = (slice(top, top + height), slice(left, left + width))
    to = (size[1], size[0])
    how = cv2.INTER_AREA if scale > 1 else cv2.INTER_LINEAR
    rgb = np.asarray(cv2.resize(rgb[cut], to, interpolation=how), np.uint8)
    label = np.asarray(cv2.resize(label[cut], to, interpolation=cv2.INTER_NEAREST), np.int16)
    for axis in (0, 1):
        if rng.random() < 0.5:
            rgb, label = np.flip(rgb, axis), np.flip(label, axis)
    return rgb, label


def photo_crop(rng: np.random.Generator, photo: Picture, size: tuple[int, int]) -> Picture:
    """A random part (40 to 100 % of the area) of a photo at [size], mirrored at random."""
    share, stretch = rng.uniform(0.4, 1.0) ** 0.5, np.exp(rng.uniform(-0.2, 0.2))
    height = min(photo.shape[0], round(photo.shape[0] * share * stretch))
    width = min(photo.shape[1], round(photo.shape[1] * share / stretch))
    top, left = int(rng.integers(photo.shape[0] - height + 1)), int(rng.integers(photo.shape[1] - width + 1))
    part = photo[top : top + height, left : left + width]
    part = np.asarray(cv2.resize(part, (size[1], size[0]), interpolation=cv2.INTER_AREA), np.uint8)
    return part[:, ::-1] if rng.random() < 0.5 else part


def colour_jitter(rng: np.random.Generator, rgb: Picture) -> Picture:
    """Another light: brightness, gamma, colour cast, sometimes soft or noisy."""
    gain = np.exp(rng.normal(0, 0.15)) * np.exp(rng.normal(0, 0.06, 3))
    table = np.arange(256)[:, None] / 255
    table = np.clip(255 * (table ** np.exp(rng.normal(0, 0.15))) * gain, 0, 255).astype(np.uint8)
    jittered = np.asarray(cv2.LUT(np.ascontiguousarray(rgb), table[None]), np.uint8)
    if rng.random() < 0.2:
        jittered = np.asarray(cv2.GaussianBlur(jittered, (0, 0), rng.uniform(0.5, 1.5)), np.uint8)
    if rng.random() < 0.1:
        grey = jittered.mean(axis=2, keepdims=True)
        jittered = np.asarray(jittered * 0.3 + grey * 0.7, np.uint8)
    return jittered


def to_tensor(pictures: list[Picture]) -> Tensor:
    """RGB pictures as float32 [N, 3, H, W] in 0..255, laid out channels last for the CPU."""
    stacked = torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2).float()
    return stacked.contiguous(memory_format=torch.channels_last)
