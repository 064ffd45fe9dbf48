"""The bed that a person marks in the frames of a camera counts for the loads that arrive after it."""

import json
import zipfile
from datetime import UTC, datetime

import pytest

# Seen from aslant: the near end, 300 pixels wide, is three times as wide in the picture as the far one.
BED = {"corners": [[190, 40], [290, 40], [390, 240], [90, 240]], "length_mm": 4000, "width_mm": 4000}


@pytest.fixture
def lane(server):
    name = f"bed-{next(server.numbers)}"
    assert server.http.put(f"/v1/lanes/{name}", json={}).status_code == 200
    return name


def graded(server, lane, shots):
    load = server.http.post("/v1/loads", json={"lane": lane}).json()["id"]
    end = datetime.fromisoformat(shots[-1].captured_at)
    for seq, shot in enumerate(shots, server.http.get(f"/v1/lanes/{lane}/cameras/mast").json()["next_seq"]):
        at = datetime.now(UTC) + (datetime.fromisoformat(shot.captured_at) - end)
        sent = {"content": shot.jpeg, "headers": {"Captured-At": at.isoformat()}}
        assert server.http.put(f"/v1/lanes/{lane}/frames/mast/{seq}", **sent).status_code == 201
    closed = server.http.post(f"/v1/loads/{load}/close?wait=true")
    return load, closed


def test_a_marked_bed_is_what_later_loads_are_graded_in(server, shots, lane, tmp_path):
    place = f"/v1/lanes/{lane}/cameras/mast/bed"
    assert server.http.get(place).json() == {"bed": None}
    asked = {**BED, "width": 480, "height": 272}
    scale = server.http.post("/v1/bed-scale", json=asked).json()
    assert scale["mm_per_px"] == 20
    assert scale["mm_low"] < 20 < scale["mm_high"]
    assert server.http.put(place, json=asked).status_code == 200
    shown = server.http.get(place).json()["bed"]
    assert (shown["corners"], shown["mm_per_px"]) == (BED["corners"], 20)
    load, closed = graded(server, lane, shots[:6])
    assert closed.status_code == 200, closed.text
    seen = server.http.get(f"/v1/loads/{load}/layers/0/map").json()
    across, down = 480 * seen["cell"][0], 272 * seen["cell"][1]
    counted = {
        (column * across, row * down): seen["counted_percent"][row * seen["columns"] + column]
        for row in range(seen["rows"])
        for column in range(seen["columns"])
    }
    beside = [share for (x, y), share in counted.items() if y + down < 120 and (x + across < 140 or x > 340)]
    assert max(counted.values()) > 50
    assert beside
    assert not any(beside)
    server.run("bundle", load, "--out", tmp_path / "load.zip")
    with zipfile.ZipFile(tmp_path / "load.zip") as bundle:
        assert json.loads(bundle.read("assessments/1/observation.json"))["mm_per_px"] == 20
    records = server.http_as("auditor").get("/v1/journal", params={"subject": f"lane:{lane}"}).json()["records"]
    assert [one["kind"] for one in records if one["kind"].startswith("camera.bed")] == ["camera.bed_marked"]
    server.run("verify")


def test_frames_of_another_size_are_refused_rather_than_graded_in_the_wrong_place(server, shots, lane):
    asked = {**BED, "width": 960, "height": 544}
    assert server.http.put(f"/v1/lanes/{lane}/cameras/mast/bed", json=asked).status_code == 200
    load, closed = graded(server, lane, shots[:2])
    assert closed.status_code == 409
    assert "mark it again" in closed.json()["detail"]
    # And that is what helps.
    again = {**BED, "width": 480, "height": 272}
    assert server.http.put(f"/v1/lanes/{lane}/cameras/mast/bed", json=again).status_code == 200
    closed = server.http.post(f"/v1/loads/{load}/close?wait=true")
    assert closed.status_code == 200, closed.text


def test_corners_that_cross_are_refused(server, lane):
    crossed = {**BED, "corners": [BED["corners"][at] for at in (0, 2, 1, 3)], "width": 1920, "height": 1080}
    refused = server.http.put(f"/v1/lanes/{lane}/cameras/mast/bed", json=crossed)
    assert refused.status_code == 422
    assert "crossing" in refused.json()["detail"]
