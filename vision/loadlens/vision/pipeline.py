"""The whole way from frames to observations.

A cheap tracker watches every frame; the model looks at every surface that comes to rest, and for hazards, whose alarm
waits for neither layer nor load, within a second of anything that the picture it last looked at did not show.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from loadlens.grading.observation import Doubt, HazardSighting, LoadObservation
from loadlens.vision.bed import Bed
from loadlens.vision.colour import has_cast
from loadlens.vision.frame import Frame
from loadlens.vision.hazards import find_hazards
from loadlens.vision.image import scale_for
from loadlens.vision.known_hazards import KnownHazards
from loadlens.vision.layer import SeenLayer, occluded
from loadlens.vision.model import SurfaceModel
from loadlens.vision.observed import Observed
from loadlens.vision.quality import FrozenWatch, measure_quality
from loadlens.vision.source import read_frames
from loadlens.vision.stillness import LUMA_WIDTH, Grid, differ, smoothed
from loadlens.vision.summing import sum_layers, weak_alarms
from loadlens.vision.surface import Surface
from loadlens.vision.taxonomy import Taxonomy, load_taxonomy
from loadlens.vision.trace import Trace
from loadlens.vision.tracker import LONGEST_GAP_S, LayerTracker, Settled
from loadlens.vision.video import source_name

Picture = NDArray[np.uint8]

# How often to look for hazards while something moves or anything is new, and in any case.
_LOOK_EVERY_S = 1.0
_LOOK_ANYWAY_S = 30.0
# How much the newest picture counts in the mean of a rest: rain and a mast that shakes fade, what stays has reached
# nine tenths of itself within a second at five pictures a second.
_NEWEST = 0.4
# Grabs take 20 to 60 s each in a yard; movement for longer than two of them may hide a whole layer.
_LONG_UNREST_S = 120.0


@dataclass(frozen=True, slots=True)
class FrameLook:
    """What the model saw of a frame: the picture it was shown, uint8 [H, W, 3] RGB, and what it made of it."""

    frame: Frame
    surface: Surface
    rgb: Picture
    hazards: tuple[HazardSighting, ...]

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the picture in pixels."""
        return self.rgb.shape[0], self.rgb.shape[1]


def picture_for_model(frame: Frame, width: int) -> Picture:
    """The frame as a model wants to see it that was trained on pictures `width` pixels wide: RGB uint8, same shape."""
    rgb = frame.rgb(scale_for(frame.width, width))
    if rgb.shape[1] == width:
        return rgb
    height = max(1, round(rgb.shape[0] * width / rgb.shape[1]))
    shrinks = rgb.shape[1] > width
    resized = cv2.resize(rgb, (width, height), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
    return np.asarray(resized, np.uint8)


def look_at(frame: Frame, model: SurfaceModel) -> FrameLook:
    """Show a frame to a model."""
    rgb = picture_for_model(frame, model.metadata.trained_width)
    surface = model.look(rgb)
    hazards = find_hazards(
        surface,
        thresholds=model.metadata.hazard_thresholds,
        frame_s=frame.time_s,
        frame_sha256=frame.sha256,
        scale=frame.width / rgb.shape[1],
    )
    return FrameLook(frame, surface, rgb, hazards)


class Unloading:
    """One load watched by one camera: push frames as they come, finish when the truck is empty."""

    def __init__(
        self,
        model: SurfaceModel,
        *,
        bed: Bed | None = None,
        load_id: str = "",
        source: str = "",
        started_at: str | None = None,
    ) -> None:
        self._model = model
        self._given_bed = bed
        self._load_id = load_id
        self._source = source
        self._started_at = started_at or datetime.now(UTC).isoformat(timespec="seconds")
        self._taxonomy: Taxonomy = load_taxonomy()
        self._tracker: LayerTracker[Frame] | None = None
        self._frozen = FrozenWatch()
        self._layers: list[SeenLayer] = []
        self._hazards = KnownHazards((0, 0))
        self._doubts: dict[str, Doubt] = {}
        self._poor: dict[str, int] = {}
        self._frame_size = (0, 0)
        self._looked_s = -np.inf
        self._calm: Grid | None = None  # the mean picture of a rest
        self._looked_at: Grid | None = None  # what it was at the last look
        self._at_rest: FrameLook | None = None
        self.frames_seen = 0
        self.frames_used = 0

    @property
    def layers_so_far(self) -> int:
        """How many layers have settled and been looked at."""
        return len(self._layers)

    @property
    def hazards(self) -> tuple[HazardSighting, ...]:
        """Every hazard seen so far, one entry per thing and place."""
        return self._hazards.since(0)

    def so_far(self) -> LoadObservation:
        """What the layers that have settled show, for whoever watches; what is seen later does not depend on it."""
        return sum_layers(self._trace(), self._layers, self._model).observation

    def push(self, frame: Frame) -> tuple[HazardSighting, ...]:
        """Take the next frame in time; returns the hazards that this frame raised for the first time.

        In a frame of another size than the first one, nothing but hazards is looked for.
        """
        known = len(self._hazards)
        self.frames_seen += 1
        luma = frame.luma(LUMA_WIDTH)
        if self._tracker is None:
            self._start(frame, luma.shape)
        if (frozen := self._frozen.push(frame.time_s, luma)) is not None:
            self._doubts[frozen.code] = frozen
        quality = measure_quality(luma)
        for reason in quality.reasons:
            self._poor[reason.code] = self._poor.get(reason.code, 0) + 1
            self._doubts.setdefault(reason.code, reason)
        if quality.usable and (frame.width, frame.height) == self._frame_size:
            self._watch(frame, luma)
        elif quality.usable and not 0 <= frame.time_s - self._looked_s < _LOOK_EVERY_S:
            self._look(frame)
        return self._hazards.since(known)

    def _start(self, frame: Frame, shape: tuple[int, ...]) -> None:
        self._frame_size = (frame.width, frame.height)
        self._hazards = KnownHazards(self._frame_size)
        if self._given_bed is not None:
            self._given_bed.fits(frame.width, frame.height)
        mask = self._given_bed.mask((shape[0], shape[1]), self._frame_size) if self._given_bed else None
        self._tracker = LayerTracker((shape[0], shape[1]), bed_mask=mask)

    def _watch(self, frame: Frame, luma: Picture) -> None:
        tracker = self._running_tracker()
        settled = tracker.push(frame.time_s, luma, frame, unbroken=frame.unbroken)
        if settled is not None:
            self._look_at_settled(settled)
        self._note_calm(smoothed(luma), moving=tracker.moving)
        resting = tracker.resting
        if resting is not None and (self._at_rest is None or self._at_rest.frame is not resting):
            self._at_rest = self._look(resting)
            self._tell_apart(self._at_rest)
        elif self._is_due(frame.time_s):
            self._look(frame)

    def _tell_apart(self, look: FrameLook) -> None:
        """Know a thing in the place of one that was taken away as soon as the surface lies still: the end of the rest,
        when the tool comes again, is too late for its alarm."""
        if self._layers and look.hazards and not has_cast(look.rgb):
            shape = self._layers[0].new.shape
            hidden = occluded(look.surface, self._taxonomy, look.size, (shape[0], shape[1]))
            new = self._running_tracker().new_so_far(hidden)
            self._hazards.uncover(new, self._layers[-1].end_s, look.rgb)
            self._hazards.see(look.hazards, look.rgb)

    def _note_calm(self, small: Grid, *, moving: bool) -> None:
        if moving or self._calm is None:
            self._calm = None if moving else small
        else:
            self._calm = np.asarray(self._calm + _NEWEST * (small - self._calm), np.float32)

    def _is_due(self, time_s: float) -> bool:
        """Whether to look for hazards: while something moves, and where a rest shows anything new, down to a speck."""
        since_s = time_s - self._looked_s
        if not 0 <= since_s < _LOOK_ANYWAY_S:
            return True
        new = self._calm is None or self._looked_at is None or differ(self._looked_at, self._calm)
        return since_s >= _LOOK_EVERY_S and new

    def _running_tracker(self) -> LayerTracker[Frame]:
        if self._tracker is None:
            raise RuntimeError("push a frame first: the tracker takes its size from it")
        return self._tracker

    def _look(self, frame: Frame) -> FrameLook:
        look = look_at(frame, self._model)
        if has_cast(look.rgb):
            self._doubt(
                "colour_cast", "the camera's colours were false (a magenta cast); what lay open then is not graded"
            )
        self._looked_s, self._looked_at = max(self._looked_s, frame.time_s), self._calm
        self.frames_used += 1
        self._hazards.see([self._placed(hazard, frame) for hazard in look.hazards], look.rgb)
        return look

    def _placed(self, hazard: HazardSighting, frame: Frame) -> HazardSighting:
        """A sighting with its box in pixels of the first frame, to which all others belong."""
        if (frame.width, frame.height) == self._frame_size:
            return hazard
        across, down = self._frame_size[0] / frame.width, self._frame_size[1] / frame.height
        x, y, w, h = hazard.box
        return replace(hazard, box=(round(x * across), round(y * down), round(w * across), round(h * down)))

    def _look_at_settled(self, settled: Settled[Frame]) -> None:
        frame = settled.frame
        known = self._at_rest
        look = known if known is not None and known.frame is frame else self._look(frame)
        surface, rgb = look.surface, look.rgb
        if has_cast(rgb):
            return  # the surface stays unseen, and counts as new once the camera is sound again
        hidden = occluded(surface, self._taxonomy, look.size, settled.changed.shape)
        exposed = self._running_tracker().accept(settled, hidden)
        if exposed is None:
            return
        if self._layers:
            self._hazards.uncover(exposed.new, self._layers[-1].end_s, rgb)
            self._hazards.see(look.hazards, rgb)
        encoded, jpeg = cv2.imencode(".jpg", cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, 90])
        if not encoded:
            raise RuntimeError(f"the key frame at {frame.time_s:.1f} s could not be encoded as JPEG")
        self._layers.append(
            SeenLayer(
                start_s=settled.start_s,
                end_s=settled.end_s,
                key_frame_s=settled.key_frame_s,
                key_frame_sha256=frame.sha256,
                surface=surface,
                new=exposed.new,
                doubtful=exposed.doubtful,
                hidden=hidden,
                jpeg=jpeg.tobytes(),
                size=look.size,
            )
        )

    def _doubt(self, code: str, why: str) -> None:
        self._doubts.setdefault(code, Doubt(code, why))

    def finish(self, doubts: Iterable[Doubt] = ()) -> Observed:
        """Close the load: settle what is still open, find the bed, and sum every layer.

        `doubts` are what the frame source has to say (frames lost, stream cut).
        """
        if self._tracker is not None and (settled := self._tracker.close()) is not None:
            self._look_at_settled(settled)
        for doubt in doubts:
            self._doubts.setdefault(doubt.code, doubt)
        self._count_poor_frames()
        if self._tracker is not None and not self._layers and 2 * self._tracker.gaps > self.frames_seen:
            self._doubt(
                "frames_far_apart",
                f"most frames came more than {LONGEST_GAP_S} s after the one before, too late to tell whether anything "
                "lay still; record more often",
            )
        unrest = self._tracker.longest_unrest_s if self._tracker else 0.0
        if unrest > _LONG_UNREST_S:
            self._doubt(
                "never_at_rest",
                f"for {unrest:.0f} s on end nothing lay still long enough to be graded; layers may have been missed",
            )
        return sum_layers(self._trace(), self._layers, self._model, weak_alarms(self._model.metadata))

    def _count_poor_frames(self) -> None:
        for code, count in self._poor.items():
            doubt = self._doubts[code]
            self._doubts[code] = replace(doubt, why=f"{doubt.why} ({count} of {self.frames_seen} frames)")

    def _trace(self) -> Trace:
        return Trace(
            load_id=self._load_id,
            source=self._source,
            started_at=self._started_at,
            frame_size=self._frame_size,
            frames_seen=self.frames_seen,
            frames_used=self.frames_used,
            bed=self._given_bed,
            hazards=self.hazards,
            doubts=tuple(self._doubts.values()),
            layers=tuple(self._layers),
        )


def observe_source(
    source: str | Path,
    model: SurfaceModel,
    *,
    bed: Bed | None = None,
    camera: str = "",
    load_id: str = "",
    started_at: str | None = None,
    progress: Callable[[Frame], None] | None = None,
    ended: Callable[[], bool] = lambda: False,
) -> Observed:
    """Watch a video file, a folder of frames or a stream to its end, a stream at most until `ended` says so.

    `progress` is called with every frame. Raises SourceError where the source cannot be read, BedError where the
    given bed does not lie in its frames.
    """
    unloading = Unloading(model, bed=bed, load_id=load_id, source=source_name(source), started_at=started_at)
    reader = read_frames(source, camera=camera, skip_still=True, ended=ended)
    for frame in reader:
        unloading.push(frame)
        if progress is not None:
            progress(frame)
    return unloading.finish(reader.doubts)
