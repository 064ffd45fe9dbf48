"""Two cameras on one bed, through a real server."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from loadlens.serving.beds import Beds
from loadlens.serving.jpeg import encode_jpeg
from loadlens.vision.bed import BedError


@pytest.fixture(scope="module")
def across(shots):
    """The same unloading from the other side of the bed."""
    seen = []
    for shot in shots:
        bgr = cv2.imdecode(np.frombuffer(shot.jpeg, np.uint8), cv2.IMREAD_COLOR)
        seen.append(replace(shot, jpeg=encode_jpeg(cv2.cvtColor(cv2.flip(bgr, 1), cv2.COLOR_BGR2RGB), 90)))
    return seen


def grade(server, frames):
    """The report of a load whose frames came in this order, as (camera, shot)."""
    server.open_load()
    for camera, shot in frames:
        assert server.put(shot, camera=camera).status_code == 201
    answer = server.close(last_seq={camera: shot.seq for camera, shot in frames})
    assert answer.status_code == 200, answer.text
    return answer


def test_two_cameras_see_one_load_and_the_order_of_their_frames_changes_nothing(server, shots, across):
    north, south = [("north", shot) for shot in shots], [("south", shot) for shot in across]
    turns = [frame for pair in zip(south, north, strict=True) for frame in pair]
    orders = ([*north, *south], turns, [*south[::-1], *north])
    reports = [grade(server, frames).text.replace(server.load, "the load") for frames in orders]
    assert reports[0] == reports[1] == reports[2]


def test_what_both_saw_counts_once(server, shots, across):
    alone = grade(server, [("north", shot) for shot in shots]).json()
    both = grade(server, [(name, shot) for name, seen in (("north", shots), ("south", across)) for shot in seen]).json()
    assert both["load"]["source"] == "cameras north, south"
    assert both["load"]["frames_seen"] == 2 * alone["load"]["frames_seen"]
    assert len(both["layers"]) == len(alone["layers"])
    for one, two in zip(alone["layers"], both["layers"], strict=True):
        assert two["new_area"] == pytest.approx(one["new_area"], abs=0.1)
        assert server.http.get(two["overlay"]).content.startswith(b"\xff\xd8")
    assert both["truck"]["decision"] == "stop"
    assert {hazard["frame_sha256"] for hazard in both["truck"]["hazards"]} > {
        hazard["frame_sha256"] for hazard in alone["truck"]["hazards"]
    }
    assert "camera_saw_nothing" not in {flag["code"] for flag in both["truck"]["flags"]}


def test_a_kill_changes_nothing_for_two_cameras(serve, shots, across):
    frames = [frame for pair in zip(shots, across, strict=True) for frame in zip(("north", "south"), pair, strict=True)]
    expected = grade(serve("undisturbed"), frames).content
    killed = serve("killed")
    killed.open_load()
    for camera, shot in frames[:40]:
        killed.put(shot, camera=camera)
    killed.kill_and_restart()
    for camera, shot in frames:
        assert killed.put(shot, camera=camera).status_code in (200, 201)
    assert killed.close().content == expected


def test_each_camera_has_its_own_bed(serve, shots, across):
    server = serve(beds='{"south": "9000,9000,100,100"}')
    server.open_load()
    assert server.put(shots[0], camera="north").status_code == 201
    assert server.close().status_code == 200
    server.open_load()
    assert server.put(across[0], camera="south").status_code == 201
    assert "9000,9000" in server.close().json()["detail"]


def test_a_camera_is_named_with_its_lane_or_for_every_lane():
    beds = Beds.parse("0,0,16,16", {"south": "1,0,16,16", "3/south": "3,0,16,16"})
    found = [
        beds.of(lane, camera).x for lane, camera in (("3", "south"), ("4", "south"), (None, "south"), ("3", "north"))
    ]
    assert found == [3, 1, 1, 0]
    with pytest.raises(BedError):
        Beds.parse(None, {"south": "-1,0,16,16"})
