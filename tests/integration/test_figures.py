"""/metrics tells what the server did and what waits."""

import re
import time


def figures(server):
    """Every series of /metrics with its value."""
    answer = server.http.get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain; version=")
    lines = [line for line in answer.text.splitlines() if not line.startswith("#")]
    return {series: float(value) for series, value in (line.rsplit(" ", 1) for line in lines)}


def test_frames_layers_hazards_and_looks_are_counted(server, shots):
    before = figures(server)
    server.open_load()
    for shot in (*shots, shots[0]):
        server.put(shot)
    report = server.close().json()
    after = figures(server)

    def grown(series):
        return after.get(series, 0) - before.get(series, 0)

    assert grown("loadlens_frames_received_total") == len(shots)
    assert grown("loadlens_frames_known_total") == 1
    assert grown("loadlens_layers_total") == len(report["layers"])
    assert grown('loadlens_hazards_total{class_id="gas_cylinder"}') == len(report["truck"]["hazards"])
    assert grown("loadlens_model_seconds_count") >= len(report["layers"])
    assert grown("loadlens_model_seconds_sum") > 0
    assert after["loadlens_disk_left_bytes"] > 0
    assert grown("loadlens_review_queue") == 1  # a hazard is never accepted without a person
    assert after["loadlens_journal_head"] == server.http.get("/v1/journal/head").json()["seq"]
    assert grown("loadlens_journal_head") > 0


def test_frames_that_nobody_has_looked_at_show_with_their_age(server, shots):
    server.open_load()
    server.put(shots[0])
    # The server waits for frame 1 before it looks at frame 2.
    server.put(shots[2])
    end = time.monotonic() + 60
    while (found := figures(server))["loadlens_frames_ungraded"] != 1:
        assert time.monotonic() < end, found
        time.sleep(0.05)
    assert found["loadlens_oldest_ungraded_frame_age_seconds"] > 0
    server.close()
    found = figures(server)
    assert found["loadlens_frames_ungraded"] == 0
    assert found["loadlens_oldest_ungraded_frame_age_seconds"] == 0


def test_what_waits_beside_the_cameras_is_told_by_every_server_also_after_a_restart(serve):
    server = serve()
    assert server.http.put("/v1/lanes/1", json={}).status_code == 200
    health = {"state": "ok", "since": "2026-03-01T08:00:00Z", "counts": {"waiting": 7}}
    assert server.http.put("/v1/lanes/1/cameras/north/health", json=health).status_code == 200
    assert server.http.put("/v1/lanes/nowhere/cameras/north/health", json=health).status_code == 404
    server.kill_and_restart()
    spooled = {series: value for series, value in figures(server).items() if "spooled" in series}
    assert spooled == {'loadlens_frames_spooled{camera="north",lane="1"}': 7}


def test_every_figure_explains_itself(server):
    text = server.http.get("/metrics").text
    names = set(re.findall(r"^# TYPE (\w+)", text, re.MULTILINE))
    explained = dict(re.findall(r"^# HELP (\w+) (.+)$", text, re.MULTILINE))
    assert {name for name in names if not explained.get(name)} == set()
