"""Store rooms over HTTP: stock, what is amiss with it, what sensors say, their alarms, and gaps."""

import time
import uuid
from datetime import UTC, date, datetime, timedelta

import pytest

from loadlens.waste.identity import SCHEMES, Identity


class StoreRoom:
    """A room with a lane of its own, and drums in it."""

    def __init__(self, server, **about):
        self.http, self.numbers = server.http, server.numbers
        self.id = f"room-{next(self.numbers)}"
        assert self.http.put(f"/v1/lanes/{self.id}", json={}).status_code == 200
        self.about = {"name": "铝灰库", "lane": self.id} | about
        answer = self.put()
        assert answer.status_code == 200, answer.text

    def put(self, **changes):
        return self.http.put(f"/v1/rooms/{self.id}", json=self.about | changes)

    def get(self, **query):
        return self.http.get(f"/v1/rooms/{self.id}", params=query).json()

    def drum(self, code="321-024-48"):
        identity = SCHEMES["hj1276-37"].compose(
            Identity("91130200699229617X", code, date(2026, 1, 5), next(self.numbers))
        )
        about = {"identity": identity, "list": "hazardous-cn", "code": code, "name": "废物", "litres": 200}
        assert self.http.post("/v1/waste/containers", json=about).status_code == 201
        return identity

    def enter(self, stage, *postings, at=None):
        moment = (at or datetime.now(UTC)).isoformat()
        lines = [dict(zip(("container", "place", "grams"), posting, strict=True)) for posting in postings]
        made = {"id": f"r{next(self.numbers)}", "stage": stage, "at": moment, "postings": lines}
        done = self.http.post("/v1/waste/entries", json={"entries": [made]}).json()
        assert done["accepted"], done

    def holds(self, grams, zone="", at=None, **drum):
        identity = self.drum(**drum)
        place = f"room:{self.id}" + (f"/{zone}" if zone else "")
        self.enter("produced", (identity, "production", -grams), (identity, place, grams), at=at)
        return identity

    def says(self, value, **more):
        reading = {
            "id": str(uuid.uuid4()),
            "device": "t1",
            "kind": "room",
            "at": datetime.now(UTC).isoformat(),
            "text": "temperature",
            "value": value,
            "unit": "C",
            "raw": "",
        } | more
        assert self.http.post(f"/v1/lanes/{self.id}/readings", json=reading).status_code == 201

    def flags(self):
        return [flag["code"] for flag in self.get()["flags"]]

    def alarms(self):
        return [(alarm["kind"], alarm["body"]["quantity"]) for alarm in self.get()["alarms"]]


HOT = {"limits": [{"quantity": "temperature", "unit": "C", "high": 40}], "expected_every_s": 60}


def test_a_room_tells_its_stock_and_what_is_amiss_with_it(server):
    room = StoreRoom(server, capacity_kg=1000, zones={"A": {"capacity_kg": 300}, "B": {}})
    old = room.holds(250_000, "A", at=datetime.now(UTC) - timedelta(days=400))
    assert room.flags() == ["stored_too_long"]
    room.holds(100_000, "A")
    assert room.flags() == ["over_capacity", "stored_too_long"]
    room.holds(100_000, "B", code="900-300-34")
    assert "incompatible" not in room.flags()
    room.holds(700_000, "A", code="900-300-34")
    told = room.get()
    assert [flag["code"] for flag in told["flags"]].count("over_capacity") == 2
    (pair,) = [flag for flag in told["flags"] if flag["code"] == "incompatible"]
    assert "hydrogen" in pair["why"]
    assert told["grams"] == sum(one["grams"] for one in told["stock"]) == 1_150_000
    assert (told["containers"], told["capacity_kg"]) == (4, "1000")

    # Another drum does not make the waste younger, nor does a walk through the yard.
    bag, place = room.drum(), f"room:{room.id}/A"
    room.enter("repacked", (old, place, -250_000), (bag, place, 250_000))
    room.enter("moved", (bag, place, -250_000), (bag, "floor", 250_000))
    room.enter("stored", (bag, "floor", -250_000), (bag, f"{place}", 250_000))
    (since,) = [one["since"] for one in room.get()["stock"] if one["container"] == bag]
    assert since[:10] == (datetime.now(UTC) - timedelta(days=400)).isoformat()[:10]
    assert "stored_too_long" in room.flags()


def test_waste_in_a_room_that_nobody_described_is_told(server):
    room = StoreRoom(server)
    drum = room.holds(500, "corner")
    assert room.flags() == ["unknown_zone"]
    place = f"room:{room.id}-annex"
    room.enter("moved", (drum, f"room:{room.id}/corner", -500), (drum, place, 500))
    told = room.http.get("/v1/rooms").json()
    assert place in told["of_no_room"]
    (mine,) = [one for one in told["rooms"] if one["id"] == room.id]
    assert (mine["grams"], mine["flags"]) == (0, [])


def test_a_sensor_beyond_its_limit_is_one_alarm_until_it_was_within_it(server):
    room = StoreRoom(server, **HOT)
    room.says(25)
    assert room.alarms() == []
    for value in (41, 45, 39, 38):
        room.says(value)
    assert room.alarms() == [("room.limit", "temperature")]
    room.says(55, device="t2", text="humidity", unit="%")
    (alarm,) = room.get()["alarms"]
    assert "41.0 C lies above 40" in alarm["body"]["why"]
    room.http.post(f"/v1/alarms/{alarm['id']}/acknowledgement", json={"by": "li"})
    room.says(50)
    room.says(51)
    assert len(room.alarms()) == 2
    assert room.get()["open_alarms"] == 1
    (waiting,) = [one for one in room.get()["alarms"] if not one["acknowledged"]]
    room.http.post(f"/v1/alarms/{waiting['id']}/acknowledgement", json={"by": "li"})
    room.says(52)
    assert len(room.alarms()) == 2, "it is still the same excess"
    listed = room.http.get("/v1/alarms", params={"lane": room.id}).json()["alarms"]
    assert [one["kind"] for one in listed] == ["room.limit", "room.limit"]


def test_what_a_sensor_did_not_say_is_a_gap(server):
    room = StoreRoom(server, **HOT)
    (silent,) = room.get()["sensors"]
    assert (silent["latest"], silent["steps"], len(silent["gaps"])) == (None, [], 1)
    other = {"quantity": "ammonia", "unit": "ppm", "high": 25}
    room.put(limits=[*HOT["limits"], other])
    assert [[limit["high"] for limit in sensor["limits"]] for sensor in room.get()["sensors"]] == [["25"], ["40"]]
    room.put()
    began = datetime.now(UTC)
    for minutes in (50, 49, 48, 20, 19, 1, 0.5):
        room.says(20 + minutes / 10, at=(began - timedelta(minutes=minutes)).isoformat())
    (sensor,) = room.get(hours=1)["sensors"]
    lengths = []
    for gap in sensor["gaps"]:
        begin, end = (datetime.fromisoformat(gap[name]) for name in ("from", "to"))
        lengths.append((end - begin).total_seconds() / 60)
    assert lengths[1:3] == [28, 18]
    assert lengths[0] <= 10
    assert sum(step["n"] for step in sensor["steps"]) == 7
    assert (sensor["latest"]["value"], sensor["limits"][0]["broken"]) == (20.05, None)
    room.put(expected_every_s=None)
    assert room.get()["sensors"][0]["gaps"] is None, "without an interval nobody knows what a gap is"


def test_a_sensor_that_falls_silent_is_an_alarm(serve):
    room = StoreRoom(serve(sweep_every_s=0.2), **HOT | {"expected_every_s": 1})
    room.says(25)
    while ("room.silent", "temperature") not in room.alarms():
        time.sleep(0.2)
    time.sleep(1)
    assert room.alarms() == [("room.silent", "temperature")]


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"limits": [{"quantity": "mood", "unit": "C", "high": 1}]}, 422),
        ({"limits": [{"quantity": "temperature", "unit": "C"}]}, 422),
        ({"limits": [{"quantity": "temperature", "unit": "C", "low": 5, "high": 4}]}, 422),
        ({"zones": {"../A": {}}}, 422),
        ({"capacity_kg": 0}, 422),
        ({"lane": "nowhere"}, 404),
    ],
)
def test_a_room_that_cannot_be_is_refused(server, change, status):
    assert StoreRoom(server).put(**change).status_code == status


def test_a_lane_is_of_one_room_and_only_owners_describe_rooms(server):
    room = StoreRoom(server)
    other = server.http.put("/v1/rooms/other", json=room.about)
    assert (other.status_code, room.id in other.json()["detail"]) == (409, True)
    with server.http_as("inspector") as inspector:
        assert inspector.put(f"/v1/rooms/{room.id}", json=room.about).status_code == 403
        assert inspector.get(f"/v1/rooms/{room.id}").status_code == 200
    assert server.http.get("/v1/rooms/none").status_code == 404
    room.put(name="another")
    records = server.http.get("/v1/journal", params={"subject": f"room:{room.id}"}).json()["records"]
    assert [record["body"]["name"] for record in records] == ["铝灰库", "another"]
