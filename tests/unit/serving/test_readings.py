"""What a device says is on record, whatever else the server lacks at that moment."""

import uuid
from importlib import resources

import pytest
from sqlalchemy import select

from loadlens.serving.alarms.alarms import open_alarms
from loadlens.serving.loads import Loads
from loadlens.serving.records import lanes, loads, readings
from loadlens.serving.records.loads import Particulars
from loadlens.serving.store.tables import Lane, Reading, now

READER = "key:reader"


def reading(kind, **more):
    said = {"lane": "1", "device": "it", "kind": kind, "at": now(), "raw": ""} | more
    return Reading(id=str(uuid.uuid4()), **said)


@pytest.fixture
def without_its_standard(yard, tmp_path):
    """The records of a site whose loads so far were graded by a file that its settings name no more."""
    own = tmp_path / "mill.toml"
    shipped = resources.files("loadlens.grading") / "standards" / "example-mill.toml"
    text = shipped.read_text(encoding="utf-8").replace('id = "example-mill"', 'id = "our-mill"')
    own.write_text(text, encoding="utf-8")
    now_set = yard.loads
    yard.loads = Loads(yard.engine, now_set.blobs, str(own), 600.0)
    return now_set


def test_a_radiation_alarm_is_taken_though_the_standard_of_the_load_is_gone(yard, without_its_standard):
    with yard.loads.writing() as session:
        loads.open_load(session, "a", Particulars("our-mill", lane="1"), lead_s=0, actor=READER)
    with without_its_standard.writing() as session:
        said = reading("radiation", text="alarm", value=3.2, unit="uSv/h")
        assert without_its_standard.take_reading(session, said, actor=READER)[0]
    with without_its_standard.reading() as session:
        assert [alarm.kind for alarm in session.scalars(open_alarms())] == ["radiation"]
        assert [flag.code for flag in loads.flags(session, "a")] == ["radiation"]


def test_a_tare_is_on_record_though_the_standard_of_the_load_is_gone(yard, without_its_standard):
    with yard.loads.writing() as session:
        lanes.put(session, "1", "25000", "20000", actor=READER)
    yard.graded("a", gross=48_960, standard="our-mill", more={"lane": "1"})
    with without_its_standard.writing() as session:
        said = reading("weight", kg="16420", stable=True)
        assert without_its_standard.take_reading(session, said, actor=READER) == (True, None)
    with without_its_standard.reading() as session:
        assert [kept.kg for kept in readings.newest(session, session.get_one(Lane, "1"), None, 10)] == ["16420"]
        assert session.scalars(select(Reading.id)).one() == said.id
