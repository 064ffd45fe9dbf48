"""From a stream of frames to layers: when the surface lies still, and what of it was not seen before.

Everything happens on a small grey picture. A *rest* is a stretch in which nothing larger than a speck moves; at its
end its clearest frame is handed out for the model to look at, with what changed since the last graded surface. The
caller then says what hides the surface (the magnet, a person) and gets back what is newly exposed. The reference keeps
the old surface wherever something hid the new one, so what was graded once and is uncovered again is not new.

Change is a loss of local structure (the structure term of SSIM, Wang et al. 2004), which light that drifts does not
alter, or a clear jump of brightness where there is no structure.
"""

from collections import deque
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from loadlens.vision.stillness import JUMP, Grid, Luma, smoothed, structure, unlike

Mask = NDArray[np.bool_]

# Tuned on rendered clips of the seeds below 1000 only; the clips that are measured have other seeds and photos.
_LEAST_REST_S = 1.0
_EDGE_S = 0.35  # the first and last moments of a rest may still show the tool coming or going
LONGEST_GAP_S = 1.5  # a camera that was away this long may have missed a grab
_MOVING_SHARE = 0.004  # of the watched area, in one piece
_CHANGED_BELOW = 0.45
_DOUBTFUL_FROM = 0.4
_LEAST_NEW_SHARE = 0.008
_LEAST_PIECE_SHARE = 0.0015
_LARGEST_SHIFT = 8.0  # pixels of the small picture


class Timed(Protocol):
    """What the tracker hands back as it was given: anything with a time."""

    @property
    def time_s(self) -> float:
        """Seconds from the start of the source."""
        ...


F = TypeVar("F", bound=Timed)


@dataclass(frozen=True, slots=True)
class Settled(Generic[F]):
    """A surface at rest: `frame` is its clearest picture, `changed` (bool [h, w]) what differs from what was graded.

    `structure` is how alike old and new are, float32 [h, w], 1 = the same; `luma` the mean picture of the rest.
    """

    frame: F
    start_s: float
    end_s: float
    key_frame_s: float
    changed: Mask
    structure: Grid
    luma: Grid


@dataclass(frozen=True, slots=True)
class Exposed:
    """What a layer is graded by: `new` is newly exposed, `doubtful` the part of it that may have been seen before."""

    new: Mask
    doubtful: Mask


@dataclass(slots=True)
class _Rest(Generic[F]):
    """A stretch without movement that is still going on."""

    start_s: float
    last_s: float
    total: Grid
    count: int
    waiting: deque[tuple[F, float]]
    best: tuple[F, float] | None = None


class LayerTracker(Generic[F]):
    """Watches small grey pictures of one camera; see the module.

    `longest_unrest_s` is for how long nothing lay still at most, `gaps` how often the camera was away for longer than
    LONGEST_GAP_S.
    """

    def __init__(self, shape: tuple[int, int], *, bed_mask: Mask | None = None) -> None:
        self._watched = np.ones(shape, np.bool_) if bed_mask is None else bed_mask
        self._area = max(1, int(self._watched.sum()))
        self._previous: Grid | None = None
        self._previous_s = -np.inf
        self._rest: _Rest[F] | None = None
        self._graded = np.zeros(shape, np.float32)
        self._known = np.zeros(shape, np.bool_)
        self._moving_since: float | None = None
        self.longest_unrest_s = 0.0
        self.gaps = 0

    def push(self, time_s: float, luma: Luma, frame: F, *, unbroken: bool = False) -> Settled[F] | None:
        """Take the next picture, uint8 [h, w]; a rest that it ends comes back. Times never go back.

        `unbroken` says that the camera was there all the time since the last picture, however long ago that was.
        """
        small = smoothed(luma)
        if self._previous is None or (time_s - self._previous_s > LONGEST_GAP_S and not unbroken):
            self.gaps += self._previous is not None
            ended = self._end_rest()
        else:
            still = not self._moves(self._previous, small)
            ended = None if still else self._end_rest()
            self._note_unrest(time_s, still)
            if still:
                self._go_on(time_s, small, frame)
        self._previous, self._previous_s = small, time_s
        return ended

    @property
    def moving(self) -> bool:
        """Whether something moved up to the last picture, or nothing can be said yet."""
        return self._rest is None

    @property
    def resting(self) -> F | None:
        """The clearest frame so far of the rest that goes on: that which will be handed out, if none is clearer."""
        return self._rest.best[0] if self._rest is not None and self._rest.best is not None else None

    def new_so_far(self, hidden: Mask) -> Mask:
        """What of the rest that goes on is not as it was graded, given what hides it; bool [h, w] like `hidden`."""
        if self._rest is None:
            return np.zeros_like(hidden)
        changed, _ = self._changed(self._aligned(np.asarray(self._rest.total / self._rest.count, np.float32)))
        return changed & ~widened(hidden) & self._watched

    def close(self) -> Settled[F] | None:
        """The source has ended; a rest that was going on comes back."""
        return self._end_rest()

    def accept(self, settled: Settled[F], hidden: Mask) -> Exposed | None:
        """What of a settled surface is new, given what hides it (bool [h, w]); None where that is next to nothing.

        Call it at most once for every settled surface, in order: it becomes the surface that later ones are compared
        with. A surface that is not accepted stays unseen.
        """
        visible = ~widened(hidden)
        new = _without_specks(settled.changed & visible & self._watched, _LEAST_PIECE_SHARE * self._area)
        doubtful = new & self._known & (cv2.blur(settled.structure, (15, 15)) > _DOUBTFUL_FROM)
        self._graded = np.where(visible, settled.luma, self._graded)
        self._known = self._known | visible
        if new.sum() < _LEAST_NEW_SHARE * self._area:
            return None
        return Exposed(new, doubtful)

    def _moves(self, before: Grid, now: Grid) -> bool:
        opened = cv2.morphologyEx(
            (unlike(before, now) & self._watched).astype(np.uint8), cv2.MORPH_OPEN, np.ones((3, 3), np.uint8)
        )
        count, _, stats, _ = cv2.connectedComponentsWithStats(opened)
        return count > 1 and int(stats[1:, cv2.CC_STAT_AREA].max()) > _MOVING_SHARE * self._area

    def _note_unrest(self, time_s: float, still: bool) -> None:
        if still:
            self._moving_since = None
            return
        if self._moving_since is None:
            self._moving_since = self._previous_s
        self.longest_unrest_s = max(self.longest_unrest_s, time_s - self._moving_since)

    def _go_on(self, time_s: float, small: Grid, frame: F) -> None:
        """The picture belongs to a rest; of those well inside it the clearest is kept."""
        if self._rest is None:
            self._rest = _Rest(time_s, time_s, np.zeros_like(small), 0, deque())
        rest = self._rest
        rest.last_s = time_s
        rest.total += small
        rest.count += 1
        if time_s - rest.start_s >= _EDGE_S:
            rest.waiting.append((frame, float(cv2.Laplacian(small, cv2.CV_32F).var())))
        while rest.waiting and rest.waiting[0][0].time_s <= time_s - _EDGE_S:
            candidate = rest.waiting.popleft()
            # Only a clear gain replaces the first good picture: rain and noise look like sharpness.
            if rest.best is None or candidate[1] > 1.3 * rest.best[1]:
                rest.best = candidate

    def _end_rest(self) -> Settled[F] | None:
        rest, self._rest = self._rest, None
        if rest is None or rest.best is None or rest.last_s - rest.start_s < _LEAST_REST_S:
            return None
        frame = rest.best[0]
        luma = self._aligned(np.asarray(rest.total / rest.count, np.float32))
        changed, alike = self._changed(luma)
        return Settled(frame, rest.start_s, rest.last_s, frame.time_s, changed, alike, luma)

    def _aligned(self, luma: Grid) -> Grid:
        """The picture moved onto the graded one, where the camera has been pushed."""
        if not self._known.any():
            return luma
        window = cv2.createHanningWindow(luma.shape[::-1], cv2.CV_32F)
        edges = [cv2.Laplacian(picture, cv2.CV_32F, ksize=3) for picture in (self._graded, luma)]
        (x, y), response = cv2.phaseCorrelate(edges[0], edges[1], window)
        if response < 0.15 or max(abs(x), abs(y)) > _LARGEST_SHIFT or max(abs(x), abs(y)) < 0.4:
            return luma
        matrix = np.array([[1, 0, -x], [0, 1, -y]])
        return np.asarray(cv2.warpAffine(luma, matrix, luma.shape[::-1], borderMode=cv2.BORDER_REPLICATE), np.float32)

    def _changed(self, luma: Grid) -> tuple[Mask, Grid]:
        if not self._known.any():
            return np.ones(luma.shape, np.bool_), np.zeros(luma.shape, np.float32)
        alike = structure(self._graded, luma)
        # The overall light is taken out with the median ratio over what did not change.
        same = self._known & (alike > 0.7)
        ratio = float(np.median((luma[same] + 1) / (self._graded[same] + 1))) if same.sum() > 50 else 1.0
        jump = np.abs(cv2.blur(luma, (9, 9)) - cv2.blur(self._graded, (9, 9)) * ratio) > JUMP
        changed = ((alike < _CHANGED_BELOW) | jump | ~self._known).astype(np.uint8)
        closed = cv2.morphologyEx(changed, cv2.MORPH_CLOSE, np.ones((5, 5), np.uint8))
        opened = cv2.morphologyEx(closed, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
        return opened.astype(bool), alike


def widened(hidden: Mask) -> Mask:
    """What is left out of grading where something hides the surface: a little more than the thing, bool [h, w].

    The rim of a tool is easily taken for scrap; what lies beside it is left for later.
    """
    return np.asarray(cv2.dilate(hidden.astype(np.uint8), np.ones((7, 7), np.uint8)), np.bool_)


def _without_specks(mask: Mask, least: float) -> Mask:
    count, label, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8))
    kept = np.zeros(count, np.bool_)
    kept[1:] = stats[1:, cv2.CC_STAT_AREA] >= least
    return np.asarray(kept[label], np.bool_)
