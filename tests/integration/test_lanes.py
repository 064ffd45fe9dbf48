"""Lanes: cameras that only know their place, and trucks that come and go."""

import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest


def taken(shots, since, numbered_from=0):
    """The shots as if taken from `since` on, numbered from a number on."""
    began = datetime.fromisoformat(shots[0].captured_at)
    return [
        replace(
            shot,
            seq=numbered_from + position,
            captured_at=(since + (datetime.fromisoformat(shot.captured_at) - began)).isoformat(),
        )
        for position, shot in enumerate(shots)
    ]


class Lane:
    """One lane of a server."""

    def __init__(self, server, name):
        self.server, self.http, self.name = server, server.http, name
        assert self.http.put(f"/v1/lanes/{name}", json={}).status_code == 200

    def open_load(self, load):
        answer = self.http.post("/v1/loads", json={"id": load, "lane": self.name, "plate": "京A·12345"})
        assert answer.status_code == 201, answer.text
        return f"/v1/loads/{load}"

    def put(self, shot, camera="north", **headers):
        return self.http.put(
            f"/v1/lanes/{self.name}/frames/{camera}/{shot.seq}",
            content=shot.jpeg,
            headers={"Captured-At": shot.captured_at, **headers},
        )

    def status(self, place):
        return self.http.get(place).json()["status"]

    def graded(self, place, **closing):
        answer = self.http.post(f"{place}/close", params={"wait": "true"}, json=closing)
        assert answer.status_code == 200, answer.text
        return answer.json()


@pytest.fixture
def lane(server):
    return Lane(server, f"lane-{next(server.numbers)}")


def codes(report):
    return {flag["code"] for flag in report["truck"]["flags"]}


def test_a_lane_gives_its_frames_to_the_load_that_stands_on_it(lane, shots):
    place = lane.open_load(f"{lane.name}-a")
    for shot in taken(shots, datetime.now(UTC)):
        answer = lane.put(shot)
        assert (answer.status_code, answer.json()["load"]) == (201, f"{lane.name}-a")
    assert lane.status(place) == "unloading"
    report = lane.graded(place, last_seq={"north": len(shots) - 1})
    assert report["load"]["frames_seen"] == len(shots)
    assert "frames_missing" not in codes(report)
    assert lane.status(place) == "flagged"


def test_the_same_frames_give_the_same_assessment_on_a_lane_as_on_a_load(lane, server, shots):
    began = datetime.now(UTC) - timedelta(seconds=20)
    place = lane.open_load(f"{lane.name}-a")
    for shot in taken(shots, began, numbered_from=100):
        lane.put(shot, camera="yard")
    by_lane = lane.graded(place)
    server.open_load()
    for shot in taken(shots, began):
        server.put(shot)
    by_load = server.close().json()
    assert (by_lane["layers"] == []) == (by_load["layers"] == [])
    for layer in (*by_lane["layers"], *by_load["layers"]):
        layer["overlay"] = None
    assert by_lane["layers"] == by_load["layers"]
    assert by_lane["truck"] == by_load["truck"]


def test_a_lane_has_one_open_load(lane):
    lane.open_load(f"{lane.name}-a")
    second = {"id": f"{lane.name}-b", "lane": lane.name}
    refused = lane.http.post("/v1/loads", json=second)
    assert refused.status_code == 409
    assert "still open" in refused.json()["detail"]
    lane.http.post(f"/v1/loads/{lane.name}-a/cancel", json={"reason": "the driver went to another yard"})
    assert lane.http.post("/v1/loads", json=second).status_code == 201
    assert lane.http.post("/v1/loads", json=second).status_code == 200


def test_frames_from_before_the_load_wait_for_it_and_older_ones_stay_without(lane, shots):
    now = datetime.now(UTC)
    old, early = shots[0], shots[1]
    assert lane.put(replace(old, captured_at=(now - timedelta(minutes=10)).isoformat())).json()["load"] is None
    assert lane.put(replace(early, captured_at=(now - timedelta(seconds=2)).isoformat())).json()["load"] is None
    place = lane.open_load(f"{lane.name}-a")
    assert lane.status(place) == "unloading"
    assert lane.http.get(place).json()["frames"]["stored"] == 1
    assert lane.put(replace(early, captured_at=(now - timedelta(seconds=2)).isoformat())).json() == {
        "load": f"{lane.name}-a",
        "camera": "north",
        "seq": 1,
        "sha256": lane.put(early).json()["sha256"],
    }


def test_frames_that_come_after_the_close_are_graded_too_and_a_person_is_told(lane, shots):
    place = lane.open_load(f"{lane.name}-a")
    moments = taken(shots, datetime.now(UTC) - timedelta(seconds=5))
    for shot in moments[:12]:
        lane.put(shot)
    first = lane.graded(place)
    assert "frames_late" not in codes(first)
    for shot in moments[12:20]:
        assert lane.put(shot).json()["load"] == f"{lane.name}-a"
    end = time.monotonic() + 120
    while (found := lane.http.get(f"{place}/assessment")).status_code == 202 or (
        found.json()["load"]["frames_seen"] < 20
    ):
        assert time.monotonic() < end, found.text
        time.sleep(0.1)
    assert "frames_late" in codes(found.json())
    assert found.headers["Assessment-Version"] >= "2"
    assert lane.http.get(f"{place}/assessments/1").json() == first
    events = [step["event"] for step in lane.http.get(f"{place}/transitions").json()["transitions"]]
    assert events[:4] == ["arrive", "unload", "close", "flag"]
    assert "late_frames" in events


def test_frames_between_two_loads_wait_for_the_next(lane, shots):
    place = lane.open_load(f"{lane.name}-a")
    lane.put(replace(shots[0], captured_at=datetime.now(UTC).isoformat()))
    lane.graded(place)
    between = replace(shots[1], captured_at=datetime.now(UTC).isoformat())
    assert lane.put(between).json()["load"] is None
    lane.open_load(f"{lane.name}-b")
    assert lane.put(between).json()["load"] == f"{lane.name}-b"


def test_a_camera_whose_clock_is_wrong_is_not_believed(lane, shots):
    place = lane.open_load(f"{lane.name}-a")
    ahead = timedelta(hours=3)
    for shot in taken(shots[:3], datetime.now(UTC) - timedelta(seconds=1) + ahead):
        sent = (datetime.now(UTC) + ahead).isoformat()
        assert lane.put(shot, **{"Sent-At": sent}).json()["load"] == f"{lane.name}-a"
    report = lane.graded(place)
    assert "clock_wrong" in codes(report)
    assert report["load"]["frames_seen"] == 3


@pytest.mark.parametrize("jump", [timedelta(hours=-1), timedelta(hours=1)])
def test_late_frames_of_a_clock_that_jumps_belong_to_the_load_around_them_not_to_the_next(lane, shots, jump):
    place = lane.open_load(f"{lane.name}-first")
    began = datetime.now(UTC)
    time.sleep(2)  # the truck stands there
    mine = [
        replace(
            shot, captured_at=(began + timedelta(seconds=0.1 * shot.seq) + (jump if wrong else timedelta())).isoformat()
        )
        for shot, wrong in zip(shots[:12], [*[False] * 5, *[True] * 4, *[False] * 3], strict=True)
    ]
    assert lane.put(mine[0]).json()["load"] == f"{lane.name}-first"
    lane.graded(place)
    following = lane.open_load(f"{lane.name}-second")
    for shot in mine[1:]:
        lane.put(shot, **{"Sent-At": datetime.now(UTC).isoformat()})
    assert lane.http.get(place).json()["frames"]["stored"] == 12
    assert lane.http.get(following).json()["frames"]["stored"] == 0


def test_a_camera_that_lost_its_disk_learns_where_to_go_on(lane, shots):
    camera = f"/v1/lanes/{lane.name}/cameras/north"
    assert lane.http.get(camera).json()["next_seq"] == 0
    lane.put(replace(shots[0], seq=41))
    assert lane.http.get(camera).json()["next_seq"] == 42


def test_a_number_that_leaves_a_camera_no_next_one_is_refused_and_said_so(lane, shots):
    camera = f"/v1/lanes/{lane.name}/cameras/north"
    lane.put(replace(shots[0], seq=41))
    for stray in (2**31 - 1, 2_001_000_042):
        answer = lane.put(replace(shots[1], seq=stray))
        assert answer.status_code == 409
        assert "count on from 42" in answer.json()["detail"]
    assert lane.http.get(camera).json()["next_seq"] == 42
    seconds_of_the_clock = 1_900_000_000
    assert lane.put(replace(shots[1], seq=seconds_of_the_clock)).status_code == 201
    assert lane.put(replace(shots[2], seq=seconds_of_the_clock + 100_000_000)).status_code == 201
    assert lane.put(replace(shots[3], seq=2_000_000_001)).status_code == 201


def test_a_load_of_a_lane_is_reopened_only_while_the_lane_is_free(lane, shots):
    first = lane.open_load(f"{lane.name}-a")
    lane.graded(first)
    second = lane.open_load(f"{lane.name}-b")
    refused = lane.http.post(f"{first}/reopen", json={"reason": "half of it is still on the truck"})
    assert refused.status_code == 409
    lane.graded(second)
    reopened = lane.http.post(f"{first}/reopen", json={"reason": "half of it is still on the truck"})
    assert reopened.json()["status"] == "unloading"
    shot = replace(shots[0], captured_at=datetime.now(UTC).isoformat())
    assert lane.put(shot).json()["load"] == f"{lane.name}-a"
    assert lane.graded(first)["load"]["frames_seen"] == 1


def test_weighings_lead_on_as_soon_as_they_may(lane, shots):
    place = lane.open_load(f"{lane.name}-a")
    lane.http.put(f"{place}/weights/gross", json={"kg": 48960})
    assert lane.status(place) == "weighed"
    lane.put(replace(shots[0], captured_at=datetime.now(UTC).isoformat()))
    lane.http.put(f"{place}/weights/tare", json={"kg": 16420})
    assert lane.status(place) == "unloading"
    lane.graded(place)
    assert lane.status(place) == "flagged"
    steps = lane.http.get(f"{place}/transitions").json()["transitions"]
    assert [step["event"] for step in steps] == ["arrive", "weigh_gross", "unload", "close", "flag"]
    assert all(step["actor"] and step["at"] for step in steps)


def test_what_a_lane_cannot_be_is_refused(lane, shots):
    http = lane.http
    wrong = {"gross_above_kg": 10000, "tare_below_kg": 20000}
    assert http.put(f"/v1/lanes/{lane.name}", json=wrong).status_code == 422
    assert http.put("/v1/lanes/..%2Fetc", json={}).status_code == 400
    assert http.put("/v1/lanes/nowhere/frames/north/0", content=b"", headers={}).status_code == 400
    nowhere = http.put(
        "/v1/lanes/nowhere/frames/north/0", content=shots[0].jpeg, headers={"Captured-At": shots[0].captured_at}
    )
    assert nowhere.status_code == 404
    place = lane.open_load(f"{lane.name}-a")
    direct = http.put(f"{place}/frames/n/0", content=shots[0].jpeg, headers={"Captured-At": shots[0].captured_at})
    assert direct.status_code == 409
    assert "/v1/lanes/" in direct.json()["detail"]
