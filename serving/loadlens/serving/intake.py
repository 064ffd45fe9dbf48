"""Frames are taken in: checked, made durable, then recorded together with those that came at the same time.

A transaction costs about the same for one frame as for twenty: the write lock, the commands around it, a commit that
waits for the disk. So a frame waits a moment for the others that are on their way, and whoever is ready first writes
for all. Nobody is answered before the commit that holds his frame is durable. A batch that fails is undone as a whole
and its frames are written one by one, so that a bad one fails alone.
"""

import asyncio
import hashlib
import threading
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from queue import SimpleQueue

from loadlens.serving.grader import Grader
from loadlens.serving.load_errors import UnacceptableError
from loadlens.serving.loads import Arrival, Kept, Loads, check_takes, owner_of
from loadlens.serving.records import frames
from loadlens.serving.records.frames import Place, Shot
from loadlens.serving.store.errors import OUTAGES
from loadlens.vision.image import EncodedImage, SourceError

# To check pictures there are as many threads as cores would do; the others wait for the disk or the object store.
_HANDS = 8
# Long beside the few ms in which a picture is checked, short beside what a camera or an alarm would notice.
_PATIENCE_S = 0.02
_STREAMS_REMEMBERED = 1000


@dataclass(frozen=True, slots=True)
class Sent:
    """A frame as it was sent; times are ISO 8601 in UTC, `sent_at` by the same clock as `captured_at`."""

    place: Place
    data: bytes
    captured_at: str
    sent_at: str | None
    why_kept: str | None
    actor: str


@dataclass(slots=True)
class _Job:
    sent: Sent
    loop: asyncio.AbstractEventLoop
    answer: asyncio.Future[Kept]


class Intake:
    """The way in for frames. `take` is called from the event loop; the work is done by threads of its own."""

    def __init__(self, loads: Loads, grader: Grader, clock_tolerance_s: float) -> None:
        self._loads = loads
        self._grader = grader
        self._tolerance = timedelta(seconds=clock_tolerance_s)
        self._inbox: SimpleQueue[_Job] = SimpleQueue()
        self._changed = threading.Condition()
        self._coming = 0
        self._ready: list[tuple[_Job, Arrival]] = []
        self._is_led = False
        self._newest: OrderedDict[tuple[str, str], int] = OrderedDict()
        for number in range(_HANDS):
            # What is in hand at a kill was not acknowledged, so nothing has to wait for these to end.
            threading.Thread(target=self._work, name=f"intake {number}", daemon=True).start()

    async def take(self, sent: Sent) -> Kept:
        """Keep a frame; returns once it is durable.

        Raises UnacceptableError where it is no picture that can be graded, ConflictError or UnknownLoadError where it
        is not taken, and what the database and the blobs raise; then nothing is recorded.
        """
        loop = asyncio.get_running_loop()
        job = _Job(sent, loop, loop.create_future())
        with self._changed:
            self._coming += 1
        self._inbox.put(job)
        return await job.answer

    def _work(self) -> None:
        while True:
            job = self._inbox.get()
            try:
                outcome = self._prepare(job.sent)
            except Exception as error:  # whoever sent the frame is told
                self._leave(job, error)
            else:
                if isinstance(outcome, Arrival):
                    self._join(job, outcome)
                else:
                    self._leave(job, outcome)

    def _prepare(self, sent: Sent) -> Arrival | Kept:
        """Check a frame and make its bytes durable; Kept where it is recorded already."""
        place, sha256 = sent.place, hashlib.sha256(sent.data).hexdigest()
        if self._must_be_looked_up(place):
            # Before its bytes are kept: those of a camera that counts anew would never be let go again.
            with self._loads.reading() as session:
                if frames.is_stored(session, place, sha256):
                    return Kept(sha256, False, frames.load_of(session, place))
                frames.check_leaves_numbers(session, place)
        taken_at = self._by_our_clock(sent)
        try:
            picture = EncodedImage(sent.data, f"frame {place.camera}/{place.seq}")
        except SourceError as error:
            with self._loads.reading() as session:
                # That nobody waits for it here is the more telling fault.
                frames.is_stored(session, place, sha256)
                check_takes(owner_of(session, place), taken_at)
            raise UnacceptableError(str(error)) from None
        was_kept = self._loads.blobs.keep(sent.data, sha256)
        self._grader.recent.add(sha256, picture)
        shot = Shot(sent.captured_at, taken_at, sha256, picture.width, picture.height, sent.why_kept)
        return Arrival(place, shot, sent.actor, was_kept)

    def _join(self, job: _Job, arrival: Arrival) -> None:
        """Let a frame be written with the next batch, and write that if nobody else is at it."""
        with self._changed:
            self._ready.append((job, arrival))
            if self._is_led:
                self._tell_whoever_leads()
                return
            self._is_led = True
        while batch := self._next_batch():
            kept = self._write([arrival for _, arrival in batch])
            self._answer(zip((job for job, _ in batch), kept, strict=True))

    def _leave(self, job: _Job, outcome: Kept | Exception) -> None:
        """Answer for a frame that needs no writing."""
        with self._changed:
            self._coming -= 1
            self._tell_whoever_leads()
        self._answer([(job, outcome)])

    def _tell_whoever_leads(self) -> None:
        if len(self._ready) >= self._coming:
            self._changed.notify()

    def _next_batch(self) -> list[tuple[_Job, Arrival]]:
        """What is to be written now; empty where nothing is ready, and then nobody leads any more."""
        with self._changed:
            if self._ready:
                self._changed.wait_for(lambda: len(self._ready) >= self._coming, _PATIENCE_S)
            batch, self._ready = self._ready, []
            self._coming -= len(batch)
            self._is_led = bool(batch)
            return batch

    def _write(self, batch: Sequence[Arrival]) -> Sequence[Kept | Exception]:
        try:
            kept = self._loads.keep_frames(batch)
        except OUTAGES as error:
            return [error] * len(batch)
        except Exception as error:  # whoever sent the frame is told
            if len(batch) == 1:
                return [error]
            return [outcome for arrival in batch for outcome in self._write([arrival])]
        for arrival in batch:
            self._remember(arrival.place)
        for load_id in {frame.load_id for frame in kept if frame.load_id is not None}:
            self._grader.wake(load_id)
        return kept

    def _answer(self, outcomes: Iterable[tuple[_Job, Kept | Exception]]) -> None:
        told = list(outcomes)
        loop = told[0][0].loop
        if not loop.is_closed():  # it is where the server was told to drop what is in hand
            loop.call_soon_threadsafe(_tell, told)

    def _must_be_looked_up(self, place: Place) -> bool:
        """Whether a frame may be known or has an odd number: not where its camera counts on, which is the rule."""
        newest = self._newest.get((place.stream, place.camera), place.seq)
        return place.seq <= newest or place.seq > frames.LEAPS_UP_TO

    def _remember(self, place: Place) -> None:
        stream = place.stream, place.camera
        self._newest[stream] = max(place.seq, self._newest.pop(stream, place.seq))
        if len(self._newest) > _STREAMS_REMEMBERED:
            self._newest.popitem(last=False)

    def _by_our_clock(self, sent: Sent) -> str:
        """When a frame was taken by the server's clock, where the sender's is further off than what is tolerated.

        A sender that does not tell its time is known to be wrong only where its frame comes from the future.
        """
        captured, arrived = datetime.fromisoformat(sent.captured_at), datetime.now(UTC)
        if sent.sent_at:
            ahead = datetime.fromisoformat(sent.sent_at) - arrived
        else:
            ahead = max(captured - arrived, timedelta(0))
        if abs(ahead) <= self._tolerance:
            return sent.captured_at
        try:
            return (captured - ahead).isoformat()
        except OverflowError:
            raise UnacceptableError("Captured-At and Sent-At are thousands of years apart; set the clock") from None


def _tell(outcomes: Iterable[tuple[_Job, Kept | Exception]]) -> None:
    for job, outcome in outcomes:
        if job.answer.done():  # nobody waits for it any more
            continue
        if isinstance(outcome, Exception):
            job.answer.set_exception(outcome)
        else:
            job.answer.set_result(outcome)
