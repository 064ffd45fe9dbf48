"""Crane-camera frames of rail wagons with the regions that we drew on them by eye.

The annotation travels with the package, the pictures do not (cards/crane_frames.md). A frame is known by its bytes: a
renamed file still finds its regions, and a re-encoded one is refused rather than mislabelled.

Two decisions that a reader of the numbers should know:

- `residue` is a skin of fines on a floor that has been emptied, too thin for the floor's shape to disappear and left
  behind by the magnet. It counts as `bed_floor`: no grab will lift it as a layer. Where turnings still lie closed,
  they are `turnings`; where both mingle, nothing is labelled.
- A rope net over the load is part of the load's surface; such regions are marked `net`.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from loadlens.datasets.errors import DataError
from loadlens.vision.taxonomy import load_taxonomy

IGNORE = -1

# A region's kind is a surface class, but for this one.
CLASS_OF_KIND = {"residue": "bed_floor"}


@dataclass(frozen=True, slots=True)
class Region:
    """A polygon on a frame: float32 [N, 2], x and y as shares 0..1 of width and height."""

    kind: str
    polygon: NDArray[np.float32]
    net: bool = False

    @property
    def surface_class(self) -> str:
        """The taxonomy id that the region teaches."""
        return CLASS_OF_KIND.get(self.kind, self.kind)


@dataclass(frozen=True, slots=True)
class CraneFrame:
    """A frame with its regions; a later region lies over an earlier one, what none covers was not judged.

    `material` says by eye what the wagon in front holds: turnings, turnings_residue, shredded or no_wagon.
    """

    path: Path
    sha256: str
    camera: str
    material: str
    caption_height: float
    regions: tuple[Region, ...]

    @property
    def magnet_visible(self) -> bool:
        """Whether any part of the magnet is in the picture."""
        return any(region.kind == "magnet" for region in self.regions)


@dataclass(frozen=True, slots=True)
class SurfacePair:
    """One undisturbed surface on two frames: polygons float32 [N, 2] (0..1) whose corners correspond one by one."""

    first: CraneFrame
    second: CraneFrame
    first_polygon: NDArray[np.float32]
    second_polygon: NDArray[np.float32]
    note: str


def load_crane_frames(folder: Path) -> list[CraneFrame]:
    """The annotated frames among the pictures of a folder, in the order of their times.

    Raises DataError where the folder holds none, or holds a file of a known name with other bytes.
    """
    known: Mapping[str, Any] = _annotations()["frames"]
    name_of = {entry["sha256"]: name for name, entry in known.items()}
    found: dict[str, Path] = {}
    for path in sorted(folder.glob("*.jpg")):
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        if digest in name_of:
            found[name_of[digest]] = path
        elif path.name in known:
            raise DataError(path, "not the bytes that were annotated; take the file from its source unchanged")
    if not found:
        raise DataError(folder, "no annotated crane frame in this folder; see `loadlens data cards crane_frames`")
    return [_frame(found[name], known[name]) for name in known if name in found]


def load_surface_pairs(frames: list[CraneFrame]) -> list[SurfacePair]:
    """The pairs of frames that show one undisturbed surface, as far as both frames are given."""
    name_of = {entry["sha256"]: name for name, entry in _annotations()["frames"].items()}
    by_name = {name_of[frame.sha256]: frame for frame in frames}
    return [
        SurfacePair(
            first=by_name[pair["first"]],
            second=by_name[pair["second"]],
            first_polygon=np.asarray(pair["first_points"], np.float32),
            second_polygon=np.asarray(pair["second_points"], np.float32),
            note=pair["note"],
        )
        for pair in _annotations()["pairs"]
        if pair["first"] in by_name and pair["second"] in by_name
    ]


def label_map(frame: CraneFrame, size: tuple[int, int]) -> NDArray[np.int16]:
    """The regions as int16 [height, width]: indexes into `tuple(load_taxonomy())`, IGNORE where nothing was judged."""
    index_of = {class_id: index for index, class_id in enumerate(load_taxonomy())}
    label = np.full(size, IGNORE, np.int16)
    for region in frame.regions:
        label[polygon_mask(region.polygon, size)] = index_of[region.surface_class]
    # The recorder burns the time into the top of the picture.
    label[: round(frame.caption_height * size[0])] = IGNORE
    return label


def polygon_mask(polygon: NDArray[np.float32], size: tuple[int, int]) -> NDArray[np.bool_]:
    """A polygon (x, y in 0..1) as bool [height, width]; a pixel counts when its centre lies inside or on the edge."""
    height, width = size
    # OpenCV puts pixel centres on whole numbers; four binary places keep the polygon's own precision.
    corners = (polygon * (width, height) - 0.5) * 16
    mask = np.zeros(size, np.uint8)
    cv2.fillPoly(mask, [corners.round().astype(np.int32)], 1, shift=4)
    return mask.astype(bool)


def _frame(path: Path, entry: Mapping[str, Any]) -> CraneFrame:
    return CraneFrame(
        path=path,
        sha256=entry["sha256"],
        camera=entry["camera"],
        material=entry["material"],
        caption_height=_annotations()["caption_height"],
        regions=tuple(
            Region(region["kind"], np.asarray(region["points"], np.float32), region.get("net", False))
            for region in entry["regions"]
        ),
    )


@cache
def _annotations() -> dict[str, Any]:
    path = resources.files(__package__) / "annotations" / "crane_frames.json"
    annotations: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return annotations
