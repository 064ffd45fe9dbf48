"""The application: its parts put together, started and stopped."""

import fcntl
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from importlib import metadata
from pathlib import Path

from fastapi import FastAPI
from starlette.concurrency import run_in_threadpool
from starlette.middleware.exceptions import ExceptionMiddleware

from loadlens.serving.access.access import open_access
from loadlens.serving.alarms.channels import open_outbox
from loadlens.serving.api import frames, problems, webhooks
from loadlens.serving.api.admission import Admission
from loadlens.serving.api.doors import Doors
from loadlens.serving.api.guard import Guard
from loadlens.serving.api.parts import Parts
from loadlens.serving.api.routes import all_routes
from loadlens.serving.beds import Beds
from loadlens.serving.evidence.in_force import declare, declare_standards
from loadlens.serving.evidence.retention import Policy, Retention
from loadlens.serving.folders import make_private
from loadlens.serving.grader import Grader
from loadlens.serving.intake import Intake
from loadlens.serving.leases import Alone, Leases, SharedLeases
from loadlens.serving.loads import Loads
from loadlens.serving.models import Models
from loadlens.serving.seal import open_seal
from loadlens.serving.settings import Settings, shown_settings
from loadlens.serving.store.blobs import open_blobs
from loadlens.serving.store.database import open_database
from loadlens.serving.store.journal import sealed
from loadlens.serving.sweeper import Sweeper
from loadlens.vision.model import SurfaceModel


class FolderInUseError(RuntimeError):
    """Another server works on the same data folder."""


def create_app(settings: Settings, stopping: threading.Event) -> FastAPI:
    """The API over one data folder, which the caller holds with `alone_in` while it runs.

    The caller sets `stopping` when it wants to end: then no new frame is taken and no answer waits for a grade.
    """

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        records = await run_in_threadpool(_open_records, settings)
        set_beds = Beds.parse(settings.bed, settings.beds)
        known = Models(settings, records.blobs)
        active = partial(_active_model, known, records)
        grader = Grader(records, partial(_load_model, known, records), set_beds, _leases(settings, records), active)
        sweeper = Sweeper(records, settings)
        app.state.parts = Parts(
            settings,
            records,
            grader,
            sweeper,
            known,
            set_beds,
            Intake(records, grader, settings.clock_tolerance_s),
            open_access(records.engine, settings),
            Admission(settings, stopping),
            stopping,
        )
        outbox = open_outbox(records.engine, settings.mqtt, settings.webhooks)
        outbox.start()
        sweeper.start()
        policy = Policy(settings.keep_frames_days, settings.keep_drawings_days)
        retention = Retention(records.engine, records.blobs, policy, records.lead_s)
        retention.start()
        grader.start()
        try:
            yield
        finally:
            await run_in_threadpool(grader.stop, settings.stop_within_s)
            await run_in_threadpool(sweeper.stop)
            await run_in_threadpool(outbox.stop)
            await run_in_threadpool(retention.stop)
            records.close_database()

    # The interactive pages would fetch scripts from elsewhere; a yard may have no internet. /openapi.json is served.
    app = FastAPI(
        title="LoadLens",
        version=metadata.version("loadlens"),
        lifespan=lifespan,
        routes=all_routes(),
        webhooks=webhooks.router,
        docs_url=None,
        redoc_url=None,
        # A redirect would be made from whatever Host the request names.
        redirect_slashes=False,
    )
    problems.install(app)
    app.add_middleware(frames.FrameEntry)
    app.add_middleware(Doors, site=app)
    # The doors stand before the routes, and what they raise is answered as what the routes raise.
    handlers = {of: handler for of, handler in app.exception_handlers.items() if of is not Exception}
    app.add_middleware(ExceptionMiddleware, handlers=handlers)
    app.add_middleware(Guard, is_https=(settings.public_url or "").startswith("https:"))
    return app


def _leases(settings: Settings, records: Loads) -> Leases:
    return Alone() if settings.database is None else SharedLeases(records.engine)


def _open_records(settings: Settings) -> Loads:
    make_private(settings.data)
    blobs = open_blobs(settings.store, settings.data / "blobs")
    engine = sealed(open_database(settings.database_url), open_seal(settings))
    records = Loads(engine, blobs, settings.standard, settings.frames_before_load_s)
    with records.writing() as session:
        declare(session, "settings.in_force", "settings", shown_settings(settings))
        declare_standards(session, blobs, records.standards.refs.values())
    return records


def _active_model(models: Models, records: Loads) -> str | None:
    with records.reading() as session:
        return models.active(session)


def _load_model(models: Models, records: Loads) -> SurfaceModel:
    model = models.load(_active_model(models, records))
    about = {"name": model.metadata.name, "version": model.metadata.version, "sha256": model.sha256}
    with records.writing() as session:
        declare(session, "model.in_force", "model", about)
    return model


@contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Hold a data folder, made where it is not there: two servers would grade the same loads. A kill lets go of it.

    Raises FolderInUseError where another process holds it.
    """
    make_private(folder)
    with (folder / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise FolderInUseError(f"{folder} is used by another server; stop it or give another --data") from None
        yield
