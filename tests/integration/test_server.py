"""The server as a camera and a weighbridge meet it: a real process, real requests, real kills."""

import itertools
import json
import socket
import subprocess
import sys
import time
from dataclasses import replace
from datetime import UTC, datetime

import httpx2
import pytest
from sqlalchemy.exc import IntegrityError

from loadlens.serving.api.app import alone_in
from loadlens.serving.store.database import open_database, writing

WEIGHTS = {"gross": "48960", "tare": 16420.125}


def weigh(server):
    for kind, mass in WEIGHTS.items():
        assert server.http.put(f"/v1/loads/{server.load}/weights/{kind}", json={"kg": mass}).status_code == 201


def problem(answer, status):
    """The one shape of every error."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    body = answer.json()
    assert body["status"] == status
    assert set(body) >= {"type", "title", "detail"}
    return body


def test_a_load_is_graded_and_everything_of_it_can_be_fetched(server, shots):
    place = server.open_load(declared="HRS101")
    weigh(server)
    for shot in shots:
        assert server.put(shot).status_code == 201
    answer = server.close(last_seq={"yard": len(shots) - 1})
    assert answer.status_code == 200
    report = answer.json()
    assert report["schema"] == "loadlens.report/1"
    assert report["load"]["frames_seen"] == len(shots)
    assert report["load"]["declared"] == "HRS101"
    assert report["truck"]["net_kg"] == 32539.875
    assert report["truck"]["decision"] == "stop"
    assert report["layers"]
    for layer in report["layers"]:
        picture = server.http.get(layer["overlay"])
        assert picture.headers["content-type"] == "image/jpeg"
        assert picture.content.startswith(b"\xff\xd8")
    assert problem(server.http.get(f"{place}/layers/99/overlay.jpg"), 404)
    page = server.http.get(f"{place}/report.html")
    assert page.headers["content-type"].startswith("text/html")
    assert "Gas cylinder 气瓶" in page.text
    assert server.http.get(place).json()["status"] == "flagged"
    assert server.load in {load["id"] for load in server.http.get("/v1/loads?status=flagged").json()["loads"]}


def test_a_kill_at_any_moment_loses_nothing_and_changes_nothing(serve, shots):
    undisturbed = serve("undisturbed")
    undisturbed.open_load()
    weigh(undisturbed)
    for shot in shots:
        undisturbed.put(shot)
    expected = undisturbed.close().content

    killed = serve("killed")
    place = killed.open_load()
    weigh(killed)
    for shot in shots[:20]:
        assert killed.put(shot).status_code == 201
    killed.kill_and_restart()
    for shot in shots:
        assert killed.put(shot).status_code == (200 if shot.seq < 20 else 201)
    closed = killed.http.post(f"{place}/close")
    assert closed.status_code == 202
    assert closed.headers["Location"] == f"{place}/assessment"
    killed.kill_and_restart()
    while (answer := killed.http.get(f"{place}/assessment")).status_code == 202:
        time.sleep(0.05)
    assert answer.content == expected
    assert killed.close().content == expected


def test_a_frame_sent_again_is_known_and_another_under_its_number_is_refused(server, shots):
    place = server.open_load()
    assert server.put(shots[0]).status_code == 201
    assert server.put(shots[0]).status_code == 200
    assert "stored with other bytes" in problem(server.put(replace(shots[1], seq=0)), 409)["detail"]
    assert server.http.get(place).json()["frames"]["stored"] == 1


def test_frames_out_of_order_give_the_same_assessment(server, shots):
    reports = []
    for order in (shots, [*shots[1::2], *shots[0::2]], shots[::-1]):
        server.open_load()
        for shot in order:
            server.put(shot)
        reports.append(server.close().text.replace(server.load, "the load"))
    assert reports[0] == reports[1] == reports[2]


def test_a_hazard_is_known_before_the_load_is_closed(server, shots):
    place = server.open_load()
    for shot in shots:
        server.put(shot)
    end = time.monotonic() + 60
    while not (known := server.http.get(place).json())["hazards"]:
        assert time.monotonic() < end, known
        time.sleep(0.05)
    assert known["status"] == "unloading"
    assert known["hazards"][0]["class"] == "gas_cylinder"
    assert known["hazards"][0]["frame_s"] >= 5


def test_a_lost_frame_does_not_hold_up_an_alarm(server, shots):
    place = server.open_load()
    for shot in shots[1:]:
        server.put(shot)
    end = time.monotonic() + 60
    while not server.http.get(place).json()["hazards"]:
        assert time.monotonic() < end
        time.sleep(0.05)
    flags = {flag["code"] for flag in server.close().json()["truck"]["flags"]}
    assert "frames_missing" in flags


def test_a_load_is_not_closed_while_frames_are_missing(server, shots):
    server.open_load()
    for shot in (shots[0], shots[1], shots[4]):
        server.put(shot)
    found = problem(server.close(last_seq={"yard": 5}), 409)
    assert found["missing"] == {"yard": [2, 3, 5]}
    assert "yard 2, 3, 5" in found["detail"]
    for shot in (shots[2], shots[3], shots[5]):
        assert server.put(shot).status_code == 201
    assert server.close(last_seq={"yard": 5}).status_code == 200


def test_a_last_number_that_can_never_be_is_told_without_counting_up_to_it(server, shots):
    """A camera that numbers its frames by the clock."""
    server.open_load()
    server.put(shots[0])
    refused = server.close(last_seq={"yard": 1_790_000_000})
    assert refused.status_code == 409
    assert "and at least 980 more" in refused.json()["detail"]
    assert refused.json()["missing"] == {"yard": list(range(1, 1001))}


def test_a_load_may_be_called_in_any_script(server, shots):
    place = "/v1/loads/车次-0127"
    opened = server.http.post("/v1/loads", json={"id": "车次-0127"})
    assert opened.status_code == 201, opened.text
    assert server.http.get(opened.headers["Location"]).json()["id"] == "车次-0127"
    sent = {"content": shots[0].jpeg, "headers": {"Captured-At": shots[0].captured_at}}
    assert server.http.put(f"{place}/frames/yard/0", **sent).status_code == 201
    closed = server.http.post(f"{place}/close")
    assert closed.status_code == 202, closed.text
    assert server.http.post(f"{place}/close?wait=true").status_code == 200
    assert server.http.get(closed.headers["Location"]).status_code == 200


def test_a_closed_load_takes_no_frame_that_was_taken_later_but_knows_those_it_has(server, shots):
    server.open_load()
    server.put(shots[0])
    server.close()
    later = replace(shots[1], captured_at=datetime.now(UTC).isoformat())
    assert "takes no more frames" in problem(server.put(later), 409)["detail"]
    assert server.put(shots[0]).status_code == 200


def test_a_weight_that_comes_after_grading_makes_the_next_version(server, shots):
    place = server.open_load()
    for shot in shots:
        server.put(shot)
    first = server.close()
    assert first.json()["truck"]["settlement_kg"] is None
    weigh(server)
    second = server.http.get(f"{place}/assessment")
    assert (first.headers["Assessment-Version"], second.headers["Assessment-Version"]) == ("1", "2")
    assert second.json()["truck"]["net_kg"] == 32539.875
    assert second.json()["layers"] == first.json()["layers"]


def test_what_cannot_be_a_frame_is_refused_with_its_reason(serve, shots):
    server = serve(max_body_bytes=200_000)
    place = server.open_load()
    whole = shots[0]
    assert "Captured-At" in problem(server.http.put(f"{place}/frames/yard/0", content=whole.jpeg), 400)["detail"]
    assert problem(server.put(replace(whole, captured_at="yesterday")), 400)
    assert problem(server.put(replace(whole, jpeg=b"no picture at all")), 422)
    assert problem(server.put(replace(whole, jpeg=whole.jpeg[: len(whole.jpeg) // 2])), 422)
    assert problem(server.put(replace(whole, jpeg=b"\0" * 200_001)), 413)
    assert problem(server.put(replace(whole, seq=-1)), 422)
    assert server.put(whole).status_code == 201


def test_a_body_of_unknown_length_is_read_no_further_than_allowed(serve, shots):
    server = serve(max_body_bytes=100_000)
    place = server.open_load()
    host, port = server.address.removeprefix("http://").split(":")
    head = (
        f"PUT {place}/frames/yard/0 HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n"
        f"Captured-At: {shots[0].captured_at}\r\nAuthorization: Bearer {server.key}\r\n\r\n"
    )
    chunk = b"8000\r\n" + b"\0" * 0x8000 + b"\r\n"
    with socket.create_connection((host, int(port)), timeout=30) as line:
        line.sendall(head.encode() + chunk * 4)  # and never the end
        assert b" 413 " in line.recv(4096)


def test_weights_that_cannot_be_true_are_refused(server):
    place = server.open_load()
    for wrong in ("12.3456", "a lot", -1, "NaN", True, None):
        assert problem(server.http.put(f"{place}/weights/gross", json={"kg": wrong}), 422), wrong
    assert server.http.put(f"{place}/weights/gross", json={"kg": "16000.125", "division": 20}).status_code == 201
    assert server.http.put(f"{place}/weights/gross", json={"kg": 16000.125, "division": 20}).status_code == 200
    assert "not above tare" in problem(server.http.put(f"{place}/weights/tare", json={"kg": 48960}), 422)["detail"]
    assert problem(server.http.put(f"{place}/weights/net", json={"kg": 1}), 422)
    assert list(server.http.get(place).json()["weights"]) == ["gross"]


def test_an_empty_load_is_graded_as_nothing_seen(server):
    server.open_load()
    report = server.close().json()
    assert report["layers"] == []
    assert "no_layers" in {flag["code"] for flag in report["truck"]["flags"]}


def test_every_error_has_one_shape(server):
    place = server.open_load()
    for answer, status in (
        (server.http.get("/v1/nothing"), 404),
        (server.http.delete(place), 405),
        (server.http.get("/v1/loads/nowhere"), 404),
        (server.http.get("/v1/loads/nowhere/assessment"), 404),
        (server.http.put("/v1/loads/nowhere/frames/yard/0", headers={"Captured-At": "2026-03-01T08:00:00Z"}), 404),
        (server.http.post("/v1/loads/nowhere/close"), 404),
        (server.http.get(f"{place}/assessment"), 409),
        (server.http.get(f"{place}/report.html"), 409),
        (server.http.get("/v1/loads?status=lost"), 422),
        (server.http.post("/v1/loads", json={"id": "../../etc"}), 422),
        (server.http.post("/v1/loads", json={"standard": "/etc/passwd.toml"}), 422),
        (server.http.post("/v1/loads", json={"id": server.load, "declared": "other"}), 409),
        (server.http.post("/v1/loads", content=b"{"), 422),
    ):
        problem(answer, status)


def test_the_server_says_what_it_grades_by_and_that_it_is_ready(server):
    assert server.http.get("/healthz").json() == {"status": "ok"}
    assert server.http.get("/readyz").json() == {"status": "ready"}
    assert "gbt-39733-2024" in {entry["id"] for entry in server.http.get("/v1/standards").json()["standards"]}
    models = server.http.get("/v1/models").json()["models"]
    assert [model["name"] for model in models if model["is_active"]] == ["by-colour"]
    assert "/v1/loads/{load_id}/frames/{camera}/{seq}" in server.http.get("/openapi.json").json()["paths"]


def test_a_server_without_its_model_takes_frames_and_says_that_it_is_not_ready(tmp_path, shots):
    command = [sys.executable, "-m", "loadlens.serving.cli", "serve", "--port", "0"]
    making = [sys.executable, "-m", "loadlens.serving.cli", "keys", "add", "--role", "manager"]
    made = subprocess.run([*making, "--data", str(tmp_path / "data")], capture_output=True, text=True, check=True)
    process = subprocess.Popen(
        [*command, "--data", str(tmp_path / "data"), "--model", str(tmp_path / "none.onnx")],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        address = process.stdout.readline().split()[-1]
        key = {"Authorization": f"Bearer {made.stdout.strip()}"}
        with httpx2.Client(base_url=address, timeout=60, trust_env=False, headers=key) as http:
            assert "no such model file" in _settled(http)["detail"]
            assert http.post("/v1/loads", json={"id": "load-1"}).status_code == 201
            place, headers = "/v1/loads/load-1/frames/yard/0", {"Captured-At": shots[0].captured_at}
            assert http.put(place, content=shots[0].jpeg, headers=headers).status_code == 201
    finally:
        process.terminate()
        process.communicate()


def _settled(http):
    """What /readyz says once the model is no longer being loaded."""
    for _ in itertools.count():
        found = problem(http.get("/readyz"), 503)
        if "being loaded" not in found["detail"]:
            return found
        time.sleep(0.05)
    raise AssertionError


def test_two_servers_do_not_share_a_folder(tmp_path):
    command = [sys.executable, "-m", "loadlens.serving.cli", "serve", "--port", "0", "--data", str(tmp_path)]
    with alone_in(tmp_path):
        second = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert second.returncode == 1
    assert second.stderr.startswith("loadlens: ")
    assert "used by another server" in second.stderr


def test_records_are_appended_and_never_changed(server, shots):
    server.open_load()
    server.put(shots[0])
    server.close()
    engine = open_database(server.database_url)
    for statement in ("UPDATE assessments SET report = '{}'", "DELETE FROM frames"):
        with pytest.raises(IntegrityError, match="never changed"), writing(engine).begin() as connection:
            connection.exec_driver_sql(statement)
    with engine.connect() as connection:
        assert json.loads(connection.exec_driver_sql("SELECT report FROM assessments").scalar())
    engine.dispose()
