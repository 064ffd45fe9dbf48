"""Near the camera: keep the frames that tell something, drop those that repeat one that was kept.

A hazard cannot be seen here, so whatever shows anything that the last kept frame did not show is kept, down to a speck
of 3 x 3 pixels of the small grey picture (12 mm of a 1 m wide view, 160 mm of 13 m). Of a picture that stands still the
first seconds are kept, because the grading calls a surface settled only after a second of frames close together; then
one frame at every heartbeat, so that the server knows that nothing happened. What is unusable by `measure_quality` is
not looked at by the server either.
"""

from collections import Counter
from dataclasses import dataclass

from loadlens.vision.quality import measure_quality
from loadlens.vision.stillness import Grid, Luma, differ, smoothed

# The tracker wants rests of 1 s without their rims. None of their frames may be dropped: a person who walks by moves
# little between two frames, but further than a rest allows between every other one.
_REST_KEPT_S = 3.0


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a frame is kept, and why: in one word."""

    kept: bool
    why: str


class Gate:
    """Judges the frames of one camera in order.

    Kept are `first`, `moving` (something moves), `changed` (it has come to lie), `rest` (it goes on lying) and
    `heartbeat`; dropped are `same` and `unusable`. `counts` says how many of each.
    """

    def __init__(self, heartbeat_s: float) -> None:
        self._heartbeat_s = heartbeat_s
        self._previous: Grid | None = None
        self._kept: Grid | None = None
        self._kept_s = self._changed_s = 0.0
        self.counts: Counter[str] = Counter()

    def quiet_s(self, time_s: float) -> float:
        """For how long nothing has changed."""
        return time_s - self._changed_s

    def forget(self) -> None:
        """The last kept frame could not be stored: the next is judged as if it were the first."""
        self._kept = None

    def judge(self, time_s: float, luma: Luma) -> Verdict:
        """Judge the next frame by its small grey picture, uint8 [h, w]; times in seconds, never going back."""
        verdict = self._judge(time_s, luma)
        self.counts[verdict.why] += 1
        if verdict.kept:
            self._kept_s = time_s
        return verdict

    def _judge(self, time_s: float, luma: Luma) -> Verdict:
        beats = time_s - self._kept_s >= self._heartbeat_s
        if not measure_quality(luma).usable:
            return Verdict(True, "heartbeat") if beats or not self.counts else Verdict(False, "unusable")
        small = smoothed(luma)
        previous, self._previous = self._previous, small
        if self._kept is None or previous is None or self._kept.shape != small.shape:
            return self._new(time_s, small, "first")
        if differ(self._kept, small):
            return self._new(time_s, small, "moving" if differ(previous, small) else "changed")
        if self.quiet_s(time_s) <= _REST_KEPT_S:
            return Verdict(True, "rest")
        return Verdict(True, "heartbeat") if beats else Verdict(False, "same")

    def _new(self, time_s: float, small: Grid, why: str) -> Verdict:
        self._kept, self._changed_s = small, time_s
        return Verdict(True, why)
