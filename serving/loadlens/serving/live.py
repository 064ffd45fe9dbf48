"""One camera's view of a load while it is unloaded: its frames, fed to the eye in the order of their numbers."""

from collections.abc import Callable, Sequence
from datetime import datetime

from loadlens.grading.observation import Doubt, HazardSighting, LoadObservation
from loadlens.serving.store.tables import StoredFrame
from loadlens.vision.frame import Frame
from loadlens.vision.image import EncodedImage
from loadlens.vision.observed import Observed
from loadlens.vision.pipeline import Unloading

# An alarm must not wait for a frame that may never come: this many frames behind a gap, the gap is passed over.
# Should the missing frame come after all, the load is watched again from the start when it is closed.
_WAITING_BEHIND_GAP = 25
# What lies between two frames where neither they nor their clock tell: cameras send five a second.
_USUAL_GAP_S = 0.2


class LiveView:
    """Feeds the stored frames of one camera of a load to an `Unloading`."""

    def __init__(
        self, begin: Callable[[StoredFrame | None], Unloading], read: Callable[[StoredFrame], EncodedImage], first: int
    ) -> None:
        """`begin` starts to watch at the first frame (None: there is no frame); `read` gives the picture of one.

        `first` is the number of the first frame.
        """
        self._begin = begin
        self._unloading: Unloading | None = None
        self._read = read
        self._first = first
        self._began: datetime | None = None
        self._time_s = 0.0
        self._gap_s = _USUAL_GAP_S
        self._added_s = 0.0
        self._size: tuple[int, int] | None = None
        self._other_size = 0
        self._went_back = 0
        self.fed: list[int] = []

    @property
    def last(self) -> int:
        """The number of the newest frame that was fed; one less than the first before that."""
        return self.fed[-1] if self.fed else self._first - 1

    @property
    def hazards(self) -> tuple[HazardSighting, ...]:
        """Every hazard seen so far."""
        return self._unloading.hazards if self._unloading else ()

    @property
    def layers_so_far(self) -> int:
        """How many layers have settled."""
        return self._unloading.layers_so_far if self._unloading else 0

    def so_far(self) -> LoadObservation | None:
        """What the layers that have settled show; None before there is one."""
        return self._unloading.so_far() if self._unloading and self._unloading.layers_so_far else None

    def ready(self, waiting: Sequence[StoredFrame], *, closed: bool) -> list[StoredFrame]:
        """Of the frames that wait behind the last one, in order, those that may be fed now."""
        expected = self.last + 1
        if closed or len(waiting) >= _WAITING_BEHIND_GAP:
            return list(waiting)
        return [frame for position, frame in enumerate(waiting) if frame.seq == expected + position]

    def feed(self, stored: StoredFrame) -> tuple[HazardSighting, ...]:
        """Show one frame to the eye; returns the hazards that it raised for the first time."""
        picture = self._read(stored)  # first, because it may raise, and then nothing has changed
        self._unloading = self._unloading or self._begin(stored)
        captured = datetime.fromisoformat(stored.captured_at)
        self._began = self._began or captured
        self._tell((captured - self._began).total_seconds())
        self._size = self._size or (stored.width, stored.height)
        self.fed.append(stored.seq)
        if (stored.width, stored.height) != self._size:
            self._other_size += 1
        return self._unloading.push(Frame(picture, time_s=self._time_s, camera=stored.camera))

    def _tell(self, by_clock_s: float) -> None:
        """Note when the next frame was taken. Where a clock went back, time goes on as before. Were it to stand still,
        no surface would come to rest, and no hazard be looked for, until the clock had caught up."""
        time_s = by_clock_s + self._added_s
        if time_s < self._time_s:
            self._went_back += 1
            self._added_s += self._time_s + self._gap_s - time_s
            time_s = self._time_s + self._gap_s
        elif time_s > self._time_s:
            self._gap_s = min(time_s - self._time_s, _USUAL_GAP_S)
        self._time_s = time_s

    def finish(self, late: int) -> Observed:
        """End the watching; what is doubtful about the frames is said. `late` of them came after the close."""
        doubts = []
        numbered = self.last + 1 - self._first
        if lost := numbered - len(self.fed):
            doubts.append(Doubt("frames_missing", f"{lost} of {numbered} numbered frames never arrived"))
        if late:
            doubts.append(Doubt("frames_late", f"{late} frames came after the load was closed; they were graded too"))
        if self._went_back:
            why = f"the camera's clock went back {self._went_back} times; times were made to go on"
            doubts.append(Doubt("clock_went_back", why))
        if self._other_size and self._size:
            why = f"{self._other_size} frames are not {self._size[0]} x {self._size[1]} pixels like the first one"
            doubts.append(Doubt("frame_size_changed", f"{why}; only dangerous items were looked for in them"))
        return (self._unloading or self._begin(None)).finish(doubts)
