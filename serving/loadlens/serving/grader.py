"""The one thread that grades: frames as they arrive, so that an alarm is known at once, and loads that were closed.

It works from the records alone. After a restart every unfinished load is watched again from its first frame, which
gives the same assessment; so nothing of its memory has to survive. Where several processes share the records, each
grades the loads that it has the lease of.
"""

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import NamedTuple

from sqlalchemy.orm import Session

from loadlens.grading.observation import HazardSighting, LoadObservation
from loadlens.serving import metrics
from loadlens.serving.beds import Beds
from loadlens.serving.jpeg import encode_jpeg
from loadlens.serving.leases import Leases
from loadlens.serving.lifecycle import OPEN
from loadlens.serving.live import LiveView
from loadlens.serving.live_load import LiveLoad
from loadlens.serving.loads import Loads
from loadlens.serving.recent import RecentFrames
from loadlens.serving.records import frames, hazards, layers, loads, watching
from loadlens.serving.records.assessments import Drawn
from loadlens.serving.records.watching import Told
from loadlens.serving.rewatching import open_eye
from loadlens.serving.store.errors import OUTAGES
from loadlens.serving.store.tables import Load, StoredFrame
from loadlens.vision.image import EncodedImage
from loadlens.vision.model import SurfaceModel

log = logging.getLogger("loadlens.grader")

# So many frames of one load at a time, then the next load has its turn.
_TURN = 8
# So many waiting ones are read at a time: enough to see that a gap is to be passed over.
_WINDOW = 32
_AFTER_OUTAGE_S = 1.0
# How often a server that has its records to itself looks whether the command line has activated a model.
_LOOK_EVERY_S = 2.0
_WATCHED = (*OPEN, "closed")
# An open load that cannot be watched is tried again, from its first frame, after waits that double.
_FIRST_WAIT_S, _LONGEST_WAIT_S = 15.0, 600.0


class _Trouble(NamedTuple):
    """Why a load cannot be watched, when to try again (monotonic seconds), and how long that was to wait for."""

    why: str
    again_at: float
    wait_s: float


class Grader:
    """Watches and grades the loads of a site; `wake` tells it that a load has something new.

    What was just taken in may be left in `recent`, so that it need not be read and decoded again.
    """

    def __init__(
        self,
        loads: Loads,
        load_model: Callable[[], SurfaceModel],
        beds: Beds,
        leases: Leases,
        active_model: Callable[[], str | None] = lambda: None,
    ) -> None:
        """`load_model` gives the model that looks now; `active_model` its digest, None where it is always the same."""
        self._loads = loads
        self._active_model = active_model
        self._load_model = load_model
        self._beds = beds
        self._leases = leases
        self._live: dict[str, LiveLoad] = {}
        self._waiting: dict[str, None] = {}
        self._changed = threading.Condition()
        self._stopped = False
        self._look_at = float("-inf")
        self._told: dict[str, Told] = {}
        self._thread = threading.Thread(target=self._run, name="grader", daemon=True)
        self._problem = "the model is being loaded"
        self._stumbled: str | None = None
        self.model: SurfaceModel | None = None
        self.recent = RecentFrames(loads.blobs.get)
        self._troubles: dict[str, _Trouble] = {}

    @property
    def problem(self) -> str | None:
        """Why nothing can be graded now; None where all is well."""
        if self.model is None:
            return self._problem
        return self._stumbled if self._thread.is_alive() else "grading has ended; see the log, then restart"

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

    def look_again(self) -> None:
        """Say that another model was activated; loads that are being watched keep the one that they began with."""
        with self._changed:
            self._look_at = float("-inf")
            self._changed.notify_all()

    def progress(self, session: Session, load: Load) -> Told:
        """How far the watching of a load has come, here or in another process; nothing where it is not watched."""
        if load.status not in _WATCHED:
            return Told()
        live, trouble = self._live.get(load.id), self._troubles.get(load.id)
        if live or trouble:
            return Told(live.watched if live else 0, live.layers_so_far if live else 0, trouble and trouble.why)
        return watching.told(session, load.id)

    def so_far(self, session: Session, load: Load) -> LoadObservation | None:
        """What the settled layers of a load show, watched here or in another process; None where there is none."""
        live = self._live.get(load.id)
        return (live and live.so_far()) or watching.so_far(session, load.id)

    def backlog(self) -> tuple[int, float]:
        """How many stored frames were not looked at yet, and the age of the oldest in seconds (0 where none waits).

        The loads of other processes are theirs to count.
        """
        watched = {load_id: live.last_seen() for load_id, live in list(self._live.items())}
        others = self._leases.others()
        with self._loads.reading() as session:
            ours = [load_id for load_id in loads.unfinished(session) if load_id not in others]
            return frames.ungraded(session, ours, watched)

    def _run(self) -> None:
        while not self._stopped:
            try:
                if self.model is None and not self._load():
                    return
                self._leases.keep()
                self._look()
                if self.model is None:
                    continue
                if (waiting := self._next()) is not None:
                    self._take_turn(waiting, self.model)
                self._stumbled = None
            except OUTAGES as error:
                log.warning("grading waits for the records: %s", error)
                self._begin_anew()
            except Exception as error:  # no alarm may wait for somebody to restart us
                log.exception("grading stumbled and goes on")
                self._stumbled = f"grading stumbles: {type(error).__name__}: {error}; see the log"
                self._begin_anew()
        with suppress(*OUTAGES):
            self._leases.end()

    def _begin_anew(self) -> None:
        """Wait for a moment, then take up every unfinished load."""
        self._look_at = float("-inf")
        with self._changed:
            self._changed.wait_for(lambda: self._stopped, _AFTER_OUTAGE_S)

    def _load(self) -> bool:
        """Load the model, which is put on record (so an outage is raised); False where it cannot be had."""
        try:
            self.model = self._load_model()
        except OUTAGES:
            raise
        except Exception as error:  # the thread has no caller: the reason is told by /readyz and the log
            log.exception("the model could not be loaded")
            self._problem = f"the model could not be loaded: {error}"
            return False
        return True

    def _look(self) -> None:
        """Take up every unfinished load and another model: at first, after an outage, and ever again."""
        if not self._is_due():
            return
        if self.model is not None and self._active_model() not in (None, self.model.sha256):
            self.model, self._problem = None, "another model is being loaded"
            return
        with self._loads.reading() as session:
            unfinished = loads.unfinished(session)
        # Also what is remembered of loads that somebody else has ended: it is let go of in their turn.
        for load_id in (*unfinished, *self._live, *self._troubles):
            self.wake(load_id)
        every_s = self._leases.look_every_s
        self._look_at = time.monotonic() + (_LOOK_EVERY_S if every_s is None else every_s)
        if every_s is not None:
            self._tell()

    def _is_due(self) -> bool:
        return time.monotonic() >= self._look_at

    def _tell(self) -> None:
        """Write down how far the loads have come, for whoever asks another process."""
        coming = {load_id: Told(live.watched, live.layers_so_far, None) for load_id, live in self._live.items()}
        coming |= {load_id: Told(0, 0, trouble.why) for load_id, trouble in self._troubles.items()}
        if news := {load_id: told for load_id, told in coming.items() if self._told.get(load_id) != told}:
            with self._loads.writing() as session:
                watching.tell(session, news, self._grown(news))
        self._told = coming

    def _grown(self, news: Mapping[str, Told]) -> dict[str, LoadObservation]:
        """What the layers show of those loads that have more of them than was told."""
        grown = [load_id for load_id, told in news.items() if told.layers > self._told.get(load_id, Told()).layers]
        seen = {load_id: live.so_far() for load_id in grown if (live := self._live.get(load_id)) is not None}
        return {load_id: observation for load_id, observation in seen.items() if observation is not None}

    def _next(self) -> str | None:
        """The load whose turn it is; None where none has come until it is time to look again, or to end."""
        with self._changed:
            until = max(0.0, self._look_at - time.monotonic())
            self._changed.wait_for(lambda: self._stopped or self._waiting or self._is_due(), until)
            if self._stopped or not self._waiting:
                return None
            load_id = next(iter(self._waiting))
            del self._waiting[load_id]
            return load_id

    def _take_turn(self, load_id: str, model: SurfaceModel) -> None:
        with self._loads.reading() as session:
            load = loads.find(session, load_id)
        if load.status not in _WATCHED:
            self._let_go(load_id)
            return
        if not self._leases.take(load_id):
            self._live.pop(load_id, None)
            self._troubles.pop(load_id, None)
            return
        trouble = self._troubles.get(load_id)
        if load.status != "closed" and trouble is not None and time.monotonic() < trouble.again_at:
            return
        try:
            if self._advance(load, model):
                self.wake(load_id)
                return
        except OUTAGES:
            # Perhaps between a frame and the record of its hazard: the load is watched again from its first frame.
            self._live.pop(load_id, None)
            raise
        except Exception as error:  # one load that cannot be graded must not keep the others from it
            log.exception("load %s could not be graded", load_id)
            self._live.pop(load_id, None)
            self._fail(load, f"{type(error).__name__}: {error}", trouble)
            return
        self._troubles.pop(load_id, None)
        if load_id not in self._live:
            self._let_go(load_id)

    def _let_go(self, load_id: str) -> None:
        """Forget a load that is graded, or that is not to be watched any more."""
        self._leases.let_go(load_id)
        self._live.pop(load_id, None)
        self._troubles.pop(load_id, None)

    def _fail(self, load: Load, why: str, before: _Trouble | None) -> None:
        """Say that a load cannot be watched: of one that is closed for good, of one that is open as an alarm, because
        no hazard is seen on it meanwhile."""
        if load.status == "closed":
            self._loads.failed(load.id, why)
            self._let_go(load.id)
            return
        if before is None:
            self._loads.unwatched(load.id, why)
        wait_s = _FIRST_WAIT_S if before is None else min(2 * before.wait_s, _LONGEST_WAIT_S)
        self._troubles[load.id] = _Trouble(why, time.monotonic() + wait_s, wait_s)

    def _advance(self, load: Load, model: SurfaceModel) -> bool:
        """Feed what may be fed in one turn, and grade a closed load once all is fed. True where more is waiting."""
        closed = load.status == "closed"
        live = self._live.get(load.id)
        if live is None or (closed and self._came_late(load, live)):
            begin = partial(open_eye, self._loads, self._beds, load, model)
            live = self._live[load.id] = LiveLoad(begin, self._picture)
        waiting = False
        for view, behind in self._behind(load, live):
            ready = view.ready(behind, closed=closed)
            # Whoever stores another frame wakes us again, so an open load has nothing more where all are fed.
            waiting = waiting or len(ready) > (0 if closed else _TURN)
            for stored in ready[:_TURN]:
                if self._stopped:
                    return True
                self._feed(load, live, view, stored)
        return waiting or (closed and not self._grade(load, live))

    def _feed(self, load: Load, live: LiveLoad, view: LiveView, stored: StoredFrame) -> None:
        settled = live.layers_so_far
        for hazard in live.feed(view, stored):
            self._raise(load, hazard)
        if live.layers_so_far > settled:
            with self._loads.writing() as session:
                layers.tell(session, load.id, live.layers_so_far)

    def _raise(self, load: Load, hazard: HazardSighting) -> None:
        with self._loads.writing() as session:
            is_new = hazards.keep(session, load, hazard)
        if is_new:
            metrics.hazards.labels(hazard.class_id).inc()
            log.warning("load %s: %s at %.1f s", load.id, hazard.class_id, hazard.frame_s)

    def _picture(self, stored: StoredFrame) -> EncodedImage:
        picture = self.recent.take(stored.sha256)
        return picture or EncodedImage(self._loads.blobs.get(stored.sha256), f"frame {stored.camera}/{stored.seq}")

    def _behind(self, load: Load, live: LiveLoad) -> list[tuple[LiveView, Sequence[StoredFrame]]]:
        """The views of a load, each with the frames that wait behind the last one it was fed."""
        found = []
        with self._loads.reading() as session:
            for camera in frames.cameras(session, load.id):
                view = live.views.get(camera) or live.view(camera, frames.first_seq(session, load, camera))
                waiting = frames.of_camera(session, load.id, camera, after=view.last, limit=_WINDOW)
                found.append((view, waiting))
        return found

    def _came_late(self, load: Load, live: LiveLoad) -> bool:
        """Whether a frame came after a later one of its camera had been fed."""
        with self._loads.reading() as session:
            return any(
                frames.count(session, load.id, camera, up_to=view.last) != len(view.fed)
                for camera, view in live.views.items()
            )

    def _grade(self, load: Load, live: LiveLoad) -> bool:
        """Grade a load that was watched to its end; False where it has new frames by now."""
        with self._loads.reading() as session:
            late = {camera: frames.count(session, load.id, camera, late=True) for camera in live.views}
        seen = live.finish(late)
        del self._live[load.id]
        pictures = {}
        put = self._loads.blobs.put
        for camera, picture in seen.pictures():
            pictures[picture.index] = Drawn(put(encode_jpeg(picture.overlay)), put(picture.map.to_bytes()), camera)
        if not self._loads.graded(load.id, seen.observation, pictures, put(seen.trace), live.watched):
            return False
        metrics.layers.inc(len(seen.observation.layers))
        log.info("load %s graded: %d layers", load.id, len(seen.observation.layers))
        return True
