"""The map of a layer: what the model saw in every cell, kept so that a person can be told and can correct a region.

Probabilities are kept to 1/255, which is finer than they are right. A region is given in shares of the picture's width
and height, so that it may be drawn on the frame at any size.
"""

import io
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from loadlens.grading.correction import UNKNOWN
from loadlens.vision.layer import Grid, Mask, SeenLayer, counted_cells, exposed_cells, scene_share
from loadlens.vision.surface import Surface
from loadlens.vision.taxonomy import Taxonomy

Cells = NDArray[np.uint8]
Point = tuple[float, float]
_FULL = 255
_LARGEST_SIDE = 8192
# A map may come from elsewhere: what it unpacks to is limited, in bytes.
_LARGEST = 2**28


class LayerMapError(ValueError):
    """Bytes that are no map of a layer; the message says why."""


@dataclass(frozen=True, slots=True)
class Region:
    """A part of a picture: the inside of a polygon or, with `radius`, what a round brush of it covers along a line.

    Points are shares 0..1 of the width and the height; `radius` is a share of the width.
    """

    points: tuple[Point, ...]
    radius: float | None = None


@dataclass(frozen=True, slots=True)
class LayerMap:
    """What was seen where. `probs` is uint8 [K, GH, GW] in 1/255, the first axis in the order of `class_ids`; `exposed`
    uint8 [GH, GW], the share in 1/255 of each cell that is newly exposed, in the bed and not hidden. A cell covers
    `stride` x `stride` pixels of a picture of `size` (height, width); `unsure_below` is the model's own threshold.
    """

    probs: Cells
    exposed: Cells
    class_ids: tuple[str, ...]
    stride: int
    size: tuple[int, int]
    unsure_below: float

    @property
    def surface(self) -> Surface:
        """The grid of probabilities."""
        return Surface(np.asarray(self.probs / _FULL, np.float32), self.class_ids, self.stride)

    def weight(self, taxonomy: Taxonomy) -> Grid:
        """The share of every cell that the layer is graded by: float32 [GH, GW] in 0..1."""
        return np.asarray(self.exposed / _FULL * (1 - scene_share(self.surface, taxonomy)), np.float32)

    def to_bytes(self) -> bytes:
        """The map as a file; the same map gives the same bytes."""
        file = io.BytesIO()
        np.savez_compressed(
            file,
            probs=self.probs,
            exposed=self.exposed,
            class_ids=np.array(self.class_ids, np.str_),
            numbers=np.array([self.stride, *self.size], np.int32),
            unsure_below=np.array(self.unsure_below, np.float64),
        )
        return file.getvalue()


def map_of(seen: SeenLayer, bed: Mask, unsure_below: float) -> LayerMap:
    """The map of a layer; `bed` is bool [h, w] at the tracker's size."""
    return LayerMap(
        probs=_in_255(seen.surface.probs),
        exposed=_in_255(exposed_cells(seen, bed)),
        class_ids=seen.surface.class_ids,
        stride=seen.surface.stride,
        size=seen.size,
        unsure_below=unsure_below,
    )


def read_map(data: bytes) -> LayerMap:
    """The map that `to_bytes` wrote. Raises LayerMapError for anything else."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as packed:
            if sum(entry.file_size for entry in packed.infolist()) > _LARGEST:
                raise LayerMapError(f"no map of a layer (it unpacks to more than {_LARGEST >> 20} MiB)")
        with np.load(io.BytesIO(data), allow_pickle=False) as file:
            stride, height, width = (int(number) for number in file["numbers"])
            found = LayerMap(
                probs=file["probs"],
                exposed=file["exposed"],
                class_ids=tuple(str(name) for name in file["class_ids"]),
                stride=stride,
                size=(height, width),
                unsure_below=float(file["unsure_below"]),
            )
    except (ValueError, KeyError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise LayerMapError(f"no map of a layer ({type(error).__name__}: {error})") from None
    cells = found.probs.shape[1:]
    fits = found.exposed.shape == cells and len(found.class_ids) == len(found.probs) and found.probs.dtype == np.uint8
    sides = fits and all(
        0 < side <= count * stride <= _LARGEST_SIDE + stride for side, count in zip(found.size, cells, strict=True)
    )
    if not sides:
        raise LayerMapError("no map of a layer (its grids, classes and size do not fit together)")
    return found


def parts_of_regions(of: LayerMap, regions: Sequence[Region], taxonomy: Taxonomy) -> tuple[dict[str, float], ...]:
    """For every region, which share 0..1 of each class that the layer counts lies in it, UNKNOWN among them.

    Where regions overlap the later one has it, as paint does.
    """
    weight = of.weight(taxonomy)
    counted, _ = counted_cells(of.surface, weight, taxonomy, unsure_below=of.unsure_below)
    counted[UNKNOWN] = np.maximum(0.0, weight - np.sum(list(counted.values()), axis=0))
    totals = {name: float(cells.sum(dtype=np.float64)) for name, cells in counted.items()}
    number_of = painted(of.size, regions)
    found = []
    for number in range(1, len(regions) + 1):
        cover = _cover(of, number_of == number)
        inside = {name: float((cells * cover).sum(dtype=np.float64)) for name, cells in counted.items()}
        found.append({name: min(1.0, inside[name] / totals[name]) for name in sorted(inside) if inside[name] > 0})
    return tuple(found)


def painted(size: tuple[int, int], regions: Sequence[Region]) -> NDArray[np.int32]:
    """The number, from 1, of the region that every pixel of a picture of `size` (height, width) lies in: int32 [H, W],
    0 where there is none; where regions overlap the later one has it."""
    height, width = size
    number_of = np.zeros((height, width), np.int32)
    for number, region in enumerate(regions, 1):
        line = np.array([[round(x * width), round(y * height)] for x, y in region.points], np.int32)
        if region.radius is None:
            cv2.fillPoly(number_of, [line], number)
            continue
        radius = max(1, round(region.radius * width))
        cv2.polylines(number_of, [line], isClosed=False, color=number, thickness=2 * radius)
        for x, y in line.tolist():
            cv2.circle(number_of, (x, y), radius, number, -1)
    return number_of


def _cover(of: LayerMap, inside: NDArray[np.bool_]) -> Grid:
    """The share of every cell that a mask of the picture covers."""
    _, rows, columns = of.probs.shape
    height, width = of.size
    pixels = np.zeros((rows * of.stride, columns * of.stride), np.float32)
    pixels[:height, :width] = inside
    cells = pixels.reshape(rows, of.stride, columns, of.stride)
    there = np.zeros_like(pixels)
    there[:height, :width] = 1.0
    # The last row and column may reach past the picture: what counts is the part of a cell that is there.
    whole = np.maximum(there.reshape(cells.shape).mean(axis=(1, 3)), 1e-6)
    return np.asarray(cells.mean(axis=(1, 3)) / whole, np.float32)


def _in_255(share: Grid) -> Cells:
    return np.asarray(np.rint(np.clip(share, 0.0, 1.0) * _FULL), np.uint8)


def likeliest(of: LayerMap, number: int) -> tuple[Cells, Cells]:
    """The `number` likeliest classes of every cell, as places in `class_ids`, and their probabilities in 1/255.

    Both uint8 [number, GH, GW], the likeliest first.
    """
    order = np.argsort(-of.probs.astype(np.int16), axis=0, kind="stable")[:number]
    return np.asarray(order, np.uint8), np.asarray(np.take_along_axis(of.probs, order, axis=0), np.uint8)
