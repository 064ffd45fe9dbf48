"""One load while it is unloaded, as all of its cameras see it."""

import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from loadlens.grading.fusion import fuse
from loadlens.grading.observation import HazardSighting, LoadObservation
from loadlens.serving.live import LiveView
from loadlens.serving.store.tables import StoredFrame
from loadlens.vision.image import EncodedImage
from loadlens.vision.observed import LayerPicture, Observed
from loadlens.vision.pipeline import Unloading
from loadlens.vision.trace import traces_to_bytes


@dataclass(frozen=True, slots=True)
class SeenLoad:
    """A load that was watched to its end: the fused observation, and the picture that is evidence of each layer."""

    observation: LoadObservation
    _observed: Mapping[str, Observed]
    _shown: tuple[tuple[str, int], ...]

    @property
    def trace(self) -> bytes:
        """What every camera's view rests on beside the model."""
        return traces_to_bytes({camera: observed.trace for camera, observed in self._observed.items()})

    def pictures(self) -> Iterator[tuple[str, LayerPicture]]:
        """Draw the layers, each as the camera shows it that saw most of it, and name that camera."""
        for camera, observed in self._observed.items():
            numbers = {index: number for number, (shown_by, index) in enumerate(self._shown) if shown_by == camera}
            yield from ((camera, picture) for picture in observed.pictures(numbers))


class LiveLoad:
    """The views of a load by camera; a camera is known from its first frame on.

    One thread feeds and finishes; any may ask.
    """

    def __init__(
        self, begin: Callable[[StoredFrame | None], Unloading], read: Callable[[StoredFrame], EncodedImage]
    ) -> None:
        """`begin` starts to watch at a camera's first frame (None: there is none); `read` gives the picture of one."""
        self._begin = begin
        self._read = read
        self.views: dict[str, LiveView] = {}
        self._looking = threading.Lock()
        self._summed: tuple[int, LoadObservation | None] = (0, None)

    def view(self, camera: str, first: int) -> LiveView:
        """The view of one camera, whose frames of this load begin with number `first`."""
        if camera not in self.views:
            self.views[camera] = LiveView(self._begin, self._read, first)
        return self.views[camera]

    @property
    def watched(self) -> int:
        """How many frames were looked at."""
        return sum(len(view.fed) for view in list(self.views.values()))

    @property
    def layers_so_far(self) -> int:
        """How many layers have settled, before those that several cameras saw are counted once."""
        return sum(view.layers_so_far for view in list(self.views.values()))

    def feed(self, view: LiveView, stored: StoredFrame) -> tuple[HazardSighting, ...]:
        """Show one frame to the eye of a view; returns the hazards that it raised for the first time."""
        with self._looking:
            return view.feed(stored)

    def so_far(self) -> LoadObservation | None:
        """What the settled layers show: for whoever watches, not for the assessment. None before there is one.

        Summed up when it is asked for, once a layer; waits for the frame in hand.
        """
        with self._looking:
            if self._summed[0] != self.layers_so_far:
                seen = {camera: view.so_far() for camera, view in self.views.items()}
                known = {camera: observation for camera, observation in seen.items() if observation is not None}
                self._summed = self.layers_so_far, fuse(known).observation
            return self._summed[1]

    def last_seen(self) -> dict[str, int]:
        """The number of the newest frame that was looked at, by camera."""
        return {camera: view.last for camera, view in list(self.views.items())}

    def finish(self, late: Mapping[str, int]) -> SeenLoad:
        """End the watching; `late` is how many frames of each camera came after the close."""
        if self.views:
            views = {camera: self.views[camera] for camera in sorted(self.views)}
        else:
            views = {"": LiveView(self._begin, self._read, 0)}
        with self._looking:
            observed = {camera: view.finish(late.get(camera, 0)) for camera, view in views.items()}
        fused = fuse({camera: seen.observation for camera, seen in observed.items()})
        return SeenLoad(fused.observation, observed, fused.shown)
