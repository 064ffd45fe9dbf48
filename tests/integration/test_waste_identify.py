"""Photos of waste are identified, by command and over HTTP; a person confirms the code, and the journal holds both."""

import io
import json
from datetime import date

import numpy as np
import pytest
from PIL import Image

from loadlens.waste.classes import waste_classes
from loadlens.waste.codes import code_list
from loadlens.waste.identity import SCHEMES, Identity

UNIT = "91130200699229617X"


@pytest.fixture
def identify(run_command):
    return lambda *arguments: run_command("waste", "identify", *arguments)


def jpeg(seed=0):
    noise = np.random.default_rng(seed).integers(0, 256, (30, 40, 3), np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(noise).resize((640, 480)).save(buffer, "JPEG")
    return buffer.getvalue()


def test_every_picture_has_a_line_and_broken_ones_are_refused(tmp_path, identify):
    (tmp_path / "whole.jpg").write_bytes(jpeg())
    (tmp_path / "cut.jpg").write_bytes(jpeg()[:5000])
    (tmp_path / "text.jpg").write_text("no picture")
    done = identify(
        "--json", tmp_path / "cut.jpg", tmp_path / "whole.jpg", tmp_path / "text.jpg", tmp_path / "gone.jpg"
    )
    assert done.returncode == 3
    assert [line.split(": ")[1] for line in done.stderr.splitlines()] == [
        str(tmp_path / name) for name in ("cut.jpg", "text.jpg", "gone.jpg")
    ]
    (found,) = map(json.loads, done.stdout.splitlines())
    assert list(found) == ["image", "classes", "codes", "dangers", "abstain"]
    assert found["image"] == str(tmp_path / "whole.jpg")
    assert 0 <= sum(found["classes"].values()) <= 1.001
    assert set(found["classes"]) <= set(waste_classes())
    for entry in found["codes"]:
        assert list(entry) == ["list", "code", "why", "why_zh"]
        assert code_list(entry["list"]).find(entry["code"])
        assert entry["code"] in entry["why"]
    # Noise is no waste: saying so is right, naming it with certainty is not.
    assert found["abstain"] is True
    assert identify(tmp_path / "whole.jpg", "--model", tmp_path / "gone.onnx").returncode == 3


@pytest.mark.photos
def test_a_battery_and_a_drink_carton_are_named_with_their_questions(photos, identify):
    battery = photos / "waste/battery/Duracell_Alk__2.jpg"
    battery = battery if battery.is_file() else next((photos / "waste/battery").glob("*.jpg"))
    done = identify("--json", battery)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert next(iter(found["classes"])) == "battery"
    asked = {(entry["list"], entry["code"]): entry["why"] for entry in found["codes"]}
    assert "lead-acid" in asked["hazardous-cn", "900-052-31"]
    assert {"hazardous-cn", "eu-low", "us-epa"} <= {name for name, _ in asked}
    assert "not sure" not in identify(battery).stdout or found["abstain"]


@pytest.mark.photos
def test_a_gas_cylinder_is_asked_about_whatever_it_is_taken_for(photos, identify):
    frames = sorted((photos / "contaminants/gas_cylinder").glob("HP_*"))[::10]
    assert frames
    done = identify("--json", *frames)
    assert done.returncode == 0, done.stderr
    for line in done.stdout.splitlines():
        found = json.loads(line)
        assert found["dangers"] == ["gas_cylinder", "drum"], found
    told = identify(frames[-1]).stdout
    assert "DANGER: a photo does not rule out a gas cylinder or drum" in told


def test_the_server_answers_as_the_command_does_and_keeps_what_a_person_confirmed(server, tmp_path, identify):
    photo = jpeg(1)
    (tmp_path / "photo.jpg").write_bytes(photo)
    answer = server.http.post("/v1/waste/identify", content=photo)
    assert answer.status_code == 200, answer.text
    told = answer.json()
    digest = told.pop("identification")
    said = json.loads(identify("--json", tmp_path / "photo.jpg").stdout)
    assert {**told, "image": said["image"]} == said
    assert server.http.post("/v1/waste/identify", content=photo).json()["identification"] == digest
    kept = server.http.get("/v1/journal", params={"subject": f"waste-identification:{digest}"}).json()["records"]
    assert [record["kind"] for record in kept] == ["waste.identified"]

    identity = SCHEMES["hj1276-37"].compose(Identity(UNIT, "321-024-48", date(2026, 11, 26), 901))
    drum = {"identity": identity, "list": "hazardous-cn", "code": "321-024-48", "name": "铝灰渣", "litres": 200}
    unknown = server.http.post("/v1/waste/containers", json=drum | {"identification": "0" * 64})
    assert unknown.status_code == 422
    assert "/v1/waste/identify" in unknown.json()["detail"]
    assert server.http.post("/v1/waste/containers", json=drum | {"identification": digest}).status_code == 201
    assert server.http.post("/v1/waste/containers", json=drum | {"identification": digest}).status_code == 200
    assert server.http.get(f"/v1/waste/containers/{identity}").json()["identification"] == digest
    (label,) = server.http.get("/v1/journal", params={"subject": f"waste:{identity}"}).json()["records"]
    assert label["body"]["identification"] == digest
    # Whoever confirmed it chose a code that the photo did not suggest, and that stands on record too.
    suggested = {entry["code"] for entry in told["codes"]}
    assert label["body"]["was_suggested"] is ("321-024-48" in suggested)


def test_what_is_no_picture_is_refused_and_an_auditor_identifies_nothing(server):
    refused = server.http.post("/v1/waste/identify", content=b"no picture")
    assert refused.status_code == 422
    assert refused.headers["content-type"] == "application/problem+json"
    assert server.http_as("auditor").post("/v1/waste/identify", content=jpeg()).status_code == 403
