"""The one thread that grades: frames as they arrive, so that an alarm is known at once, and loads that were closed.

It works from the records alone. After a restart every unfinished load is watched again from its first frame, which
gives the same assessment; so nothing of its memory has to survive.
"""

import logging
import threading
from collections.abc import Callable, Sequence
from functools import partial

from loadlens.grading.observation import HazardSighting
from loadlens.serving import metrics
from loadlens.serving.jpeg import encode_jpeg
from loadlens.serving.lifecycle import OPEN
from loadlens.serving.live import LiveView
from loadlens.serving.loads import Loads
from loadlens.serving.records import frames, hazards, loads
from loadlens.serving.store.tables import Load, StoredFrame
from loadlens.vision.bed import Bed
from loadlens.vision.model import SurfaceModel
from loadlens.vision.pipeline import Unloading

log = logging.getLogger("loadlens.grader")

# So many frames of one load at a time, then the next load has its turn.
_TURN = 8
_WINDOW = 64


class Grader:
    """Watches and grades the loads of one data folder; `wake` tells it that a load has something new."""

    def __init__(self, loads: Loads, load_model: Callable[[], SurfaceModel], bed: Bed | None) -> None:
        self._loads = loads
        self._load_model = load_model
        self._bed = bed
        self._live: dict[str, LiveView] = {}
        self._waiting: dict[str, None] = {}
        self._changed = threading.Condition()
        self._stopped = False
        self._thread = threading.Thread(target=self._run, name="grader", daemon=True)
        self._problem = "the model is being loaded"
        self.model: SurfaceModel | None = None
        self.troubles: dict[str, str] = {}

    @property
    def problem(self) -> str | None:
        """Why nothing can be graded now; None where all is well."""
        if self.model is None:
            return self._problem
        return None if self._thread.is_alive() else "grading has ended after an error; see the log, then restart"

    def start(self) -> None:
        """Load the model and take up every unfinished load."""
        self._thread.start()

    def stop(self, within_s: float) -> None:
        """End after the frame in hand, or give that up after so long; the next start takes up what is unfinished."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()
        self._thread.join(within_s)
        if self._thread.is_alive():
            log.error("the frame in hand took longer than %s s and was given up; the next start takes it up", within_s)

    def wake(self, load_id: str) -> None:
        """Say that a load has new frames or was closed."""
        with self._changed:
            self._waiting.setdefault(load_id)
            self._changed.notify_all()

    def hazards(self, load_id: str) -> tuple[HazardSighting, ...]:
        """The hazards seen so far on a load that is not graded yet."""
        live = self._live.get(load_id)
        return live.hazards if live else ()

    def progress(self, load_id: str) -> tuple[int, int]:
        """How many frames of a load were watched and how many layers have settled."""
        live = self._live.get(load_id)
        return (len(live.fed), live.layers_so_far) if live else (0, 0)

    def backlog(self) -> tuple[int, float]:
        """How many stored frames were not looked at yet, and the age of the oldest in seconds (0 where none waits)."""
        watched = {load_id: live.last for load_id, live in list(self._live.items())}
        with self._loads.reading() as session:
            return frames.ungraded(session, loads.unfinished(session), watched)

    def _run(self) -> None:
        try:
            self.model = self._load_model()
        except Exception as error:  # the thread has no caller: the reason is told by /readyz and the log
            log.exception("the model could not be loaded")
            self._problem = f"the model could not be loaded: {error}"
            return
        with self._loads.reading() as session:
            unfinished = loads.unfinished(session)
        for load_id in unfinished:
            self.wake(load_id)
        while (waiting := self._next()) is not None:
            self._take_turn(waiting, self.model)

    def _next(self) -> str | None:
        with self._changed:
            self._changed.wait_for(lambda: self._stopped or self._waiting)
            if self._stopped:
                return None
            load_id = next(iter(self._waiting))
            del self._waiting[load_id]
            return load_id

    def _take_turn(self, load_id: str, model: SurfaceModel) -> None:
        with self._loads.reading() as session:
            load = loads.find(session, load_id)
        closed = load.status == "closed"
        if not closed and (load.status not in OPEN or load_id in self.troubles):
            return
        try:
            if self._advance(load, model):
                self.wake(load_id)
        except Exception as error:  # one load that cannot be graded must not keep the others from it
            log.exception("load %s could not be graded", load_id)
            self._live.pop(load_id, None)
            self.troubles[load_id] = f"{type(error).__name__}: {error}"
            if closed:
                self._loads.failed(load_id, self.troubles.pop(load_id))

    def _advance(self, load: Load, model: SurfaceModel) -> bool:
        """Feed what may be fed in one turn, and grade a closed load once all is fed. True where more is waiting."""
        closed = load.status == "closed"
        live = self._live.get(load.id)
        if live is None or (closed and self._came_late(load, live)):
            with self._loads.reading() as session:
                first = frames.first_seq(session, load)
            if first is None and not closed:
                return False
            begin = partial(self._begin, load, model)
            live = self._live[load.id] = LiveView(begin, self._loads.blobs.get, first or 0)
        ready = live.ready(self._waiting_frames(load, live), closed=closed)
        for stored in ready[:_TURN]:
            if self._stopped:
                return True
            for hazard in live.feed(stored):
                self._raise(load, hazard)
        if ready:
            return True
        return closed and not self._grade(load, live)

    def _raise(self, load: Load, hazard: HazardSighting) -> None:
        with self._loads.writing() as session:
            is_new = hazards.keep(session, load, hazard)
        if is_new:
            metrics.hazards.labels(hazard.class_id).inc()
            log.warning("load %s: %s at %.1f s", load.id, hazard.class_id, hazard.frame_s)

    def _waiting_frames(self, load: Load, live: LiveView) -> Sequence[StoredFrame]:
        with self._loads.reading() as session:
            return frames.of_load(session, load.id, after=live.last, limit=_WINDOW)

    def _came_late(self, load: Load, live: LiveView) -> bool:
        """Whether a frame came after a later one had been fed."""
        with self._loads.reading() as session:
            return frames.count(session, load.id, up_to=live.last) != len(live.fed)

    def _begin(self, load: Load, model: SurfaceModel, first: StoredFrame | None) -> Unloading:
        source, began = (f"camera {first.camera}", first.captured_at) if first else ("no frames", load.created_at)
        return Unloading(model, bed=self._bed, load_id=load.id, source=source, started_at=began)

    def _grade(self, load: Load, live: LiveView) -> bool:
        """Grade a load that was watched to its end; False where it has new frames by now."""
        with self._loads.reading() as session:
            late = frames.count(session, load.id, late=True)
        observed = live.finish(late)
        del self._live[load.id]
        pictures = {}
        for picture in observed.pictures():
            pictures[picture.index] = self._loads.blobs.put(encode_jpeg(picture.overlay))
        if not self._loads.graded(load.id, observed.observation, pictures, len(live.fed)):
            return False
        self.troubles.pop(load.id, None)
        metrics.layers.inc(len(observed.observation.layers))
        log.info("load %s graded: %d layers", load.id, len(observed.observation.layers))
        return True
