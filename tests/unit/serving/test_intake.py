"""Frames that come at the same time: each is answered for itself, and none before it is on record."""

import asyncio
from datetime import UTC, datetime

import numpy as np
import pytest

from loadlens.serving.beds import Beds
from loadlens.serving.grader import Grader
from loadlens.serving.intake import Intake, Sent
from loadlens.serving.jpeg import encode_jpeg
from loadlens.serving.leases import Alone
from loadlens.serving.load_errors import ConflictError, UnacceptableError, UnknownLoadError
from loadlens.serving.loads import Loads
from loadlens.serving.records import frames, loads
from loadlens.serving.records.frames import Place
from loadlens.serving.records.loads import Particulars
from loadlens.serving.store.anchor import Anchor
from loadlens.serving.store.blobs import FolderBlobs
from loadlens.serving.store.database import open_database
from loadlens.serving.store.journal import Seal, sealed
from loadlens.serving.store.signing import SigningKeys
from loadlens.vision.model import load_model

STANDARD = "gbt-39733-2024"
NOW = datetime.now(UTC).isoformat()


class Site:
    """The records of a site with an open load, and the way in for its frames."""

    def __init__(self, folder):
        seal = Seal(SigningKeys(folder / "signing.key"), Anchor(folder / "journal.anchor"))
        engine = sealed(open_database(f"sqlite:///{folder / 'loadlens.sqlite'}"), seal)
        self.blobs = FolderBlobs(folder / "blobs")
        self.loads = Loads(engine, self.blobs, STANDARD, 600.0)
        grader = Grader(self.loads, load_model, Beds.parse(None, {}), Alone())
        self.intake = Intake(self.loads, grader, clock_tolerance_s=60)
        with self.loads.writing() as session:
            loads.open_load(session, "load", Particulars(STANDARD), lead_s=0, actor="user:ann")

    def stored(self, load="load"):
        """The numbers of a load's frames, as another reader sees them; their bytes must be there."""
        with self.loads.reading() as session:
            stored = frames.of_camera(session, load, "yard")
        assert all(self.blobs.exists(frame.sha256) for frame in stored)
        return [frame.seq for frame in stored]

    def take(self, *sent):
        """Send frames at the same time; gives for each what became of it, the error where it was refused."""

        async def one(frame):
            kept = await self.intake.take(frame)
            assert frame.place.seq in self.stored()
            return kept

        async def everything():
            return await asyncio.gather(*(one(frame) for frame in sent), return_exceptions=True)

        return asyncio.run(everything())


@pytest.fixture
def site(tmp_path):
    return Site(tmp_path)


def jpeg(number):
    return encode_jpeg(np.random.default_rng(number).integers(0, 256, (96, 128, 3), np.uint8))


def frame(seq, data=None, load="load"):
    return Sent(Place(f"load:{load}", "yard", seq), data or jpeg(seq), NOW, None, None, "key:camera")


def test_frames_that_come_together_are_all_kept_and_answered_once_they_are(site):
    kept = site.take(*(frame(seq) for seq in range(24)))
    assert [(one.is_new, one.load_id) for one in kept] == [(True, "load")] * 24
    assert site.stored() == list(range(24))


def test_what_cannot_be_kept_fails_alone(site):
    with site.loads.writing() as session:
        loads.open_load(session, "gone", Particulars(STANDARD), lead_s=0, actor="user:ann")
        loads.move(session, loads.find(session, "gone"), "cancel", actor="user:ann", reason="turned away")
    bad = [frame(50, load="nowhere"), frame(51, load="gone"), frame(52, b"no picture")]
    answers = site.take(*(frame(seq) for seq in range(6)), *bad, *(frame(seq) for seq in range(6, 12)))
    assert [type(answer) for answer in answers[6:9]] == [UnknownLoadError, ConflictError, UnacceptableError]
    assert [answer.is_new for answer in (*answers[:6], *answers[9:])] == [True] * 12
    assert site.stored() == list(range(12))
    assert site.stored("gone") == []


def test_of_two_pictures_with_one_number_one_is_kept(site):
    answers = site.take(frame(0, jpeg(1)), frame(0, jpeg(2)), frame(1))
    assert sorted(type(answer).__name__ for answer in answers[:2]) == ["ConflictError", "Kept"]
    assert answers[2].is_new
    assert site.stored() == [0, 1]


def test_one_picture_sent_twice_at_once_is_new_once(site):
    answers = site.take(frame(0), frame(0))
    assert sorted(answer.is_new for answer in answers) == [False, True]
    assert site.take(frame(0))[0].is_new is False
    assert site.stored() == [0]


def test_the_bytes_of_a_camera_that_counts_anew_are_not_kept_for_ever(site):
    site.take(frame(0), frame(1))
    other = jpeg(9)
    assert isinstance(site.take(frame(0, other))[0], ConflictError)
    (kept,) = site.take(frame(2, other))
    site.blobs.delete(kept.sha256)
    assert isinstance(site.take(frame(1, other))[0], ConflictError)
    assert not site.blobs.exists(kept.sha256)
