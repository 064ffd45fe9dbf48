"""Weights, plates, radiation, rooms and grabs over a real broker that is stopped, and a reader that is killed."""

import json
import uuid

import pytest
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion

AT = "2026-03-01T08:00:00+08:00"
MESSAGES = {
    "bridge/weight": {"value": 48.96, "unit": "t", "stable": True, "in_range": True},
    "crane/grab_mass": {"value": "1240.5", "unit": "kg"},
    "gate/plate": {"text": "\u4eacA12345", "confidence": 0.98},
    "portal/radiation": {"alarm": True, "value": 0.42, "unit": "uSv/h"},
    "room-1/room": {"quantity": "temperature", "value": 31.5, "unit": "C"},
}
READINGS = {
    "bridge/weight": {"kg": "48960.00", "stable": True, "text": "48.96 t"},
    "crane/grab_mass": {"kg": "1240.5", "text": "1240.5 kg"},
    "gate/plate": {"text": "\u4eacA12345", "value": 0.98},
    "portal/radiation": {"text": "alarm", "value": 0.42, "unit": "uSv/h"},
    "room-1/room": {"text": "temperature", "value": 31.5, "unit": "C"},
}


@pytest.fixture
def publish(broker):
    """Publish with QoS 1, confirmed by the broker."""

    def send(place, message, retain=False):
        client = Client(CallbackAPIVersion.VERSION2)
        client.connect("127.0.0.1", broker.port)
        client.loop_start()
        payload = message if isinstance(message, bytes) else json.dumps({"at": AT, **message}).encode()
        client.publish(f"yard/3/{place}", payload, qos=1, retain=retain).wait_for_publish(30)
        client.disconnect()
        client.loop_stop()

    return send


def address(broker):
    return f"mqtt://127.0.0.1:{broker.port}/yard"


def listening(wait_until, office, publish):
    """Until the reader has subscribed: a retained message is told to whoever comes."""
    message = {"quantity": "smoke", "value": 0, "unit": "1", "id": str(uuid.uuid4())}
    publish("probe/room", message, retain=True)
    wait_until(lambda: office.readings, "the reader listens")


def kept(office, place):
    device = place.split("/")[0]
    return [reading for reading in office.readings if reading["device"] == device]


def test_every_kind_of_message_becomes_its_reading(read, office, broker, publish, wait_until):
    read(address(broker))
    listening(wait_until, office, publish)
    for place, message in MESSAGES.items():
        publish(place, message)
    for place, expected in READINGS.items():
        wait_until(lambda place=place: kept(office, place), f"a reading of {place}")
        (reading,) = kept(office, place)
        assert reading["kind"] == place.split("/")[1]
        assert {name: reading[name] for name in expected} == expected
        assert reading["at"] == AT


def test_what_is_published_twice_is_one_reading(read, office, broker, publish, wait_until):
    read(address(broker))
    listening(wait_until, office, publish)
    for _ in range(3):
        publish("portal/radiation", MESSAGES["portal/radiation"])
    publish("gate/plate", MESSAGES["gate/plate"])
    wait_until(lambda: kept(office, "gate/plate"), "what came last")
    assert len(kept(office, "portal/radiation")) == 1


def test_nothing_is_lost_while_the_reader_is_dead_or_the_broker_away(read, office, broker, publish, wait_until):
    process = read(address(broker))
    listening(wait_until, office, publish)
    process.kill()
    process.wait()
    for grab in range(1, 6):
        publish("crane/grab_mass", {"value": grab, "unit": "t"})
    broker.stop()
    broker.start()
    read(address(broker))
    wait_until(lambda: len(kept(office, "crane/grab_mass")) == 5, "the grabs of the time between")
    broker.stop()
    wait_until(lambda: office.state_of("crane") == "lost", "the broker is missed")
    broker.start()
    wait_until(lambda: office.state_of("crane") == "ok", "the broker is back")
    publish("crane/grab_mass", {"value": 6, "unit": "t"})
    wait_until(lambda: len(kept(office, "crane/grab_mass")) == 6, "the next grab")
    assert [reading["kg"] for reading in kept(office, "crane/grab_mass")] == [f"{grab}000" for grab in range(1, 7)]


def test_a_number_beyond_all_numbers_does_not_deafen_the_reader(read, office, broker, publish, wait_until):
    read(address(broker))
    listening(wait_until, office, publish)
    publish("portal/radiation", f'{{"at": "{AT}", "alarm": true, "value": 1e{10**20}, "unit": "cps"}}'.encode())
    publish("portal/radiation", MESSAGES["portal/radiation"])
    wait_until(lambda: kept(office, "portal/radiation"), "the alarm behind it")
    wait_until(lambda: office.counted("portal", "refused: not JSON"), "it was counted")


@pytest.fixture
def listener(read, office, broker, publish, wait_until):
    """A reader that has subscribed."""
    process = read(address(broker))
    listening(wait_until, office, publish)
    return process


BAD = {
    "not JSON": b"48960 kg",
    "not of the schema": {"value": 48960, "unit": "st", "stable": True, "in_range": True},
    "too long": b"[" + b" " * 5000 + b"]",
    "in motion": {"value": 48960, "unit": "kg", "stable": False, "in_range": True},
    "out of range": {"value": 48960, "unit": "kg", "stable": True, "in_range": False},
    "not above zero": {"value": -20, "unit": "kg", "stable": True, "in_range": True},
    "net of a tare set on the indicator": {"value": 20, "unit": "kg", "stable": True, "in_range": True, "net": True},
}


@pytest.mark.parametrize("reason", BAD)
def test_a_message_that_says_no_weighing_is_counted_and_not_kept(listener, office, publish, wait_until, reason):
    publish("bridge/weight", BAD[reason])
    publish("bridge/weight", MESSAGES["bridge/weight"])
    wait_until(lambda: kept(office, "bridge/weight"), "the good one after it")
    counted = f"refused: {reason}"
    wait_until(lambda: office.counted("bridge", counted), "it was counted")
    assert len(kept(office, "bridge/weight")) == 1
