"""What scales and portals say, and when it becomes a weight."""

import uuid
from datetime import UTC, datetime, timedelta

import pytest


class Scale:
    """The scale and the portal of a lane of its own."""

    def __init__(self, server, **settings):
        self.http = server.http
        self.lane = f"scale-{next(server.numbers)}"
        assert self.http.put(f"/v1/lanes/{self.lane}", json=settings).status_code == 200

    def says(self, kg=None, status=201, **more):
        reading = {
            "id": str(uuid.uuid4()),
            "device": "bridge",
            "kind": "weight",
            "at": datetime.now(UTC).isoformat(),
            "kg": kg,
            "division": 20 if kg else None,
            "stable": True,
            "raw": "AjA0ODk2MA0=",
        } | more
        answer = self.http.post(f"/v1/lanes/{self.lane}/readings", json=reading)
        assert answer.status_code == status, answer.text
        return answer.json()

    def open_load(self, name):
        load = f"{self.lane}-{name}"
        assert self.http.post("/v1/loads", json={"id": load, "lane": self.lane}).status_code == 201
        return load

    def load(self, load):
        return self.http.get(f"/v1/loads/{load}").json()

    def close(self, load):
        self.http.post(f"/v1/loads/{load}/close", params={"wait": "true"})


@pytest.fixture
def scale(server):
    return Scale(server, gross_above_kg=25000, tare_below_kg=20000)


def test_by_the_lanes_rule_a_stable_reading_becomes_gross_and_then_tare(scale):
    load = scale.open_load("a")
    assert scale.says("48960", stable=False)["used_as"] is None
    assert scale.says("48960")["used_as"] == {"load": load, "kind": "gross"}
    assert scale.load(load)["status"] == "weighed"
    assert scale.says("48980")["used_as"] is None
    assert scale.says("16420")["used_as"] is None
    scale.close(load)
    assert scale.says("16420")["used_as"] == {"load": load, "kind": "tare"}
    weights = scale.load(load)["weights"]
    assert {kind: weight["kg"] for kind, weight in weights.items()} == {"gross": "48960", "tare": "16420"}


def test_without_a_rule_a_person_says_which_reading_counts(server):
    scale = Scale(server)
    load = scale.open_load("a")
    shaking, still = str(uuid.uuid4()), str(uuid.uuid4())
    scale.says("48960", id=shaking, stable=False)
    assert scale.says("48960", id=still)["used_as"] is None
    assert scale.load(load)["weights"] == {}
    place = f"/v1/loads/{load}/weights/gross"
    refused = scale.http.put(place, json={"reading": shaking})
    assert (refused.status_code, "scale moved" in refused.json()["detail"]) == (422, True)
    assert scale.http.put(place, json={"reading": str(uuid.uuid4())}).status_code == 404
    assert scale.http.put(place, json={}).status_code == 422
    assert scale.http.put(place, json={"reading": still, "kg": 1}).status_code == 422
    assert scale.http.put(place, json={"reading": still}).json()["weights"]["gross"] == {
        "kg": "48960",
        "division": "20",
    }


def test_two_trucks_that_could_be_on_the_scale_are_left_to_a_person(scale):
    for name in ("a", "b"):
        load = scale.open_load(name)
        assert scale.says("48960")["used_as"] == {"load": load, "kind": "gross"}
        scale.close(load)
    assert scale.says("16420")["used_as"] is None


def test_a_reading_from_before_the_close_is_no_tare(scale):
    load = scale.open_load("a")
    scale.says("48960")
    early = datetime.now(UTC).isoformat()
    scale.close(load)
    assert scale.says("16420", at=early)["used_as"] is None
    assert scale.says("16420")["used_as"]["kind"] == "tare"


def test_a_reading_counts_once_under_its_id(scale):
    load = scale.open_load("a")
    said = {"id": str(uuid.uuid4()), "at": datetime.now(UTC).isoformat()}
    assert scale.says("48960", **said)["used_as"]["load"] == load
    assert scale.says("48960", status=200, **said) == {"id": said["id"], "used_as": None}
    scale.says("50000", status=409, **said)
    found = scale.http.get(f"/v1/lanes/{scale.lane}/readings?kind=weight").json()["readings"]
    assert [(reading["kg"], reading["raw"]) for reading in found] == [("48960", "AjA0ODk2MA0=")]


def test_a_radiation_alarm_stops_the_load_that_comes_after_it_or_stands_on_the_lane(scale):
    alarm = {"kind": "radiation", "device": "portal", "text": "alarm", "value": 3.2, "unit": "uSv/h", "stable": None}
    scale.says(**alarm)
    load = scale.open_load("a")
    assert [(flag["code"], flag["level"]) for flag in scale.load(load)["flags"]] == [("radiation", "stop")]
    scale.says(**alarm)
    scale.close(load)
    report = scale.http.get(f"/v1/loads/{load}/assessment").json()
    assert report["truck"]["decision"] == "stop"
    assert "radiation" in {flag["code"] for flag in report["truck"]["flags"]}
    assert scale.load(load)["status"] == "flagged"


def test_a_portal_whose_clock_is_slow_stops_the_load_that_comes_after_it(scale):
    slow = (datetime.now(UTC) - timedelta(hours=8)).isoformat()
    scale.says(kind="radiation", device="portal", text="alarm", value=3.2, unit="uSv/h", stable=None, at=slow)
    load = scale.open_load("a")
    assert [flag["code"] for flag in scale.load(load)["flags"]] == ["radiation"]


def test_a_tare_that_a_wrongly_typed_gross_contradicts_is_on_record_for_a_person(scale):
    load = scale.open_load("a")
    assert scale.http.put(f"/v1/loads/{load}/weights/gross", json={"kg": "4896"}).status_code == 201
    scale.close(load)
    assert scale.says("16420")["used_as"] is None
    found = scale.http.get(f"/v1/lanes/{scale.lane}/readings?kind=weight").json()["readings"]
    assert [reading["kg"] for reading in found] == ["16420"]
    place = f"/v1/loads/{load}/weights"
    assert scale.http.put(f"{place}/gross", json={"kg": "48960"}).status_code == 201
    assert scale.http.put(f"{place}/tare", json={"reading": found[0]["id"]}).status_code == 201


def test_what_cannot_be_a_reading_is_refused(scale):
    for wrong in (
        {"at": "0001-01-01T00:00:00+08:00"},
        {"at": "9999-12-31T23:59:59Z"},
        {"kg": -1},
        {"kg": "NaN"},
        {"kind": "temper"},
        {"id": "7"},
        {"at": "noon"},
        {"device": "../x"},
        {"raw": "not base64!"},
        {"value": "much"},
        {"extra": 1},
    ):
        scale.says(status=422, **wrong)
    missing = scale.http.post(
        "/v1/lanes/nowhere/readings",
        json={"id": str(uuid.uuid4()), "device": "x", "kind": "room", "at": "2026-03-01T08:00:00Z", "raw": ""},
    )
    assert missing.status_code == 404
    assert scale.http.get("/v1/lanes/nowhere/readings").status_code == 404
