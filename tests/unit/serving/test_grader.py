"""What the thread that grades remembers of loads, and what it says where it cannot watch one."""

import time
from datetime import UTC, datetime

import numpy as np
import pytest
from sqlalchemy import func, select

from loadlens.serving.alarms import alarms
from loadlens.serving.beds import Beds
from loadlens.serving.grader import Grader
from loadlens.serving.jpeg import encode_jpeg
from loadlens.serving.leases import Alone, SharedLeases
from loadlens.serving.loads import Arrival
from loadlens.serving.records import loads, watching
from loadlens.serving.records.frames import Place, Shot
from loadlens.serving.records.loads import Particulars
from loadlens.serving.store.lease_tables import Lease
from loadlens.vision.model import load_model

ANN = "user:ann"
SIZE = (480, 272)


def wait_until(true, what, within_s=120):
    end = time.monotonic() + within_s
    while not true():
        assert time.monotonic() < end, f"never so: {what}"
        time.sleep(0.05)


class Site:
    """The records of a yard with a grader that shares them with others."""

    def __init__(self, yard, model_file, leases=None):
        self.records = yard.loads
        leases = leases or SharedLeases(yard.engine)
        self.grader = Grader(yard.loads, lambda: load_model(model_file), Beds(), leases)

    def open(self, load):
        with self.records.writing() as session:
            loads.open_load(session, load, Particulars("example-mill"), lead_s=0, actor=ANN)

    def send(self, load, seq=0):
        picture = np.random.default_rng(seq).integers(0, 256, (SIZE[1], SIZE[0], 3), np.uint8)
        at = datetime.now(UTC).isoformat()
        shot = Shot(at, at, self.records.blobs.put(encode_jpeg(picture)), *SIZE)
        self.records.keep_frames([Arrival(Place(f"load:{load}", "yard", seq), shot, "key:camera")])
        return shot.sha256

    def close(self, load):
        with self.records.writing() as session:
            loads.close(session, load, {}, actor=ANN)

    def status(self, load):
        with self.records.reading() as session:
            return loads.find(session, load).status

    def watched(self, load):
        with self.records.reading() as session:
            return self.grader.progress(session, loads.find(session, load)).watched

    def leases(self):
        with self.records.reading() as session:
            return session.scalars(select(func.count()).select_from(Lease)).one()

    def alarms(self):
        with self.records.reading() as session:
            return [(alarm.kind, alarm.subject) for alarm in session.scalars(alarms.open_alarms())]


@pytest.fixture
def site(yard, model_file):
    site = Site(yard, model_file)
    yield site
    site.grader.stop(60)


def test_nothing_is_kept_of_loads_that_are_graded_or_given_up(site):
    for load in ("graded", "given up", "open"):
        site.open(load)
        site.send(load)
    site.grader.start()
    wait_until(lambda: all(site.watched(load) for load in ("graded", "given up", "open")), "all are watched")
    site.close("graded")
    with site.records.writing() as session:
        loads.move(session, loads.find(session, "given up"), "cancel", actor=ANN, reason="refused at the gate")
    wait_until(lambda: site.status("graded") in ("graded", "flagged"), "it is graded")
    wait_until(lambda: site.leases() == 1, "only the open load is held")
    assert list(site.grader._live) == ["open"]


def test_an_open_load_that_cannot_be_watched_is_an_alarm_and_is_tried_again(site, monkeypatch):
    monkeypatch.setattr("loadlens.serving.grader._FIRST_WAIT_S", 0.5)
    site.open("a")
    kept = site.send("a")
    path = site.records.blobs.path(kept)
    good = path.read_bytes()
    path.write_bytes(b"the disk has spoiled it")
    site.grader.start()
    wait_until(site.alarms, "somebody is told")
    assert site.alarms() == [("load.unwatched", "load:a")]
    wait_until(lambda: "damaged" in (_trouble(site, "a") or ""), "the load says why")
    time.sleep(3)  # it fails again meanwhile
    assert site.alarms() == [("load.unwatched", "load:a")]
    path.write_bytes(good)
    wait_until(lambda: site.watched("a"), "it is watched after all")
    wait_until(lambda: _trouble(site, "a") is None, "the trouble is over")


def _trouble(site, load):
    with site.records.reading() as session:
        return site.grader.progress(session, loads.find(session, load)).trouble


def test_grading_goes_on_after_what_nobody_foresaw(yard, model_file):
    class Stumbling(Alone):
        falls = 3

        def take(self, load_id):
            self.falls -= 1
            if self.falls >= 0:
                raise KeyError(load_id)
            return True

    site = Site(yard, model_file, Stumbling())
    site.open("a")
    site.send("a")
    site.grader.start()
    wait_until(lambda: "stumbles: KeyError" in (site.grader.problem or ""), "it is told")
    wait_until(lambda: site.watched("a"), "it is watched nevertheless")
    wait_until(lambda: site.grader.problem is None, "all is well")
    site.grader.stop(60)


def test_a_load_that_somebody_else_has_graded_meanwhile_does_not_fail(yard):
    yard.graded("a")
    yard.loads.failed("a", "this process could not read a frame")
    with yard.loads.reading() as session:
        load = loads.find(session, "a")
        assert (load.status, load.failure) == ("flagged", None)


def test_only_an_open_load_goes_unwatched(yard):
    yard.graded("a")
    yard.loads.unwatched("a", "this process could not read a frame")
    with yard.loads.reading() as session:
        assert list(session.scalars(alarms.open_alarms())) == []
        assert watching.told(session, "a").trouble is None
