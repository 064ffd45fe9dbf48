"""A day of the demo plant: through a broker that fails, out as a workbook, into an empty system, the same again."""

import json
from collections import Counter
from datetime import UTC, datetime

import pytest

from loadlens.serving import demo_sensors
from loadlens.serving.demo_plant import KINDS, LIST, ROOMS
from loadlens.serving.waste_demo import run_waste_demo
from loadlens.waste.codes import code_list


def test_every_waste_of_the_demo_is_in_the_list_that_was_read():
    assert len({(kind.code, kind.name) for kind in KINDS}) == len(KINDS) == 30
    assert all(code_list(LIST).find(kind.code).verified for kind in KINDS)
    assert Counter(kind.room for kind in KINDS).keys() == ROOMS.keys()


@pytest.mark.long
def test_a_day_of_the_plant_comes_back_from_its_workbook(broker, tmp_path):  # `broker`: where there is none, skip
    out = tmp_path / "demo"
    told = run_waste_demo(out, days=1, every_h=3)
    assert (told["rooms"], told["containers"]) == (12, 31)
    assert told["readings"] == 2 * (12 * 8 - 2)
    # What the sensors kept while the broker was away came later; only what nobody measured is a gap.
    assert {sensor: len(gaps) for sensor, gaps in told["gaps"].items()} == {
        "carbon/temperature": 1,
        "carbon/humidity": 1,
    }
    assert told["alarms"] == ["room.limit room:dross-1/temperature-1/temperature"]
    assert told["the same in an empty system"] == ["balance", "stock", "postings", "particulars"]
    assert told["verified"] == "all is as it was recorded"
    assert json.loads((out / "summary.json").read_text(encoding="utf-8")) == told
    stock = (out / "stock.csv").read_text(encoding="utf-8-sig").splitlines()
    assert len(stock) == 1 + told["containers"] - 10


def test_what_sensors_measure_while_the_broker_is_away_reaches_it(broker, tmp_path):  # `broker`: as above
    own = demo_sensors.Broker(tmp_path)
    sensors = demo_sensors.Sensors(own.port)
    own.stop()
    sensors.publish("room-1", "temperature", datetime(2026, 3, 2, 8, tzinfo=UTC), 21.5)
    own.start()
    sensors.close()
    own.stop()
