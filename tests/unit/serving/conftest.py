"""Blobs in a folder and in a real S3 server, a way to damage one of them behind the server's back, and the records of
a yard without a server."""

import dataclasses
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import obstore
import pytest

from loadlens.grading.observation import AreaError, LayerObservation, LoadObservation, ModelVersion, SurfaceClass
from loadlens.serving.loads import Loads
from loadlens.serving.records import claims, loads, queue, reviews
from loadlens.serving.records.loads import Particulars
from loadlens.serving.records.queue import Filter
from loadlens.serving.records.weights import Weighed
from loadlens.serving.store.anchor import Anchor
from loadlens.serving.store.blobs import Blobs, FolderBlobs, open_blobs
from loadlens.serving.store.database import open_database
from loadlens.serving.store.journal import Seal, sealed
from loadlens.serving.store.signing import SigningKeys
from loadlens.serving.store.tables import Lane


@pytest.fixture(params=["folder", "s3"])
def blobs(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Blobs:
    """An empty store, of each kind in turn."""
    if request.param == "folder":
        return open_blobs(None, tmp_path / "blobs")
    for name, value in request.getfixturevalue("object_server").environment.items():
        monkeypatch.setenv(name, value)
    return open_blobs(f"s3://yard/{uuid.uuid4().hex}", tmp_path)


@pytest.fixture
def damage() -> Callable[[Blobs, str, bytes], None]:
    """Put other bytes in the place of a blob, as a fault of the disk or a person would."""

    def change(blobs: Blobs, sha256: str, data: bytes) -> None:
        if isinstance(blobs, FolderBlobs):
            blobs.path(sha256).write_bytes(data)
        else:
            obstore.put(blobs._store, f"{sha256[:2]}/{sha256}", data)

    return change


ANN = "user:ann"
MILL = "example-mill"
AT = datetime(2026, 3, 1, 8, tzinfo=UTC)
TEN_MINUTES = timedelta(minutes=10)
CLASSES = {
    "hms_1": SurfaceClass("hms_1", "form", family="heavy_melting", metal="steel"),
    "wood": SurfaceClass("wood", "contaminant", density_low=0.05, density=0.15, density_high=0.3),
}
ERROR = AreaError({}, default_sd=0.02, level=0.9, low_quantile=-1.5, high_quantile=1.8, n=60)
SEEN = LoadObservation(
    load_id="",
    source="camera yard",
    started_at="2026-03-01T08:00:00+00:00",
    frames_seen=2,
    frames_used=1,
    layers=(),
    hazards=(),
    classes=CLASSES,
    coverage=0.5,  # so little that a person looks in any case
    duplicate_area=0.0,
    mm_per_px=None,
    model=ModelVersion("test", "1", "0" * 64),
    software="0.1.0",
    area_error=ERROR,
    forms_known=("hms_1",),
)


class Yard:
    """The records of a site."""

    def __init__(self, url, folder):
        seal = Seal(SigningKeys(folder / "signing.key"), Anchor(folder / "journal.anchor"))
        self.engine = sealed(open_database(url), seal)
        self.loads = Loads(self.engine, FolderBlobs(folder / "blobs"), MILL, 600.0)
        with self.loads.writing() as session:
            session.add_all([Lane(id="1"), Lane(id="2")])

    def graded(self, load, *, wood=0.1, gross=None, tare=None, standard=MILL, more=None, **seen):
        """A load that was seen with so much wood in it and weighed; `seen` replaces parts of what was seen."""
        with self.loads.writing() as session:
            loads.open_load(session, load, Particulars(standard, **(more or {})), lead_s=0, actor=ANN)
            for kind, kg in (("gross", gross), ("tare", tare)):
                if kg is not None:
                    self.loads.weigh(session, loads.find(session, load), kind, Weighed(Decimal(kg), None), actor=ANN)
            loads.close(session, load, {}, actor=ANN)
        layer = LayerObservation(
            index=0,
            start_s=0.0,
            end_s=8.0,
            key_frame_s=4.0,
            key_frame_sha256="",
            new_area=1.0,
            visible=1.0,
            forms={"hms_1": 1.0 - wood},
            contaminants={"wood": wood},
            unknown=0.0,
            confidence=0.9,
        )
        observed = dataclasses.replace(SEEN, load_id=load, **({"layers": (layer,)} | seen))
        assert self.loads.graded(load, observed, {}, self.loads.blobs.put(b"trace"), 0)

    def page(self, which=None, cursor=None, limit=200, actor=ANN, at=AT):
        with self.loads.reading() as session:
            return queue.page(session, which or Filter(), cursor, limit, actor=actor, at=at)

    def ids(self, **which):
        return [entry.load.id for entry in self.page(Filter(**which)).entries]

    def claim(self, load, actor, at=AT, **more):
        with self.loads.writing() as session:
            return claims.take(session, loads.find(session, load), actor=actor, at=at, lasts=TEN_MINUTES, **more)

    def review(self, load, actor, decision="accept", correction=None):
        with self.loads.writing() as session:
            found = loads.find(session, load)
            said = {"decision": decision, "reason": "seen", "correction": correction}
            return reviews.add(session, found, self.loads.standards.of(session, found), **said, actor=actor)


@pytest.fixture
def yard(database_url, tmp_path):
    made = Yard(database_url, tmp_path)
    yield made
    made.engine.dispose()
