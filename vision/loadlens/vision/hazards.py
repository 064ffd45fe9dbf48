"""The alarm path: from the surface of one frame to the dangerous things in it, one entry per thing and place."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

import cv2
import numpy as np

from loadlens.grading.observation import HazardSighting
from loadlens.vision.surface import Surface

Box = tuple[int, int, int, int]

# A thing worth an alarm is two or three cells long; single cells are the model's noise.
_LEAST_CELLS = 2

# Two boxes of one thing differ by the cell they were rounded to and by what lies over it; this much is the same thing.
_SAME_IOU = 0.2


def find_hazards(
    surface: Surface, *, thresholds: Mapping[str, float], frame_s: float, frame_sha256: str, scale: float
) -> tuple[HazardSighting, ...]:
    """Every connected patch of two cells or more that reach its hazard's threshold, one sighting each, likeliest first.

    `thresholds` gives a probability (0..1) for every hazard class to look for, `scale` the source pixels per pixel of
    the picture that the model saw. The score is the highest probability in the patch; boxes are in source pixels and
    may reach past the right and lower edge by less than a cell. Raises ValueError for a class that the surface lacks.
    """
    sightings = []
    for class_id, threshold in thresholds.items():
        plane = surface.probs[surface.class_ids.index(class_id)]
        count, labels, stats, _ = cv2.connectedComponentsWithStats(
            (plane >= threshold).astype(np.uint8), connectivity=8
        )
        for patch in range(1, count):
            if stats[patch, cv2.CC_STAT_AREA] < _LEAST_CELLS:
                continue
            left, top, width, height = (int(value) for value in stats[patch][:4])
            sightings.append(
                HazardSighting(
                    class_id=class_id,
                    score=float(plane[labels == patch].max()),
                    box=_source_box(left, top, width, height, surface.stride * scale),
                    frame_s=frame_s,
                    frame_sha256=frame_sha256,
                )
            )
    return tuple(sorted(sightings, key=lambda sighting: -sighting.score))


def merge_sightings(known: Iterable[HazardSighting], new: Iterable[HazardSighting]) -> tuple[HazardSighting, ...]:
    """The known sightings in their order, then what is new among `new`.

    The same class in the same place is one entry, which keeps the frame and box where it was first seen and takes the
    higher score. The same place: the boxes overlap by an IoU of 0.2, or the centre of one lies in the other. Of several
    there, as where one was taken away and another came to light, it is the last that was seen by then.
    """
    merged = list(known)
    for sighting in new:
        same = [
            index
            for index, other in enumerate(merged)
            if other.class_id == sighting.class_id and _same_place(other.box, sighting.box)
        ]
        if same:
            earlier = [index for index in same if merged[index].frame_s <= sighting.frame_s]
            index = max(earlier, key=lambda index: merged[index].frame_s, default=same[0])
            merged[index] = replace(merged[index], score=max(merged[index].score, sighting.score))
        else:
            merged.append(sighting)
    return tuple(merged)


def _source_box(left: int, top: int, width: int, height: int, pixels_per_cell: float) -> Box:
    x, y = round(left * pixels_per_cell), round(top * pixels_per_cell)
    return x, y, round((left + width) * pixels_per_cell) - x, round((top + height) * pixels_per_cell) - y


def _same_place(first: Box, second: Box) -> bool:
    return _iou(first, second) >= _SAME_IOU or _centre_in(first, second) or _centre_in(second, first)


def _iou(first: Box, second: Box) -> float:
    width = min(first[0] + first[2], second[0] + second[2]) - max(first[0], second[0])
    height = min(first[1] + first[3], second[1] + second[3]) - max(first[1], second[1])
    if width <= 0 or height <= 0:
        return 0.0
    return width * height / (first[2] * first[3] + second[2] * second[3] - width * height)


def _centre_in(inner: Box, outer: Box) -> bool:
    x, y = inner[0] + inner[2] / 2, inner[1] + inner[3] / 2
    return outer[0] <= x <= outer[0] + outer[2] and outer[1] <= y <= outer[1] + outer[3]
