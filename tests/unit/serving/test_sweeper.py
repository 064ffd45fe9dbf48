"""The sweeper does what it can: a load or a record that fails holds up nothing else."""

import time
from importlib import resources

import pytest
from sqlalchemy import select, text

from loadlens.serving.alarms.alarms import open_alarms
from loadlens.serving.loads import Loads
from loadlens.serving.records import devices, loads
from loadlens.serving.settings import Settings
from loadlens.serving.store.tables import LoadFlag
from loadlens.serving.sweeper import Sweeper

NEVER_WEIGHED = Settings(unweighed_after_h=1e-9, device_lost_s=1e-9)


def sweep(records, settings=NEVER_WEIGHED):
    sweeper = Sweeper(records, settings)
    sweeper.start()
    sweeper.stop()


def flags(records, load):
    with records.reading() as session:
        return [flag.code for flag in loads.flags(session, load)]


@pytest.fixture
def lost_scale(yard):
    with yard.loads.writing() as session:
        devices.tell(session, "1", "scale", state="lost", why="unplugged", counts={}, actor="key:reader")


def test_a_load_whose_standard_is_gone_keeps_no_alarm_back_and_comes_before_a_person(yard, lost_scale, tmp_path):
    """Its standard was a file of the site's, and the settings name another one by now."""
    own = tmp_path / "mill.toml"
    shipped = resources.files("loadlens.grading") / "standards" / "example-mill.toml"
    renamed = shipped.read_text(encoding="utf-8").replace('id = "example-mill"', 'id = "our-mill"')
    own.write_text(renamed, encoding="utf-8")
    before, now = yard.loads, Loads(yard.engine, yard.loads.blobs, "example-mill", 600.0)
    yard.loads = Loads(yard.engine, before.blobs, str(own), 600.0)
    yard.graded("a", standard="our-mill", coverage=1.0)
    sweep(now)
    assert flags(now, "a") == ["tare_missing"]
    with now.reading() as session:
        assert loads.find(session, "a").status == "flagged"
        assert [alarm.kind for alarm in session.scalars(open_alarms())] == ["scale.lost"]


def test_a_truck_that_was_not_weighed_is_told_once_and_one_that_was_is_not(yard):
    yard.graded("unweighed")
    yard.graded("weighed", gross=48_960, tare=16_420)
    for _ in range(2):
        sweep(yard.loads)
    with yard.loads.reading() as session:
        noted = session.scalars(select(LoadFlag.load_id).where(LoadFlag.code == "tare_missing")).all()
    assert noted == ["unweighed"]


def test_loads_that_cannot_be_read_hold_up_neither_what_else_is_swept_nor_the_next_sweep(yard, lost_scale):
    yard.graded("unweighed")
    with yard.loads.writing() as session:
        session.execute(text("ALTER TABLE load_flags RENAME TO mislaid"))
    sweeper = Sweeper(yard.loads, NEVER_WEIGHED.model_copy(update={"sweep_every_s": 0.02}))
    sweeper.start()
    try:
        wait_for(lambda: _open_alarms(yard) == ["scale.lost"])
        with yard.loads.writing() as session:
            session.execute(text("ALTER TABLE mislaid RENAME TO load_flags"))
        wait_for(lambda: flags(yard.loads, "unweighed") == ["tare_missing"])
        assert sweeper.problem is None
    finally:
        sweeper.stop()


def _open_alarms(yard):
    with yard.loads.reading() as session:
        return [alarm.kind for alarm in session.scalars(open_alarms())]


def wait_for(happened):
    end = time.monotonic() + 30
    while not happened() and time.monotonic() < end:
        time.sleep(0.02)
    assert happened()


def test_a_sweeper_that_has_ended_says_so(yard):
    sweeper = Sweeper(yard.loads, Settings())
    sweeper.start()
    assert sweeper.problem is None
    sweeper.stop()
    assert "restart" in sweeper.problem
