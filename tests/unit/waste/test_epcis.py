"""The history of a container as EPCIS: every entry is an event, and what was taken back is declared an error."""

import json
import re
from datetime import UTC, datetime, timedelta

import pytest

from loadlens.waste.epcis import Box, container_history
from loadlens.waste.ledger import (
    FLOOR,
    HANDED_OVER,
    PRODUCTION,
    TRANSIT,
    TREATED,
    WEIGHING,
    Entry,
    counter,
    move,
    repack,
    room,
)

AT = datetime(2026, 11, 25, 8, tzinfo=UTC)
BOX = Box("drum 1", "hazardous-cn", "2021", "321-024-48", "铝灰渣", "200")
EVENT = {"eventTime", "eventTimeZoneOffset", "type", "eventID", "bizStep", "disposition"}


def a_life():
    steps = [
        ("produced", move("drum 1", 500, PRODUCTION, FLOOR), {"batch": "HWCS20261125001"}),
        ("produced", move("drum 1", 100, PRODUCTION, FLOOR), {}),
        ("reweighed", move("drum 1", 50, FLOOR, WEIGHING), {"reason": "the floor scale"}),
        ("stored", move("drum 1", 550, FLOOR, room("1/A")), {}),
        ("repacked", repack(room("1/A"), {"drum 1": 50}, {"bag": 50}), {}),
        ("treated", move("drum 1", 100, room("1/A"), TREATED), {}),
        ("moved", move("drum 1", 400, room("1/A"), TRANSIT), {}),
        ("handed_over", move("drum 1", 400, TRANSIT, HANDED_OVER), {"particulars": {"接收单位名称": "示例公司"}}),
    ]
    return [
        Entry(str(number), stage, AT + timedelta(hours=number), "user:li", postings, **more)
        for number, (stage, postings, more) in enumerate(steps)
    ]


def events_of(entries):
    document = json.loads(json.dumps(container_history(BOX, entries, AT)))
    assert document["type"] == "EPCISDocument"
    assert document["@context"][0].endswith("epcis-context.jsonld")
    return document["epcisBody"]["eventList"]


def test_every_entry_of_a_life_is_an_event():
    events = events_of(a_life())
    assert [event["loadlens:entry"] for event in events] == [entry.id for entry in a_life()]
    assert [event.get("action") for event in events] == [
        *("ADD", "OBSERVE", "OBSERVE", "OBSERVE"),
        *(None, "OBSERVE", "OBSERVE", "DELETE"),
    ]
    assert all(event.keys() >= EVENT for event in events)
    assert len({event["eventID"] for event in events}) == len(events)
    assert events[0]["ilmd"]["loadlens:code"] == "321-024-48"
    assert [event["bizStep"] for event in events[:2]] == ["commissioning", "collecting"]
    assert events[3]["bizLocation"]["id"].endswith("room%3A1%2FA")
    assert "bizLocation" not in events[7]
    masses = [event["sensorElementList"][0]["sensorReport"][0]["value"] for event in events]
    assert masses == [0.5, 0.1, -0.05, 0.55, -0.05, 0.1, 0.4, 0.4]
    assert events[4]["type"] == "TransformationEvent"
    assert events[4]["outputEPCList"] == ["urn:x-loadlens:container:bag"]


def test_what_was_taken_back_is_told_again_with_the_error():
    life = a_life()[:4]
    back = counter(life[3], new_id="c", at=AT + timedelta(days=1), actor="user:wang", reason="the wrong room")
    *_, wrong, declared = events_of([*life, back])
    error = declared.pop("errorDeclaration")
    assert declared == wrong
    assert (error["reason"], error["loadlens:reason"]) == ("did_not_occur", "the wrong room")
    assert error["declarationTime"].startswith("2026-11-26T08")


@pytest.mark.parametrize("key", ["epcList", "eventID", "inputEPCList", "readPoint"])
def test_what_names_a_thing_is_a_uri(key):
    for event in events_of(a_life()):
        value = event.get(key, [])
        for name in [value] if isinstance(value, str) else value.values() if isinstance(value, dict) else value:
            assert re.fullmatch(r"urn:[a-z][a-z0-9-]+:[A-Za-z0-9:%._~-]+", name), name
