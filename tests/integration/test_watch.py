"""What a person at a screen learns, and what the server notices when nothing happens."""

import json
import signal
import time
from datetime import UTC, datetime

import pytest


def eventually(check, within_s=90):
    """What `check` returns once it is true."""
    end = time.monotonic() + within_s
    while not (found := check()):
        assert time.monotonic() < end
        time.sleep(0.1)
    return found


def events(http, last, until, headers=None):
    """The events behind a number, up to and with the first of a kind."""
    found, kind, seq = [], None, None
    query = {"after": last} if headers is None else {}
    with http.stream("GET", "/v1/events", params=query, headers=headers or {}, timeout=60) as stream:
        assert stream.headers["content-type"].startswith("text/event-stream")
        for line in stream.iter_lines():
            name, _, value = line.partition(": ")
            if name == "id":
                seq = int(value)
            elif name == "event":
                kind = value
            elif name == "data":
                found.append((seq, kind, json.loads(value)))
                if kind == until:
                    return found
    raise AssertionError(found)


@pytest.fixture
def lane(server):
    name = f"watched-{next(server.numbers)}"
    server.http.put(f"/v1/lanes/{name}", json={})
    return name


def head(server):
    return server.http.get("/v1/journal/head").json()["seq"]


def test_what_happens_to_a_load_is_told_as_it_happens_and_again_to_who_missed_it(server, shots):
    before = head(server)
    server.open_load()
    for shot in shots[:24]:
        server.put(shot)
    server.close()
    told = [
        event
        for event in events(server.http, before, "assessment.recorded")
        if event[2]["subject"] == f"load:{server.load}"
    ]
    kinds = [kind for _, kind, _ in told]
    assert kinds[0] == "load.opened"
    assert {"load.transition", "hazard.raised", "alarm.raised", "layer.settled"} <= set(kinds)
    assert [seq for seq, _, _ in told] == sorted({seq for seq, _, _ in told})
    hazard = next(said for _, kind, said in told if kind == "hazard.raised")
    assert hazard["rows"][0]["class_id"] == "gas_cylinder"
    middle = told[len(told) // 2][0]
    again = events(server.http, None, "assessment.recorded", {"Last-Event-ID": str(middle)})
    assert [event for event in again if event[2]["subject"] == f"load:{server.load}"] == [
        event for event in told if event[0] > middle
    ]


def test_a_server_that_stops_ends_its_streams(serve):
    server = serve()
    with server.http.stream("GET", "/v1/events", timeout=60) as stream:
        lines = stream.iter_lines()
        assert next(lines) == "retry: 2000"
        server.process.send_signal(signal.SIGTERM)
        for _ in lines:
            pass
    server.stop()
    assert server.process.returncode == 0


def test_a_camera_that_is_lost_while_a_load_is_open_raises_one_alarm_and_flags_the_load(server, lane):
    place = f"/v1/lanes/{lane}/cameras/north"
    lost = {"state": "lost", "since": datetime.now(UTC).isoformat(), "counts": {"waiting": 3}}
    before = head(server)
    assert server.http.put(f"{place}/health", json={**lost, "state": "ok"}).status_code == 200
    load = f"{lane}-a"
    server.http.post("/v1/loads", json={"id": load, "lane": lane})
    for _ in range(2):
        assert server.http.put(f"{place}/health", json=lost).status_code == 200
    flags = server.http.get(f"/v1/loads/{load}").json()["flags"]
    assert [(flag["code"], flag["level"]) for flag in flags] == [("camera_lost", "review")]
    told = events(server.http, before, "load.flagged")
    alarms = [said for _, kind, said in told if kind == "alarm.raised"]
    assert [alarm["rows"][0]["kind"] for alarm in alarms] == ["camera.lost"]
    shown = server.http.get(place).json()["health"]
    assert (shown["state"], shown["counts"]) == ("lost", {"waiting": 3})
    assert [camera["camera"] for camera in server.http.get(f"/v1/lanes/{lane}/cameras").json()["cameras"]] == ["north"]


def test_a_load_that_opens_before_a_lost_camera_is_flagged_too(server, lane):
    lost = {"state": "frozen", "since": datetime.now(UTC).isoformat()}
    server.http.put(f"/v1/lanes/{lane}/cameras/north/health", json=lost)
    opened = server.http.post("/v1/loads", json={"lane": lane}).json()
    assert [flag["code"] for flag in opened["flags"]] == ["camera_lost"]


def test_health_that_cannot_be_is_refused(server, lane):
    place = f"/v1/lanes/{lane}/cameras/north/health"
    for wrong in ({"state": "tired"}, {"since": "noon"}, {"counts": {"x": -1}}, {"counts": {"../x": 1}}):
        body = {"state": "ok", "since": "2026-03-01T08:00:00Z"} | wrong
        assert server.http.put(place, json=body).status_code == 422, wrong
    body = {"state": "ok", "since": "2026-03-01T08:00:00Z"}
    assert server.http.put("/v1/lanes/nowhere/cameras/north/health", json=body).status_code == 404


def test_loads_that_nobody_closes_or_weighs_and_cameras_that_fall_silent_come_before_a_person(serve, shots):
    server = serve(unclosed_after_h=0.0005, unweighed_after_h=0.0005, camera_silent_s=1, sweep_every_s=0.2)
    server.http.put("/v1/lanes/1", json={})
    health = {"state": "ok", "since": datetime.now(UTC).isoformat()}
    server.http.put("/v1/lanes/1/cameras/north/health", json=health)
    forgotten = server.http.post("/v1/loads", json={"id": "forgotten", "lane": "1"}).headers["Location"]
    server.open_load(standard="example-mill")
    server.close()
    unweighed = f"/v1/loads/{server.load}"

    def codes(place):
        return {flag["code"] for flag in server.http.get(place).json()["flags"]}

    eventually(lambda: codes(forgotten) >= {"never_closed", "camera_lost"})
    eventually(lambda: "tare_missing" in codes(unweighed))
    assert server.http.get(forgotten).json()["status"] == "arrived"
    assert server.http.get(unweighed).json()["status"] == "flagged"
    report = server.http.get(f"{unweighed}/assessment").json()
    assert "tare_missing" in {flag["code"] for flag in report["truck"]["flags"]}
