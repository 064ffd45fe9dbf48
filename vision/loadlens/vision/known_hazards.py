"""The dangerous things that were seen on a load, told apart.

One that goes on lying there is one, whatever is taken away around it; what lies in its place afterwards is another.
"""

from collections.abc import Iterable

import cv2
import numpy as np
from numpy.typing import NDArray

from loadlens.grading.observation import HazardSighting
from loadlens.vision.hazards import Box, merge_sightings
from loadlens.vision.layer import Mask
from loadlens.vision.stillness import Luma, share_alike

Picture = NDArray[np.uint8]

# How things look is compared in grey pictures so wide: half of what the model sees, in which most of the noise is gone.
_GREY_WIDTH = 480
# A box is as coarse as the model's cells, and a thing that lies askew fills a part of it: where all around it was taken
# away most of the box is new, but this share of it still looks as it did. Chosen on 64 rendered loads; on 48 others 24
# of 24 things that lay still raised one alarm (12 by what is new alone), 23 of 24 that were replaced raised two.
_STILL_THERE = 0.2


class KnownHazards:
    """The dangerous things seen on a load, in the order in which they came to light.

    A thing is known again by its class and its place until its surface is taken away. What is seen in that place
    afterwards is another, and raises an alarm of its own. `frame_size` is the width and height in pixels of the frames
    that boxes belong to.
    """

    def __init__(self, frame_size: tuple[int, int]) -> None:
        self._frame_size = frame_size
        self._things: list[HazardSighting] = []
        self._looks: list[Luma] = []  # the picture in which each came to light
        self._gone: set[int] = set()

    def __len__(self) -> int:
        return len(self._things)

    def since(self, number: int) -> tuple[HazardSighting, ...]:
        """The things that came to light after the first `number`."""
        return tuple(self._things[number:])

    def see(self, sightings: Iterable[HazardSighting], rgb: Picture) -> None:
        """Note what was seen in a frame; `rgb` is all of it, uint8 [H, W, 3] of any size."""
        there = [place for place in range(len(self._things)) if place not in self._gone]
        merged = merge_sightings([self._things[place] for place in there], sightings)
        for place, thing in zip(there, merged, strict=False):
            self._things[place] = thing
        if new := merged[len(there) :]:
            self._things += new
            self._looks += [self._grey(rgb)] * len(new)

    def uncover(self, new: Mask, until_s: float, rgb: Picture) -> None:
        """Note that another surface lies open, which `rgb` shows and of which `new` (bool [h, w]) was not seen before.

        What was seen until the end of the last one, at `until_s`, is gone where most of its box is new and hardly
        anything in it looks as it did.
        """
        grey = self._grey(rgb)
        for place, thing in enumerate(self._things):
            if place in self._gone or thing.frame_s > until_s or new[self._cut(thing.box, new)].mean() <= 0.5:
                continue
            if share_alike(self._looks[place], grey, self._cut(thing.box, grey)) < _STILL_THERE:
                self._gone.add(place)

    def _grey(self, rgb: Picture) -> Luma:
        width, height = self._frame_size
        size = (_GREY_WIDTH, max(1, round(_GREY_WIDTH * height / width)))
        grey = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)
        return np.asarray(cv2.resize(grey, size, interpolation=cv2.INTER_AREA), np.uint8)

    def _cut(self, box: Box, picture: Mask | Luma) -> tuple[slice, slice]:
        """The rows and columns of a box in a picture of the whole frame; at least one each."""
        (height, width), (x, y, w, h) = picture.shape, box
        across, down = width / self._frame_size[0], height / self._frame_size[1]
        left, top = min(int(x * across), width - 1), min(int(y * down), height - 1)
        return slice(top, int(np.ceil((y + h) * down))), slice(left, int(np.ceil((x + w) * across)))
