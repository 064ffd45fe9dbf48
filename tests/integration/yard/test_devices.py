"""Scales and sensors that are lost, and the person who takes an alarm over: a real server."""

import pytest

LANE = "/v1/lanes/3"


@pytest.fixture
def lane(serve):
    """A server with a lane; what is not heard of for a second is missed."""
    server = serve(device_lost_s=1, sweep_every_s=0.2)
    assert server.http.put(LANE, json={}).status_code == 200
    return server


def says(server, device, **health):
    return server.http.put(f"{LANE}/devices/{device}/health", json=health)


def alarms(server, **asked):
    return server.http.get("/v1/alarms", params=asked).json()["alarms"]


def test_a_scale_that_is_lost_is_one_alarm_until_it_is_lost_again(lane, wait_until):
    assert says(lane, "bridge", state="lost", why="the plug was pulled").status_code == 200
    wait_until(lambda: alarms(lane), "the scale is missed")
    (alarm,) = alarms(lane)
    assert (alarm["kind"], alarm["lane"], alarm["subject"]) == ("scale.lost", "3", "device:3/bridge")
    assert alarm["acknowledged"] is None
    assert lane.http.post(f"/v1/alarms/{alarm['id']}/acknowledgement", json={"by": "Ann"}).status_code == 201
    says(lane, "other", state="ok")

    def subjects():
        return [known["subject"] for known in alarms(lane)]

    wait_until(lambda: "device:3/other" in subjects(), "the other one is not heard of any more")
    assert sorted(subjects()) in (
        ["device:3/bridge", "device:3/other"],
        # By then its reader may not have been heard of either, which is another alarm.
        ["device:3/bridge", "device:3/bridge", "device:3/other"],
    )


def test_a_person_takes_an_alarm_over(lane, wait_until):
    says(lane, "bridge", state="garbled")
    wait_until(lambda: alarms(lane, open=True), "an alarm")
    place = f"/v1/alarms/{alarms(lane)[-1]['id']}"
    unnamed = lane.http.post(f"{place}/acknowledgement", json={})
    assert (unnamed.status_code, "give a name in `by`" in unnamed.json()["detail"]) == (422, True)
    taken = lane.http.post(f"{place}/acknowledgement", json={"by": "Ann", "note": "plug is back"})
    assert taken.status_code == 201
    again = lane.http.post(f"{place}/acknowledgement", json={"by": "Bob"})
    assert (again.status_code, again.json()["acknowledged"]["by"]) == (200, "Ann")
    assert lane.http.get(place).json() == taken.json() == again.json()
    assert taken.json()["id"] not in {alarm["id"] for alarm in alarms(lane, open=True)}
    assert alarms(lane, lane="4") == []
    journal = lane.http.get("/v1/journal", params={"limit": 500}).text
    assert "alarm.raised" in journal
    assert "alarm.acknowledged" in journal
    assert lane.http.get("/v1/alarms/999999").status_code == 404
    assert lane.http.post("/v1/alarms/999999/acknowledgement", json={"by": "Ann"}).status_code == 404


def test_alarms_come_a_page_at_a_time(lane, wait_until):
    for number in range(5):
        says(lane, f"scale-{number}", state="lost")
    wait_until(lambda: len(alarms(lane)) >= 5, "five alarms")
    seen, cursor = [], None
    while True:
        page = lane.http.get("/v1/alarms", params={"limit": 2} | ({"cursor": cursor} if cursor else {})).json()
        seen += [alarm["id"] for alarm in page["alarms"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert seen == sorted(set(seen), reverse=True)
    assert len(seen) >= 5


def test_what_the_devices_of_a_lane_say_can_be_read(lane):
    assert says(lane, "bridge", state="silent", why="nothing comes", counts={"refused: noise": 3}).status_code == 200
    (known,) = lane.http.get(f"{LANE}/devices").json()["devices"]
    assert (known["why"], known["counts"]) == ("nothing comes", {"refused: noise": 3})
    assert says(lane, "bridge", state="fine").status_code == 422
    assert says(lane, "bridge", state="ok", why="\x00").status_code == 422
    assert lane.http.get("/v1/lanes/nowhere/devices").status_code == 404
    assert lane.http.put("/v1/lanes/nowhere/devices/a/health", json={"state": "ok"}).status_code == 404
