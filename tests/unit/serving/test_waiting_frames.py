"""Frames of a lane that no load has claimed: let go when they are old, and not while a load may still claim them."""

import hashlib
import time
from datetime import UTC, datetime, timedelta
from typing import ClassVar
from unittest.mock import patch

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from loadlens.grading.observation import HazardSighting
from loadlens.serving.evidence import deleting, waiting_frames
from loadlens.serving.evidence.anchor_check import AnchorCheck
from loadlens.serving.evidence.backup import back_up
from loadlens.serving.evidence.in_force import declare_standards
from loadlens.serving.evidence.retention import Policy, Retention
from loadlens.serving.evidence.verify import verify_store
from loadlens.serving.evidence.waiting_frames import let_waiting_go
from loadlens.serving.loads import Arrival, Loads
from loadlens.serving.records import frames, hazards, loads
from loadlens.serving.records.frames import Place, Shot
from loadlens.serving.records.loads import Particulars
from loadlens.serving.store.anchor import Anchor
from loadlens.serving.store.blobs import FolderBlobs
from loadlens.serving.store.database import open_database
from loadlens.serving.store.errors import StoreUnavailableError
from loadlens.serving.store.journal import Seal, sealed
from loadlens.serving.store.signing import SigningKeys
from loadlens.serving.store.tables import JournalRecord, Lane, LoadFrame, StoredFrame

STANDARD = "gbt-39733-2024"
ANN = "user:ann"
LEAD_S = 60.0
OLD = timedelta(days=40)


class LaneYard:
    """Lane 1 with a camera; whatever happens there happens now."""

    def __init__(self, url, blobs, folder, lead_s=LEAD_S):
        self.anchor = Anchor(folder / "journal.anchor")
        self.engine = sealed(open_database(url), Seal(SigningKeys(folder / "signing.key"), self.anchor))
        self.blobs = blobs
        self.loads = Loads(self.engine, blobs, STANDARD, lead_s)
        with self.loads.writing() as session:
            session.add(Lane(id="1"))
            declare_standards(session, blobs, [STANDARD])

    def frame(self, number, data=None, *, ago=timedelta(0)):
        """A frame of the lane that was taken, and arrived, so long ago; gives its digest."""
        data, then = data or f"picture {number}".encode(), (datetime.now(UTC) - ago).isoformat()
        sha256 = hashlib.sha256(data).hexdigest()
        was_kept = self.blobs.keep(data, sha256)
        shot = Shot(then, then, sha256, 9, 9)
        with patch.object(frames, "now", lambda: then):
            self.loads.keep_frames([Arrival(Place("lane:1", "mast", number), shot, ANN, was_kept)])
        return sha256

    def open(self, load):
        with self.loads.writing() as session:
            self.loads.open(session, load, Particulars(STANDARD, lane="1"), actor=ANN)

    def close(self, load):
        with self.loads.writing() as session:
            loads.close(session, load, {}, actor=ANN)

    def step(self, load, event):
        with self.loads.writing() as session:
            loads.move(session, loads.find(session, load), event, actor=ANN, reason="so")

    def reopen(self, load):
        with self.loads.writing() as session:
            loads.reopen(session, loads.find(session, load), lead_s=LEAD_S, actor=ANN, reason="doubt")

    def visit(self, load, number):
        """A load with one frame, which is closed and could not be graded; gives the frame's digest."""
        self.open(load)
        sha256 = self.frame(number)
        self.close(load)
        self.loads.failed(load, "nobody looked")
        return sha256

    def let_go(self, after_days=31, days=30):
        now = datetime.now(UTC) + timedelta(days=after_days)
        return let_waiting_go(self.engine, self.blobs, days=days, lead_s=self.loads.lead_s, now=now)

    def found(self):
        anchor = AnchorCheck([self.anchor.path])
        with Session(self.engine) as session:
            return [str(finding) for finding in verify_store(session, self.blobs, anchor).findings]

    def number(self, table):
        with self.loads.reading() as session:
            return session.scalars(select(func.count()).select_from(table)).one()


@pytest.fixture
def yard(database_url, blobs, tmp_path):
    yard = LaneYard(database_url, blobs, tmp_path)
    yield yard
    yard.engine.dispose()


@pytest.fixture
def small(new_sqlite, tmp_path):
    """A yard of one machine."""
    yard = LaneYard(new_sqlite("loads.sqlite"), FolderBlobs(tmp_path / "blobs"), tmp_path)
    yield yard
    yard.engine.dispose()


def test_frames_that_no_load_has_claimed_are_let_go_when_they_are_old_and_that_is_on_record(yard, monkeypatch):
    monkeypatch.setattr(waiting_frames, "_WINDOW", 3)
    monkeypatch.setattr(waiting_frames, "_A_RECORD", 2)
    digests = [yard.frame(number) for number in range(7)]
    assert yard.let_go(after_days=29) == 0
    assert all(yard.blobs.exists(sha256) for sha256 in digests)
    assert yard.let_go() == 7
    assert not any(yard.blobs.exists(sha256) for sha256 in digests)
    assert yard.let_go() == 0
    assert yard.found() == []
    assert yard.number(StoredFrame) == 7  # the rows and their digests stay
    with yard.loads.reading() as session:
        told = session.scalars(select(JournalRecord.body).where(JournalRecord.subject == "lane:1")).all()
    assert all(any(sha256 in body for body in told) for sha256 in digests)


def test_frames_of_a_load_are_none_that_wait(small):
    kept = small.visit("a", 0)
    small.step("a", "cancel")
    assert small.let_go() == 0
    assert small.blobs.exists(kept)


def test_frames_that_came_after_a_load_are_kept_until_it_is_over_for_as_long(small):
    small.visit("a", 0)
    after = small.frame(1)
    assert small.let_go(after_days=400) == 0
    small.step("a", "cancel")
    assert small.let_go(after_days=29) == 0
    small.reopen("a")  # it takes what was taken since it was closed
    assert small.number(LoadFrame) == 2
    assert small.blobs.exists(after)


def test_what_came_after_a_load_that_is_long_over_is_let_go(small):
    small.visit("a", 0)
    after = small.frame(1)
    small.step("a", "cancel")
    assert small.let_go() == 1
    assert not small.blobs.exists(after)
    assert small.found() == []


def test_a_frame_that_the_next_load_may_claim_is_kept_however_few_the_days(new_sqlite, blobs, tmp_path):
    """Where the settings let a load claim what was taken days before it came."""
    yard = LaneYard(new_sqlite("loads.sqlite"), blobs, tmp_path, lead_s=5 * 86400)
    yard.frame(0)
    assert yard.let_go(after_days=4, days=1) == 0
    yard.open("a")
    assert yard.number(LoadFrame) == 1
    yard.engine.dispose()


def test_bytes_that_a_load_or_a_younger_frame_shows_too_stay(yard):
    signal, night, alone = (yard.frame(seq, data, ago=OLD) for seq, data in enumerate((b"no signal", b"night", b"-")))
    yard.open("a")
    yard.frame(3, b"no signal")
    yard.close("a")
    yard.frame(4, b"night")
    assert yard.let_go(after_days=0) == 3
    assert [yard.blobs.exists(sha256) for sha256 in (signal, night, alone)] == [True, True, False]
    assert yard.found() == []


def test_one_picture_of_two_frames_is_let_go_with_the_last_of_them(small):
    small.frame(0, b"night", ago=OLD)
    sha256 = small.frame(1, b"night")
    assert small.let_go(after_days=0) == 1
    assert small.blobs.exists(sha256)
    assert small.let_go() == 1
    assert not small.blobs.exists(sha256)
    assert small.found() == []


def test_bytes_that_are_let_go_of_while_the_same_arrive_are_asked_for_again(yard):
    sha256 = yard.frame(0, b"night")
    yard.let_go()
    shot = Shot(*2 * [datetime.now(UTC).isoformat()], sha256, 9, 9)
    arrival = Arrival(Place("lane:1", "mast", 1), shot, ANN, was_kept=True)
    with pytest.raises(StoreUnavailableError, match="send it anew"):
        yard.loads.keep_frames([arrival])
    yard.frame(1, b"night")
    assert yard.blobs.exists(sha256)
    assert yard.found() == []


def test_a_store_that_cannot_tell_what_it_had_is_asked_only_where_a_frame_showed_the_same(small):
    """It is asked while whoever else brings frames has to wait."""

    class Forgetful(FolderBlobs):
        asked: ClassVar = []

        def keep(self, data, sha256):
            super().keep(data, sha256)
            return True

        def exists(self, sha256):
            self.asked.append(sha256)
            return super().exists(sha256)

    small.blobs = small.loads.blobs = Forgetful(small.blobs.path("0" * 64).parent.parent)
    sha256 = small.frame(0, b"night")
    small.frame(1)
    assert Forgetful.asked == []
    small.let_go()
    shot = Shot(*2 * [datetime.now(UTC).isoformat()], sha256, 9, 9)
    with pytest.raises(StoreUnavailableError, match="send it anew"):
        small.loads.keep_frames([Arrival(Place("lane:1", "mast", 2), shot, ANN, was_kept=True)])
    small.frame(2, b"night")
    assert set(Forgetful.asked) == {sha256}
    assert small.found() == []


def test_bytes_that_come_again_between_the_record_and_the_deletion_stay(small, monkeypatch):
    sha256 = small.frame(0, b"night", ago=OLD)
    deleting_some = deleting._delete

    def delete(*what):
        small.frame(1, b"night")
        deleting_some(*what)

    monkeypatch.setattr(deleting, "_delete", delete)
    assert small.let_go(after_days=0) == 1
    assert small.blobs.exists(sha256)
    assert small.found() == []


def test_a_load_claims_no_frame_that_was_let_go_and_says_so(small):
    """Neither when it is taken up again nor when a later frame with a higher number turns out to be its own."""
    small.visit("a", 0)
    with small.loads.writing() as session:
        seen = HazardSighting("gas_cylinder", 0.9, (1, 2, 3, 4), 1.5, "0" * 64)
        hazards.keep(session, loads.find(session, "a"), seen)  # so its own frames are kept
    small.frame(1)
    small.step("a", "cancel")
    small.let_go()
    kept = small.frame(2)
    small.reopen("a")
    small.frame(3)
    with small.loads.reading() as session:
        assert session.scalars(select(LoadFrame.seq).order_by(LoadFrame.seq)).all() == [0, 2, 3]
        flags = {flag.code: (flag.level, flag.why) for flag in loads.flags(session, "a")}
    why = "frames that lane 1 took after this load was closed were let go when they were old (1)"
    assert flags["frames_let_go"] == ("review", why)
    assert small.blobs.exists(kept)
    assert small.found() == []


def test_a_lost_picture_of_a_frame_that_waits_is_named(small):
    lost = small.frame(0)
    small.blobs.delete(lost)
    assert [line for line in small.found() if "frames lane:1 / mast / 0: its bytes are gone" in line]


def test_a_row_by_which_no_load_may_claim_a_frame_is_found_where_nobody_let_go_of_it(small):
    small.frame(0)
    with small.loads.writing() as session:
        session.execute(text("INSERT INTO let_go_frames VALUES ('lane:1', 'mast', 0)"))
    assert small.found() == ["let_go_frames lane:1 / mast / 0: no journal record stands for it: it was put in"]


def test_a_check_and_a_backup_are_whole_though_frames_are_let_go_meanwhile(small, tmp_path):
    for number in range(3):
        small.frame(number)
    reads = small.blobs.get
    done = []

    def get(sha256):
        if not done:
            done.append(None)
            done[0] = small.let_go()
        return reads(sha256)

    small.blobs.get = get
    assert small.found() == []
    assert done == [3]
    done.clear()
    verdict = back_up(small.engine, small.blobs, small.anchor.path, tmp_path / "backup")
    assert verdict.findings == []


def test_the_server_lets_go_of_them_by_itself(small):
    digests = [small.frame(number) for number in range(3)]
    thread = Retention(small.engine, small.blobs, Policy(0, None), lead_s=0)
    thread.start()
    try:
        end = time.monotonic() + 20
        while any(map(small.blobs.exists, digests)) and time.monotonic() < end:
            time.sleep(0.02)
    finally:
        thread.stop()
    assert not any(map(small.blobs.exists, digests))
