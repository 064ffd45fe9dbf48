"""A discrete-event simulation of one server: cores that are shared, frames that arrive, one thread that looks at them.

It knows only what `capacity_constants.py` measured of single frames. Before it is believed for what nobody measured it
has to tell, for the rates that were streamed to a real server, how long acceptance took there; `capacity.py` puts both
side by side.
"""

import random
import statistics
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import simpy

# A core goes round between those who want it, in turns about as long as a scheduler gives.
_TURN_S = 0.004
# As `serving/intake.py` has them: threads that check pictures.
_HANDS = 8


@dataclass(frozen=True, slots=True)
class Costs:
    """CPU seconds of one frame: to take it in, to send it (0 where cameras are elsewhere), to watch it.

    `watching_s` are those of an unloading in their order, since the dear ones do not come evenly. `commit_s` is how
    long recording keeps the others waiting, not CPU.
    """

    accept_s: float
    send_s: float
    commit_s: float
    watching_s: Sequence[float]


@dataclass(frozen=True, slots=True)
class Outcome:
    """Seconds until frames were accepted, frames not looked at in the end, and the share of the cores that was used."""

    median_s: float
    p99_s: float
    behind: int
    busy: float


class Site:
    """One machine with `cores` that takes frames from `cameras` and looks at them in `graders` processes."""

    def __init__(self, costs: Costs, cores: int, graders: int = 1) -> None:
        self._costs = costs
        self._clock = simpy.Environment()
        self._cores = simpy.Resource(self._clock, cores)
        self._hands = simpy.Resource(self._clock, _HANDS * graders)
        self._ready: list[simpy.Event] = []
        self._is_writing = False
        self._waiting: list[deque[float]] = [deque() for _ in range(graders)]
        self._wake = [self._clock.event() for _ in range(graders)]
        self._took: list[float] = []
        self._used_s = 0.0

    def run(self, rate: float, seconds: float, cameras: int) -> Outcome:
        """Let `cameras` send `rate` frames a second together, for so long."""
        for number in range(cameras):
            self._clock.process(self._camera(number, number / rate, cameras / rate, seconds))
        for number in range(len(self._waiting)):
            self._clock.process(self._grader(number))
        self._clock.run(until=seconds)
        took = sorted(self._took)
        return Outcome(
            statistics.median(took),
            took[int(0.99 * len(took))],
            sum(map(len, self._waiting)),
            self._used_s / seconds / self._cores.capacity,
        )

    def _work(self, cpu_s: float) -> Iterator[Any]:
        while cpu_s > 0:
            turn = min(cpu_s, _TURN_S)
            with self._cores.request() as core:
                yield core
                yield self._clock.timeout(turn)
            self._used_s += turn
            cpu_s -= turn

    def _camera(self, number: int, first_s: float, every_s: float, seconds: float) -> Iterator[Any]:
        """Frames at their times, each sent once the one before was answered."""
        # Each camera is somewhere else in its unloading.
        costs = deque(self._costs.watching_s)
        costs.rotate(-random.Random(number).randrange(len(costs)))
        due = first_s
        while due < seconds:
            yield self._clock.timeout(max(0.0, due - self._clock.now))
            yield from self._accept()
            self._took.append(self._clock.now - due)
            self._hand_over(number % len(self._waiting), costs[0])
            costs.rotate(-1)
            due += every_s

    def _accept(self) -> Iterator[Any]:
        yield from self._work(self._costs.send_s)
        with self._hands.request() as hand:
            yield hand
            yield from self._work(self._costs.accept_s)
        done = self._clock.event()
        self._ready.append(done)
        if not self._is_writing:
            self._clock.process(self._write())
        yield done

    def _write(self) -> Iterator[Any]:
        """Whatever is ready is recorded together; one batch at a time, on one database."""
        self._is_writing = True
        while self._ready:
            batch, self._ready = self._ready, []
            yield self._clock.timeout(self._costs.commit_s)
            for done in batch:
                done.succeed()
        self._is_writing = False

    def _hand_over(self, grader: int, cpu_s: float) -> None:
        self._waiting[grader].append(cpu_s)
        if not self._wake[grader].triggered:
            self._wake[grader].succeed()

    def _grader(self, number: int) -> Iterator[Any]:
        while True:
            if not self._waiting[number]:
                self._wake[number] = self._clock.event()
                yield self._wake[number]
            yield from self._work(self._waiting[number][0])
            self._waiting[number].popleft()


def most_cameras(costs: Costs, cores: int, fps: float, seconds: float = 120) -> int:
    """How many cameras that send `fps` frames a second a machine keeps up with, unloading all at once.

    It keeps up where, after `seconds`, less than two seconds of frames wait and 99 of 100 are accepted within a second.
    A process for each core, as a bigger site runs them; the cameras' agents are elsewhere.
    """

    def keeps_up(cameras: int) -> bool:
        outcome = Site(costs, cores, graders=cores).run(cameras * fps, seconds, cameras)
        return outcome.behind <= 2 * fps * cameras and outcome.p99_s <= 1

    enough, too_many = 0, 1
    while keeps_up(too_many):
        enough, too_many = too_many, 2 * too_many
    while too_many - enough > 1:
        middle = (enough + too_many) // 2
        enough, too_many = (middle, too_many) if keeps_up(middle) else (enough, middle)
    return enough
