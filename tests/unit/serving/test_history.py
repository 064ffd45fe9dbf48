"""Histories made with the records alone, without a server: any of them verifies, and what policy may let go of."""

import hashlib
import itertools
import time
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from loadlens.grading.observation import HazardSighting, LayerObservation, LoadObservation, ModelVersion, SurfaceClass
from loadlens.serving.evidence import deleting, retention
from loadlens.serving.evidence.anchor_check import AnchorCheck
from loadlens.serving.evidence.backup import back_up
from loadlens.serving.evidence.bundle import write_bundle
from loadlens.serving.evidence.bundle_check import verify_bundle
from loadlens.serving.evidence.in_force import declare_standards
from loadlens.serving.evidence.retention import Policy, Retention, let_go
from loadlens.serving.evidence.verify import verify_store
from loadlens.serving.load_errors import LoadError
from loadlens.serving.loads import Arrival, Loads
from loadlens.serving.records import assessments, hazards, loads, reviews, statements
from loadlens.serving.records.assessments import Drawn
from loadlens.serving.records.frames import Place, Shot, count
from loadlens.serving.records.loads import Particulars
from loadlens.serving.records.statements import Said, Shown
from loadlens.serving.records.weights import Weighed
from loadlens.serving.settings import Settings
from loadlens.serving.sheet.source import source_of_version
from loadlens.serving.store.anchor import Anchor
from loadlens.serving.store.blobs import FolderBlobs
from loadlens.serving.store.database import open_database
from loadlens.serving.store.errors import StoreUnavailableError
from loadlens.serving.store.journal import Seal, rotate_key, sealed
from loadlens.serving.store.row_facts import VOUCHED
from loadlens.serving.store.signing import SigningKeys
from loadlens.serving.store.tables import Load, StoredFrame
from loadlens.serving.sweeper import Sweeper

STANDARD = "gbt-39733-2024"
CLASSES = {
    "hms_1": SurfaceClass("hms_1", "form", family="steel", metal="steel"),
    "wood": SurfaceClass("wood", "contaminant", density_low=0.05, density=0.15, density_high=0.3),
}
ANN = "user:ann"


class Yard:
    """The records of a site; each method is something that happens there."""

    def __init__(self, folder):
        self.anchor = Anchor(folder / "journal.anchor")
        seal = Seal(SigningKeys(folder / "signing.key"), self.anchor)
        self.engine = sealed(open_database(f"sqlite:///{folder / 'loadlens.sqlite'}"), seal)
        self.blobs = FolderBlobs(folder / "blobs")
        self.loads = Loads(self.engine, self.blobs, STANDARD, 600.0)
        with self.loads.writing() as session:
            declare_standards(session, self.blobs, [STANDARD])

    def open(self, load, _number=0):
        with self.loads.writing() as session:
            loads.open_load(session, load, Particulars(STANDARD, declared="HRS101"), lead_s=0, actor=ANN)

    def weigh(self, load, number):
        kind = "gross" if number % 2 else "tare"
        kg = Decimal(40_000 + number if kind == "gross" else 15_000 + number)
        with self.loads.writing() as session:
            self.loads.weigh(session, loads.find(session, load), kind, Weighed(kg, Decimal(20)), actor=ANN)

    def amend(self, load, number):
        correct = {"plate": f"京A{number}", "declared": f"HRS10{number % 3}"}
        with self.loads.writing() as session:
            self.loads.amend(session, loads.find(session, load), correct, actor=ANN, reason=f"misread {number}")

    def frame(self, load, number, data=None):
        data = data or f"picture {number} of {load}".encode()
        at = datetime.now(UTC).isoformat()
        shot = Shot(at, at, self.blobs.put(data), 640, 480)
        self.loads.keep_frames([Arrival(Place(f"load:{load}", "yard", number), shot, "key:camera")])

    def close(self, load, _number=0):
        with self.loads.writing() as session:
            loads.close(session, load, {}, actor=ANN)

    def grade(self, load, number):
        with self.loads.reading() as session:
            watched = count(session, load)
            key = session.scalars(select(StoredFrame.sha256).where(StoredFrame.stream == f"load:{load}")).first()
        kinds = ("drawn", "map", "trace")
        picture, kept, trace = (self.blobs.put(f"{what} {number} of {load}".encode()) for what in kinds)
        drawn = {0: Drawn(picture, kept, "mast")}
        self.loads.graded(load, observed(load, key, wood=number % 30 / 100), drawn, trace, watched)

    def fail(self, load, _number):
        self.loads.failed(load, "the picture was upside down")

    def review(self, load, number):
        with self.loads.writing() as session:
            found = loads.find(session, load)
            decided = {"decision": "accept", "reason": f"looked at {number}", "correction": None}
            reviews.add(session, found, self.loads.standards.of(session, found), **decided, actor=ANN)

    def state(self, load, number):
        with self.loads.writing() as session:
            found, newest = loads.find(session, load), assessments.newest(session, load)
            shown = source_of_version(session, self.loads, found, newest.version if newest else 1).shown
            said, reason = Said(f"Zhang {number}", "too much", "yard"), "deduction" if number % 2 else None
            self.loads.state(session, found, shown, said, reason, actor=ANN)

    def answer(self, load, number):
        with self.loads.writing() as session:
            found = loads.find(session, load)
            for dispute in statements.unanswered(session, load_id=load):
                statements.answer(session, found, dispute.id, "explained", f"look {number}", actor=ANN)

    def step(self, event):
        def happen(load, number):
            with self.loads.writing() as session:
                loads.move(session, loads.find(session, load), event, actor=ANN, reason=f"because {number}")

        return happen

    def reopen(self, load, number):
        with self.loads.writing() as session:
            loads.reopen(session, loads.find(session, load), lead_s=0, actor=ANN, reason=f"doubt {number}")

    def flag(self, load, number, code="radiation", level="stop"):
        with self.loads.writing() as session:
            loads.flag(session, loads.find(session, load), code, level, f"why {number}")

    def hazard(self, load, _number=0):
        seen = HazardSighting("gas_cylinder", 0.9, (1, 2, 3, 4), 1.5, "0" * 64)
        with self.loads.writing() as session:
            hazards.keep(session, loads.find(session, load), seen)

    def rotate(self, _load, _number):
        rotate_key(self.engine, ANN)

    def let_go(self, _load=None, _number=0, days=30):
        later = datetime.now(UTC) + timedelta(days=31)
        return let_go(self.engine, self.blobs, Policy(frames=days, drawings=days), later)

    def settled(self, load):
        """A whole visit: opened, two frames, closed, graded, reviewed, weighed, settled."""
        self.open(load)
        self.weigh(load, 1)
        self.frame(load, 0)
        self.frame(load, 1)
        self.close(load)
        self.grade(load, 3)
        self.weigh(load, 2)
        self.review(load, 0)
        self.step("settle")(load, 0)

    def found(self):
        anchor = AnchorCheck([self.anchor.path])
        with Session(self.engine) as session:
            return [str(finding) for finding in verify_store(session, self.blobs, anchor).findings]

    def happenings(self):
        return {name: getattr(self, name) for name in NAMES} | {event: self.step(event) for event in STEPS}


def observed(load, key, wood):
    layer = LayerObservation(
        index=0,
        start_s=0.0,
        end_s=8.0,
        key_frame_s=4.0,
        key_frame_sha256=key or "",
        new_area=1.0,
        visible=1.0,
        forms={"hms_1": 1.0 - wood},
        contaminants={"wood": wood} if wood else {},
        unknown=0.0,
        confidence=0.9,
    )
    return LoadObservation(
        load_id=load,
        source="camera yard",
        started_at="2026-03-01T08:00:00+00:00",
        frames_seen=2,
        frames_used=1,
        layers=() if key is None else (layer,),
        hazards=(),
        classes=CLASSES,
        coverage=0.97,
        duplicate_area=0.0,
        mm_per_px=None,
        model=ModelVersion("test", "1", "0" * 64),
        software="0.1.0",
        area_error=None,
        forms_known=("hms_1",),
    )


@pytest.fixture
def yard(tmp_path):
    yard = Yard(tmp_path)
    yield yard
    yard.engine.dispose()


NAMES = (
    *("open", "weigh", "amend", "frame", "close", "grade", "fail", "review", "reopen", "flag", "hazard"),
    *("state", "answer", "rotate", "let_go"),
)
STEPS = ("settle", "cancel", "late_frames")
happenings = st.tuples(st.sampled_from(NAMES + STEPS), st.sampled_from("abc"), st.integers(0, 9))


@pytest.mark.timeout(900)
@settings(max_examples=10, suppress_health_check=list(HealthCheck))
@given(before=st.lists(happenings, max_size=20), after=st.lists(happenings, max_size=8))
def test_random_histories_verify(tmp_path_factory, before, after):
    """Whatever is asked for in whatever order: what is recorded is in itself consistent, and a bundle of it too."""
    folder = tmp_path_factory.mktemp("history")
    yard = Yard(folder)
    visit = [("open", "a", 0), ("frame", "a", 0), ("weigh", "a", 1), ("close", "a", 0), ("grade", "a", 5)]
    for name, load, number in itertools.chain(before, visit, after):
        try:
            yard.happenings()[name](load, number)
        except LoadError:
            continue  # refused, and nothing recorded
    assert yard.found() == []
    with Session(yard.engine) as session:
        write_bundle(session, yard.blobs, "a", folder / "a.zip")
    assert [str(finding) for finding in verify_bundle(folder / "a.zip").findings] == []
    yard.engine.dispose()


def test_pictures_are_let_go_by_the_policy_and_that_is_on_record(yard):
    yard.settled("old")
    with Session(yard.engine) as session:
        digests = session.scalars(select(StoredFrame.sha256)).all()
    assert yard.let_go(days=None) == {"frames": 0, "drawings": 0}
    assert let_go(yard.engine, yard.blobs, Policy(30, 30), datetime.now(UTC)) == {"frames": 0, "drawings": 0}
    assert all(yard.blobs.exists(sha256) for sha256 in digests)
    assert yard.let_go() == {"frames": 1, "drawings": 1}
    assert not any(yard.blobs.exists(sha256) for sha256 in digests)
    assert yard.let_go() == {"frames": 0, "drawings": 0}
    assert yard.found() == []
    with yard.loads.reading() as session:
        assert count(session, "old") == 2  # the rows and their digests stay


def no_signal(yard, load, number, was_kept=True):
    """A frame whose bytes another load has too, such as the card of a camera without a signal; `yard` has them."""
    data, at = b"no signal", datetime.now(UTC).isoformat()
    shot = Shot(at, at, hashlib.sha256(data).hexdigest(), 640, 480)
    yard.loads.keep_frames([Arrival(Place(f"load:{load}", "yard", number), shot, "key:camera", was_kept)])


@pytest.fixture
def old_and_new(yard):
    """A load that is old, with a frame of which one comes again, and one that is open."""
    yard.open("old")
    yard.frame("old", 0, b"no signal")
    yard.close("old")
    yard.grade("old", 3)
    yard.step("cancel")("old", 0)
    yard.open("new")
    return yard


def test_bytes_that_are_let_go_of_while_the_same_arrive_are_asked_for_again(old_and_new):
    yard = old_and_new
    sha256 = hashlib.sha256(b"no signal").hexdigest()
    assert yard.blobs.keep(b"no signal", sha256)
    yard.let_go()
    with pytest.raises(StoreUnavailableError, match="send it anew"):
        no_signal(yard, "new", 0)
    assert not yard.blobs.keep(b"no signal", sha256)
    no_signal(yard, "new", 0, was_kept=False)
    assert yard.blobs.exists(sha256)
    assert yard.found() == []


def test_bytes_that_another_load_has_come_to_show_are_not_let_go_of(old_and_new, monkeypatch):
    """Between the record of what is let go and the deletion."""
    yard = old_and_new

    def delete(*what):
        if not count_of(yard, "new"):
            no_signal(yard, "new", 0)
        deleting_some(*what)

    deleting_some = deleting._delete
    monkeypatch.setattr(deleting, "_delete", delete)
    assert yard.let_go()["frames"] == 1
    assert yard.blobs.exists(hashlib.sha256(b"no signal").hexdigest())
    assert yard.found() == []


def count_of(yard, load):
    with yard.loads.reading() as session:
        return count(session, load)


@pytest.mark.parametrize(
    "reason",
    [
        lambda yard: yard.hazard("kept"),
        lambda yard: yard.flag("kept", 0),
        lambda yard: (yard.state("kept", 1), yard.review("kept", 0), yard.step("settle")("kept", 0)),
        lambda yard: yard.reopen("kept", 0),
        lambda yard: (yard.reopen("kept", 0), yard.step("cancel")("kept", 0)),
    ],
    ids=["hazard", "stop flag", "dispute", "taken up again", "taken up and given up"],
)
def test_evidence_that_somebody_may_ask_for_is_never_let_go(yard, reason):
    yard.settled("kept")
    reason(yard)
    assert yard.let_go() == {"frames": 0, "drawings": 0}


def test_silence_confirms_nothing_and_a_dispute_that_nobody_answers_is_flagged_and_stays_open(yard):
    visits = ("silent", "disputed", "answered")
    for load in visits:
        yard.settled(load)
    for load in ("disputed", "answered"):
        yard.state(load, 1)
    yard.answer("answered", 0)
    sweeper = Sweeper(yard.loads, Settings(dispute_answer_days=1e-9))
    sweeper.start()
    sweeper.stop()
    with yard.loads.reading() as session:
        noted = {load: {flag.code for flag in loads.flags(session, load)} for load in visits}
        assert noted == {
            "silent": set(),
            "disputed": {"disputed", "dispute_unanswered"},
            "answered": {"disputed"},
        }
        assert [dispute.load_id for dispute in statements.unanswered(session)] == ["disputed"]
        assert statements.of_load(session, "silent") == []
    assert yard.found() == []


def test_a_confirmation_of_something_else_is_found(yard):
    yard.settled("a")
    with yard.loads.writing() as session:
        said = Said("Zhang", "", "yard")
        yard.loads.state(session, loads.find(session, "a"), Shown(2, None, "0" * 64), said, None, actor=ANN)
    assert any("which is not assessment" in line for line in yard.found())


def test_a_load_that_is_not_over_keeps_its_pictures(yard):
    yard.open("new")
    yard.frame("new", 0)
    yard.close("new")
    yard.grade("new", 3)
    assert yard.let_go() == {"frames": 0, "drawings": 0}


def test_a_picture_that_another_load_shows_stays_with_it(yard):
    yard.settled("old")
    yard.open("new")
    yard.frame("new", 0, b"picture 0 of old")
    yard.let_go()
    with Session(yard.engine) as session:
        kept = {sha256 for sha256 in session.scalars(select(StoredFrame.sha256)) if yard.blobs.exists(sha256)}
        assert kept == set(session.scalars(select(StoredFrame.sha256).where(StoredFrame.stream == "load:new")))
    assert yard.found() == []


def test_a_picture_that_was_let_go_of_one_load_may_not_be_lost_of_another(yard):
    yard.settled("old")
    yard.let_go()
    yard.open("new")
    yard.frame("new", 0, b"picture 0 of old")
    with Session(yard.engine) as session:
        sha256 = session.scalars(select(StoredFrame.sha256).where(StoredFrame.stream == "load:new")).one()
    assert yard.found() == []
    yard.blobs.delete(sha256)
    (found,) = yard.found()
    assert "its bytes are gone" in found


def test_rows_from_before_the_journal_are_taken_into_it(tmp_path):
    database = open_database(f"sqlite:///{tmp_path / 'loadlens.sqlite'}")
    with database.begin() as connection:
        for id_ in ("a", "b"):
            values = f"'{id_}', 'graded', '{STANDARD}', '2026-01-01T00:00:00.000+00:00'"
            connection.execute(text(f"INSERT INTO loads (id, status, standard, created_at) VALUES ({values})"))
            step = f"'{id_}', 'grade', 'graded', 'server', '', '2026-01-01T00:00:00.000+00:00'"
            connection.execute(
                text(f"INSERT INTO transitions (load_id, event, target, actor, reason, at) VALUES ({step})")
            )
    database.dispose()
    yard = Yard(tmp_path)
    assert yard.found() == []
    with yard.loads.writing() as session:
        session.get(Load, "a").declared = "HRS102"
    assert any(line.startswith("loads a: declared is 'HRS102'") for line in yard.found())
    yard.engine.dispose()


def test_every_table_that_is_only_appended_to_is_vouched_for_by_the_journal(yard):
    """A new table whose rows nobody may change is evidence; so a row put into it must be found too."""
    with Session(yard.engine) as session:
        triggers = session.scalars(text("SELECT tbl_name FROM sqlite_master WHERE type = 'trigger'")).all()
    assert set(triggers) - {"journal"} <= set(VOUCHED)


class LettingGo(FolderBlobs):
    """Blobs of a yard whose policy lets go of old pictures as soon as somebody begins to read them."""

    def __init__(self, yard):
        super().__init__(yard.blobs.path("0" * 64).parent.parent)
        self._yard = yard
        self.done = None

    def get(self, sha256):
        self.done = self.done or self._yard.let_go()
        return super().get(sha256)


def test_what_is_let_go_while_a_check_runs_is_not_called_lost(yard):
    yard.settled("old")
    blobs, anchor = LettingGo(yard), AnchorCheck([yard.anchor.path])
    with Session(yard.engine) as session:
        verdict = verify_store(session, blobs, anchor)
    assert blobs.done == {"frames": 1, "drawings": 1}
    assert verdict.findings == []


def test_a_picture_that_is_lost_is_named_though_others_are_let_go_while_the_check_runs(yard):
    yard.settled("old")
    yard.open("new")
    yard.frame("new", 0)
    yard.close("new")
    with yard.loads.reading() as session:
        lost = session.scalars(select(StoredFrame.sha256).where(StoredFrame.stream == "load:new")).one()
    yard.blobs.delete(lost)
    anchor = AnchorCheck([yard.anchor.path])
    with Session(yard.engine) as session:
        found = verify_store(session, LettingGo(yard), anchor).findings
    assert [str(finding) for finding in found] == [
        f"frames load:new / yard / 0: its bytes are gone, SHA-256 {lost}, and no record says that they were let go"
    ]


def test_a_backup_is_whole_though_old_pictures_are_let_go_meanwhile(yard, tmp_path):
    yard.settled("old")
    blobs = LettingGo(yard)
    verdict = back_up(yard.engine, blobs, yard.anchor.path, tmp_path / "backup")
    assert blobs.done == {"frames": 1, "drawings": 1}
    assert verdict.findings == []


def test_a_disk_that_fails_once_does_not_keep_old_pictures_for_ever(yard, monkeypatch):
    for load in ("a", "b"):
        yard.settled(load)
    first, later = (hashlib.sha256(f"picture 0 of {load}".encode()).hexdigest() for load in ("a", "b"))
    yard.blobs.delete(first)
    yard.blobs.path(first).mkdir()  # which cannot be deleted as a picture is
    monkeypatch.setattr(retention, "_EVERY_S", 0.05)
    thread = Retention(yard.engine, yard.blobs, Policy(0, None), lead_s=0)
    thread.start()
    try:
        end = time.monotonic() + 20
        while yard.blobs.exists(later) and time.monotonic() < end:
            time.sleep(0.02)
    finally:
        thread.stop()
    assert not yard.blobs.exists(later)


def test_pictures_are_deleted_once_a_store_that_was_away_answers_again(yard, monkeypatch):
    class Away(FolderBlobs):
        tries = 0

        def delete(self, sha256):
            self.tries += 1
            if self.tries <= 2:
                raise StoreUnavailableError("the store does not answer")
            super().delete(sha256)

    yard.settled("old")
    monkeypatch.setattr(deleting, "_AGAIN_S", 0.01)
    yard.blobs = Away(yard.blobs.path("0" * 64).parent.parent)
    assert yard.let_go() == {"frames": 1, "drawings": 1}
    with yard.loads.reading() as session:
        digests = session.scalars(select(StoredFrame.sha256)).all()
    assert not any(yard.blobs.exists(sha256) for sha256 in digests)
