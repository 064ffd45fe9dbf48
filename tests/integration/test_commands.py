"""grade, classify and demo from end to end, with a real model file in a process of their own."""

import contextlib
import hashlib
import itertools
import json
import os
import signal
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest

from loadlens.grading.assessment import assess_load
from loadlens.grading.observation_json import from_json
from loadlens.grading.quantity import Mass
from loadlens.grading.standard import DEFAULT_STANDARD, load_standard
from loadlens.grading.weighing import Weights
from loadlens.serving.jpeg import encode_jpeg


@pytest.fixture
def loadlens(model_file, tmp_path):
    """Run the command line with the model that sees by colour."""

    def run(*arguments):
        return subprocess.run(
            [sys.executable, "-m", "loadlens.serving.cli", *(str(argument) for argument in arguments)],
            cwd=tmp_path,
            env={**os.environ, "LOADLENS_MODEL": str(model_file)},
            capture_output=True,
            text=True,
            timeout=280,
            check=False,
        )

    return run


@pytest.fixture
def folder(shots, tmp_path):
    """The short load as a folder of pictures."""
    frames = tmp_path / "frames"
    frames.mkdir()
    for shot in shots:
        (frames / f"{shot.seq:04}.jpg").write_bytes(shot.jpeg)
    return frames


def test_a_folder_of_frames_is_graded_into_a_report(loadlens, folder, model_file, tmp_path):
    out = tmp_path / "out"
    weights = ("--gross", "48960", "--tare", "16420.125", "--division", "20")
    done = loadlens("grade", folder, "--model", model_file, "--out", out, "--json", *weights)
    assert done.returncode == 4, done.stderr
    assert done.stderr == ""
    report = json.loads(done.stdout)
    assert report["truck"]["net_kg"] == 32539.875
    assert report["truck"]["hazards"][0]["class"] == "gas_cylinder"
    assert json.loads((out / "report.json").read_text(encoding="utf-8")) == report
    assert "气瓶" in (out / "report.html").read_text(encoding="utf-8")
    for layer in report["layers"]:
        assert (out / layer["overlay"]).read_bytes().startswith(b"\xff\xd8")
    assert {path.name for path in tmp_path.iterdir()} == {"frames", "out"}
    seen = from_json((out / "observation.json").read_text(encoding="utf-8"))
    assert assess_load(seen, load_standard(DEFAULT_STANDARD), weights=WEIGHTS).to_report()["truck"] == report["truck"]
    # An earlier report may be replaced; what the tickets of the site taught is used where it is named, and on record.
    (tmp_path / "site.json").write_text(json.dumps(taught_by_tickets(report)), encoding="utf-8")
    again = loadlens("grade", folder, "--model", model_file, "--out", out, "--calibration", "site.json")
    assert again.returncode == 4, again.stderr
    assert "gas cylinder" in again.stdout
    report = json.loads((out / "report.json").read_text(encoding="utf-8"))
    assert report["truck"]["net_kg"] is None
    digest = hashlib.sha256((tmp_path / "site.json").read_bytes()).hexdigest()
    assert report["versions"]["calibration"] == {"site": "north", "sha256": digest}
    assert report["truck"]["deduction"]["percent_of_net"] == pytest.approx(1.5)
    assert digest in (out / "report.html").read_text(encoding="utf-8")


WEIGHTS = Weights(Mass(48960), Mass("16420.125"), Mass(20))


def taught_by_tickets(report):
    """A calibration by which no contaminant weighs anything, and 1.5 % of every load is dust."""
    standard = {**report["versions"]["standard"], "layer_weight": "area_density"}
    return {
        "schema": "loadlens.calibration/1",
        "site": "north",
        "model": report["versions"]["model"],
        "standard": standard,
        "factor": dict.fromkeys(report["truck"]["contaminants"], 0.0),
        "unseen": 0.015,
        "depth_trend": 0.0,
        "interval": {"level": 0.9, "unseen_sd": 0.01, "relative_sd": 0.5, "low_quantile": -1, "high_quantile": 1},
        "tickets": {"used": 50},
    }


def test_a_source_that_cannot_be_read_leaves_nothing_behind(loadlens, model_file, tmp_path):
    (tmp_path / "clip.mp4").write_bytes(b"not a video at all")
    done = loadlens("grade", "clip.mp4", "--model", model_file, "--out", "out")
    assert done.returncode == 3
    assert done.stdout == ""
    assert done.stderr.startswith("loadlens: clip.mp4: ")
    assert len(done.stderr.splitlines()) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["clip.mp4"]


def test_a_name_of_bytes_that_are_no_letters_costs_nobody_a_report(loadlens, folder, model_file, shots, tmp_path):
    """As where an archive from a Chinese Windows was unpacked."""
    named = tmp_path / os.fsdecode("卸料".encode("gbk"))
    folder.rename(named)
    (named / "0000b.jpg").write_bytes(b"nothing")
    done = loadlens("grade", named, "--model", model_file, "--out", "out", "--json")
    assert done.returncode == 4, done.stderr
    report = json.loads(done.stdout)
    assert json.loads((tmp_path / "out" / "report.json").read_text(encoding="utf-8")) == report
    assert report["load"]["id"] == "ж" + r"\udcc1\udccf"
    done = loadlens("classify", named / "0000.jpg", "--json", "--model", model_file)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["image"] == str(named / "0000.jpg")


class Camera(BaseHTTPRequestHandler):
    """Sends its pictures over and over, five a second, as long as anybody looks."""

    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=edge")
        self.end_headers()
        with contextlib.suppress(ConnectionError):
            for jpeg in itertools.cycle(self.server.pictures):
                head = b"--edge\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n" % len(jpeg)
                self.wfile.write(head + jpeg + b"\r\n")
                self.server.sent += 1
                time.sleep(0.2)

    def log_message(self, *_):
        return


def test_ctrl_c_ends_an_unloading_that_a_camera_streams_and_it_is_graded(shots, model_file, tmp_path):
    server = ThreadingHTTPServer(("127.0.0.1", 0), Camera)
    server.pictures, server.sent = [shot.jpeg for shot in shots], 0
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}/live"
    command = [sys.executable, "-m", "loadlens.serving.cli", "grade", url, "--json", "--model", str(model_file)]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as grading:
        try:
            deadline = time.monotonic() + 120
            while server.sent < len(shots) and time.monotonic() < deadline:
                time.sleep(0.1)
            grading.send_signal(signal.SIGINT)
            out, err = grading.communicate(timeout=60)
        finally:
            grading.kill()
            server.shutdown()
            server.server_close()
    assert grading.returncode == 4, err
    report = json.loads(out)
    assert report["load"]["frames_seen"] > len(shots) / 2
    assert report["layers"]
    assert "source_cut" not in {flag["code"] for flag in report["truck"]["flags"]}


def test_pictures_are_classified_and_a_bad_one_does_not_stop_the_others(loadlens, model_file, shots, tmp_path):
    (tmp_path / "load.jpg").write_bytes(shots[-1].jpeg)
    (tmp_path / "bad.jpg").write_bytes(b"nothing")
    (tmp_path / "wood.jpg").write_bytes(encode_jpeg(np.full((320, 480, 3), (20, 200, 20), np.uint8)))
    (tmp_path / "tall.jpg").write_bytes(encode_jpeg(np.full((1300, 100, 3), 90, np.uint8)))
    done = loadlens("classify", "load.jpg", "tall.jpg", "bad.jpg", "wood.jpg", "--json", "--model", model_file)
    assert done.returncode == 3
    assert "bad.jpg" in done.stderr
    assert "tall.jpg: 100 x 1300 pixels is too narrow" in done.stderr
    load, wood = (json.loads(line) for line in done.stdout.splitlines())
    keys = {"image", "forms", "families", "contaminants", "hazards", "scene", "unknown", "top", "confidence", "abstain"}
    assert set(load) == set(wood) == keys
    assert load["image"] == "load.jpg"
    for found in (load, wood):
        kinds = ("forms", "contaminants", "hazards", "scene")
        total = sum(share for kind in kinds for share in found[kind].values()) + found["unknown"]
        assert total == pytest.approx(1, abs=1e-4)
        assert sum(found["families"].values()) == pytest.approx(sum(found["forms"].values()), abs=1e-4)
    assert wood["contaminants"]["wood"] > 0.9
    assert wood["abstain"]


@pytest.mark.long
def test_the_demo_does_the_whole_job_over_http(loadlens, tmp_path):
    done = loadlens("demo", "--out", "shown")
    assert done.returncode in (0, 4), done.stderr
    assert "rendered truth" in done.stdout
    report, truth = (
        json.loads((tmp_path / "shown" / name).read_text(encoding="utf-8")) for name in ("report.json", "truth.json")
    )
    kg, deduction = truth["truck"]["impurity_mass"] * report["truck"]["net_kg"], report["truck"]["deduction"]
    where = "inside" if deduction["kg_low"] <= kg <= deduction["kg_high"] else "outside"
    assert f"{where} the interval, which is to hold 90 of 100 loads" in done.stdout
    assert report["load"]["frames_seen"] > 100
    assert report["layers"]
    for layer in report["layers"]:
        assert (tmp_path / "shown" / layer["overlay"]).is_file()
    assert {path.name for path in (tmp_path / "shown").iterdir()} == {
        "report.json",
        "report.html",
        "truth.json",
        "overlays",
    }
    assert [path.name for path in tmp_path.iterdir()] == ["shown"]


def test_an_unloading_is_rendered_with_its_truth(loadlens, tmp_path):
    done = loadlens("data", "render", "--seed", 4, "--out", "clip.mp4", "--seconds", 8, "--size", "480x272")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "clip.mp4").stat().st_size > 10_000
    truth = json.loads((tmp_path / "clip.truth.json").read_text(encoding="utf-8"))
    assert truth["truck"]["forms"]
