"""What the console is made of: its files, its pictures, and answers of the shape that its types were generated from."""

import gzip
import re

import pytest

from loadlens.serving.api import queue_shapes, shapes
from loadlens.serving.api.console import FOLDER


@pytest.fixture(scope="module")
def new_place():
    """Files and shapes are the same wherever the records are."""
    return dict


@pytest.fixture(scope="module")
def graded(server, shots):
    """The place of a load on lane 1 that was graded; a person has looked at it and corrected it."""
    assert server.http_as("admin").put("/v1/lanes/1", json={}).status_code == 200
    place = server.open_load(lane="1", declared="SRS", plate="沪A12345")
    # The frames lie in the past, when this load was not there: they are given to it by its own stream instead.
    server.http.post(f"{place}/cancel", json={"reason": "its truck has left"})
    place = server.open_load(declared="SRS", supplier="North Yard")
    for shot in shots:
        assert server.put(shot).status_code == 201
    for kind, kg in (("gross", 48960), ("tare", 16420)):
        server.http.put(f"{place}/weights/{kind}", json={"kg": kg, "division": 20})
    assert server.close().status_code == 200
    waiting = server.http.get("/v1/queue").json()["loads"]
    assert queue_shapes.QueuePage.model_validate({"loads": waiting, "total": 1, "next_cursor": None}).loads
    correction = {"contaminants_kg": {"wood": 12.5}, "items": [{"what": "gas cylinder", "kg": 30}]}
    review = {"decision": "correct", "reason": "weighed", "correction": correction}
    assert server.http.post(f"{place}/reviews", json=review).status_code == 201
    return place


def needs_build(absent):
    if not (FOLDER / "index.html").is_file():
        absent("console", "`make web` builds it")


def test_the_pages_are_asked_for_anew_and_their_parts_kept_for_ever(server, absent):
    needs_build(absent)
    anybody = server.http_with(None)
    first = anybody.get("/")
    assert (first.status_code, first.headers["Location"]) == (307, "/console/")
    page = anybody.get("/console/")
    assert page.headers["Cache-Control"] == "no-cache"
    policy = dict(part.strip().split(" ", 1) for part in page.headers["Content-Security-Policy"].split(";"))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == "'self'"
    assert re.findall(r"<script(?![^>]*\bsrc=)|<style|\bon\w+=|\bstyle=", page.text) == []
    parts = re.findall(r'(?:src|href)="(/console/[^"]+)"', page.text)
    assert any(part.endswith(".js") for part in parts)
    assert any(part.endswith(".css") for part in parts)
    for part in parts:
        answer = anybody.get(part)
        assert answer.status_code == 200, part
        assert ("immutable" in answer.headers["Cache-Control"]) == ("/assets/" in part)
    assert anybody.get("/console/loads/load-1").text == page.text
    assert anybody.get("/console/assets/index-of-yesterday.js").status_code == 404
    assert anybody.get("/console/loadlens.webmanifest").json()["start_url"] == "/console/"


def test_the_first_view_is_small(server, absent):
    """What a browser fetches before it shows anything, as it travels: less than 300 kB."""
    needs_build(absent)
    files = [file for file in FOLDER.rglob("*") if file.suffix in {".html", ".js", ".css"}]
    assert sum(len(gzip.compress(file.read_bytes())) for file in files) < 300_000
    with server.http_with(None).stream("GET", "/console/") as answer:
        assert answer.headers["Content-Encoding"] == "gzip"


def test_a_server_whose_console_was_not_built_says_how(server, monkeypatch, tmp_path):
    from fastapi import FastAPI
    from fastapi.testclient import TestClient

    from loadlens.serving.api import console

    monkeypatch.setattr(console, "FOLDER", tmp_path)
    app = FastAPI()
    app.include_router(console.router)
    answer = TestClient(app).get("/console/")
    assert answer.status_code == 404
    assert "<code>make web</code>" in answer.text


def test_the_frame_of_a_layer_is_the_one_that_was_sent(server, graded, shots):
    layers = server.http.get(f"{graded}/assessment").json()["layers"]
    for layer in layers:
        answer = server.http.get(f"{graded}/layers/{layer['index']}/frame")
        assert answer.content in {shot.jpeg for shot in shots}
        assert answer.headers["Content-Type"] == "image/jpeg"
        seen = {"If-None-Match": answer.headers["ETag"]}
        assert server.http.get(f"{graded}/layers/{layer['index']}/frame", headers=seen).status_code == 304
        small = server.http.get(f"{graded}/layers/{layer['index']}/frame", params={"width": 96})
        assert len(small.content) < len(answer.content)
    assert server.http.get(f"{graded}/layers/{len(layers)}/frame").status_code == 404


def test_the_newest_frame_of_a_camera(server, graded, shots):
    place = "/v1/lanes/1/cameras/yard/frame"
    assert server.http.get(place).status_code == 204
    for shot in shots[:2]:
        headers = {"Captured-At": shot.captured_at}
        server.http.put(f"/v1/lanes/1/frames/yard/{shot.seq}", content=shot.jpeg, headers=headers)
    answer = server.http.get(place)
    assert (answer.content, answer.headers["Captured-At"]) == (shots[1].jpeg, shots[1].captured_at)


def test_one_answer_shows_a_lane_with_its_cameras_and_its_newest_load(server, graded):
    def lane() -> dict:
        return server.http.get("/v1/lanes/1").json()

    server.http.put("/v1/lanes/1/cameras/yard/health", json={"state": "ok", "since": "2026-03-01T08:00:00Z"})
    assert lane()["cameras"] == server.http.get("/v1/lanes/1/cameras").json()["cameras"]
    assert server.http.post("/v1/loads", json={"id": "newest", "lane": "1"}).status_code == 201
    assert lane()["open_load"]["id"] == "newest"
    assert lane()["newest_load"] == server.http.get("/v1/loads/newest").json()
    server.http.post("/v1/loads/newest/cancel", json={"reason": "its truck has left"})
    assert lane()["open_load"] is None
    assert (lane()["newest_load"]["id"], lane()["newest_load"]["status"]) == ("newest", "cancelled")
    server.http_as("admin").put("/v1/lanes/empty", json={})
    assert server.http.get("/v1/lanes/empty").json()["newest_load"] is None


def test_answers_are_what_their_shapes_say(server, graded):
    health = {"state": "frozen", "since": "2026-03-01T08:00:00Z", "counts": {"waiting": 3}}
    server.http.put("/v1/lanes/1/cameras/yard/health", json=health)
    known = {
        "/v1/session": shapes.Who,
        "/v1/loads": shapes.LoadPage,
        "/v1/queue": queue_shapes.QueuePage,
        graded: shapes.LoadShown,
        f"{graded}/assessment": shapes.Report,
        f"{graded}/assessments/1": shapes.Report,
        f"{graded}/reviews": shapes.ReviewList,
        "/v1/lanes": shapes.LaneList,
        "/v1/lanes/1": shapes.LaneNow,
        "/v1/lanes/1/cameras": shapes.CameraList,
        "/v1/alarms": shapes.AlarmPage,
        "/v1/classes": shapes.ClassList,
        "/v1/standards": shapes.StandardList,
    }
    for place, shape in known.items():
        shape.model_validate(server.http.get(place).json())
    correction = {"decision": "correct", "reason": "look", "correction": {"water_percent": 2}}
    queue_shapes.Preview.model_validate(server.http.post(f"{graded}/reviews/preview", json=correction).json())
    queue_shapes.ClaimNow.model_validate(server.http.post(f"{graded}/claim").json())
    queue_shapes.ClaimNow.model_validate(server.http.get(f"{graded}/claim").json())
    [alarm, *_] = server.http.get("/v1/alarms").json()["alarms"]
    taken = server.http.post(f"/v1/alarms/{alarm['id']}/acknowledgement", json={"by": "Ada"})
    assert shapes.AlarmShown.model_validate(taken.json()).acknowledged.by == "Ada"
