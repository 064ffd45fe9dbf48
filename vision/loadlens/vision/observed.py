"""What has been seen of a load watched to its end, and the pictures that show it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from loadlens.grading.observation import LoadObservation, number_of
from loadlens.vision.bed import Bed
from loadlens.vision.layer import Mask, SeenLayer, graded_cells
from loadlens.vision.layer_map import LayerMap, map_of
from loadlens.vision.overlay import draw_layer
from loadlens.vision.taxonomy import load_taxonomy
from loadlens.vision.trace import Trace

Picture = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class LayerPicture:
    """The evidence of one layer: the picture the model saw and the same picture drawn on, uint8 [H, W, 3] RGB, and
    the map of what was seen where."""

    index: int
    rgb: Picture
    overlay: Picture
    map: LayerMap


@dataclass(frozen=True, slots=True)
class Observed:
    """A load that has been watched to its end: what was seen, what that rests on beside the model, and a way to draw
    it, one layer at a time."""

    observation: LoadObservation
    trace: Trace
    bed: Bed | None
    _seen: tuple[tuple[int, SeenLayer], ...]
    _bed_mask: Mask
    _unsure_below: float

    def pictures(self, numbers: Mapping[int, int] | None = None) -> Iterator[LayerPicture]:
        """Draw the layers in order, each when it is asked for; with `numbers` only those it names, numbered anew."""
        taxonomy = load_taxonomy()
        for own_index, seen in self._seen:
            if numbers is not None and own_index not in numbers:
                continue
            index = own_index if numbers is None else numbers[own_index]
            bgr = np.asarray(cv2.imdecode(np.frombuffer(seen.jpeg, np.uint8), cv2.IMREAD_COLOR), np.uint8)
            rgb = cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB)
            overlay = draw_layer(
                np.asarray(rgb, np.uint8),
                seen.surface,
                graded_cells(seen, self._bed_mask, taxonomy),
                seen.hazards,
                unsure_below=self._unsure_below,
                source_width=self.trace.frame_size[0],
                title=f"Layer {number_of(index)} 第{number_of(index)}层   {seen.key_frame_s:.1f} s",
                taxonomy=taxonomy,
            )
            yield LayerPicture(
                index, np.asarray(rgb, np.uint8), overlay, map_of(seen, self._bed_mask, self._unsure_below)
            )
