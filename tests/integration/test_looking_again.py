"""An archive that a real service wrote, looked at again by models: the one that graded it sees the same to the bit."""

import json
import shutil
import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import cv2
import numpy as np
import onnx
import pyarrow.parquet as pq
import pytest
from onnx import helper, numpy_helper

from loadlens.grading.observation_json import from_json
from loadlens.grading.standard import DEFAULT_STANDARD, load_standard
from loadlens.serving.archive.folder import open_archive
from loadlens.serving.archive.looking import read_file
from loadlens.serving.archive.regrading import regrade_archive
from loadlens.serving.errors import WrongUseError
from loadlens.vision.metadata import METADATA_KEY

STANDARD = load_standard(DEFAULT_STANDARD)


@pytest.fixture(scope="module")
def blind(model_file, tmp_path_factory):
    """The model but for a card of its own, and that nothing is a hazard to it."""
    model = onnx.load(model_file)
    about = json.loads(model.metadata_props[0].value) | {"version": "blind"}
    helper.set_model_props(model, {METADATA_KEY: json.dumps(about)})
    [bias] = [weight for weight in model.graph.initializer if weight.name == "bias"]
    changed = numpy_helper.to_array(bias) - 100 * (np.array(about["class_ids"]) == "gas_cylinder")
    bias.CopyFrom(numpy_helper.from_array(changed.astype(np.float32), "bias"))
    file = tmp_path_factory.mktemp("blind") / "blind.onnx"
    onnx.save(model, file)
    return file


@pytest.fixture(scope="module")
def archive(server, shots, tmp_path_factory):
    """A load that two cameras saw, one whose grabs were weighed, and one that a person corrected."""
    server.open_load()
    for shot in shots:
        across = cv2.flip(cv2.imdecode(np.frombuffer(shot.jpeg, np.uint8), cv2.IMREAD_COLOR), 1)
        assert server.put(shot, camera="north").status_code == 201
        south = replace(shot, jpeg=cv2.imencode(".jpg", across)[1].tobytes())
        assert server.put(south, camera="south").status_code == 201
    assert server.close().status_code == 200

    place = server.open_load()
    for shot in shots:
        assert server.put(shot).status_code == 201
    assert server.close().status_code == 200
    soil = {"layer": 0, "regions": [{"class": "soil", "points": [[0, 0], [0.5, 0], [0.5, 1], [0, 1]]}]}
    corrected = {"decision": "correct", "reason": "soil lies there", "correction": {"layers": [soil]}}
    assert server.http.post(f"{place}/reviews", json=corrected).status_code == 201

    weigh_grabs(server, shots)
    out = tmp_path_factory.mktemp("archive") / "new"
    server.run("archive", str(out))
    return out


def weigh_grabs(server, shots):
    began = datetime.now(UTC) - timedelta(seconds=40)
    assert server.http.put("/v1/lanes/1", json={}).status_code == 200
    assert server.http.post("/v1/loads", json={"id": "on-lane-1", "lane": "1"}).status_code == 201
    for shot in shots:
        since = datetime.fromisoformat(shot.captured_at) - datetime.fromisoformat(shots[0].captured_at)
        headers = {"Captured-At": str(began + since), "Sent-At": str(datetime.now(UTC))}
        answer = server.http.put(f"/v1/lanes/1/frames/north/{shot.seq}", content=shot.jpeg, headers=headers)
        assert answer.json()["load"] == "on-lane-1"
    for at_s in (6.0, 7.0, 20.0):
        reading = {"id": str(uuid.uuid4()), "device": "crane", "kind": "grab_mass", "kg": 700 + at_s, "raw": ""}
        reading["at"] = (began + timedelta(seconds=at_s)).isoformat()
        assert server.http.post("/v1/lanes/1/readings", json=reading).status_code == 201
    assert server.http.post("/v1/loads/on-lane-1/close", params={"wait": "true"}).status_code == 200


def results(out):
    """What is in a folder of results, by load."""
    files = sorted((out / "parts").iterdir())
    return {row["load"]: row for file in files for row in pq.read_table(file).to_pylist()}


def bytes_of(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_the_model_that_graded_sees_what_it_saw_to_the_bit(server, archive, model_file, tmp_path):
    done = server.command("regrade", archive, "--model", model_file, "--out", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    assert "3 loads graded, 0 before, 0 refused" in done.stdout
    assert "as they were observed: when layers lay open" in done.stdout
    stored = pq.read_table(archive / "loads").to_pylist()
    seen = results(tmp_path / "out")
    assert {row["load"]: row["observation"] for row in stored} == {
        load: row["observation"] for load, row in seen.items()
    }
    observations = [from_json(row["observation"]) for row in stored]
    assert "cameras north, south" in {one.source for one in observations}
    assert any(layer.mass_kg for one in observations for layer in one.layers)
    # What a person corrected was made of what the model saw then, and is left out.
    corrected = {row["load"] for row in stored if json.loads(row["inputs"])["correction"] is not None}
    told = {row["load"] for row in stored if row["deduction_percent"] != seen[row["load"]]["deduction_percent"]}
    assert len(corrected) == 1
    assert told == corrected


def test_another_model_sees_otherwise_and_what_is_cut_off_comes_to_the_same_bytes(
    archive, blind, model_file, tmp_path, monkeypatch
):
    monkeypatch.setattr("loadlens.serving.archive.looking.LOADS_A_PIECE", 1)
    whole, cut, file = tmp_path / "whole", tmp_path / "cut", read_file(blind)
    done = regrade_archive(open_archive(archive), whole, STANDARD, None, file=file)
    assert (done.graded, done.before, done.refused) == (3, 0, 0)
    stored = {row["load"]: row for row in pq.read_table(archive / "loads").to_pylist()}
    for load, row in results(whole).items():
        versions = json.loads(row["report"])["versions"]
        assert versions["model"] == {"name": "by-colour", "version": "blind", "sha256": file.model.sha256}
        assert (versions["standard"]["sha256"], bool(versions["software"])) == (STANDARD.sha256, True)
        before, now = from_json(stored[load]["observation"]), from_json(row["observation"])
        assert [layer.forms for layer in now.layers] != [layer.forms for layer in before.layers]
        assert [layer.key_frame_s for layer in now.layers] == [layer.key_frame_s for layer in before.layers]
        assert now.hazards == before.hazards  # no regrading takes an alarm away
    assert json.loads((whole / "regrade.json").read_text())["model"] == file.model.sha256

    shutil.copytree(whole, cut)
    (cut / "summary.csv").unlink()
    for part in sorted((cut / "parts").iterdir())[1:]:
        part.unlink()
    done = regrade_archive(open_archive(archive), cut, STANDARD, None, file=file)
    assert (done.graded, done.before) == (2, 1)
    assert bytes_of(cut) == bytes_of(whole)
    with pytest.raises(WrongUseError, match=r"was graded by another .* model"):
        regrade_archive(open_archive(archive), cut, STANDARD, None, file=read_file(model_file))


def test_what_cannot_be_looked_at_is_told_in_one_line(server, archive, model_file, tmp_path):
    (tmp_path / "text.onnx").write_text("no model")
    for model, why in ((tmp_path / "none.onnx", "no such model file"), (tmp_path / "text.onnx", "refuses it")):
        refused(server, archive, model, tmp_path, why)
        assert not (tmp_path / "out").exists()
    wrong = server.command("regrade", tmp_path, "--model", model_file, "--out", tmp_path / "out")
    assert (wrong.returncode, "--model grades a folder that `loadlens archive` wrote" in wrong.stderr) == (2, True)

    mine = tmp_path / "archive"
    shutil.copytree(archive, mine)
    key_frame = pq.read_table(mine / "layers")["key_frame_sha256"][0].as_py()
    picture = mine / "pictures" / key_frame[:2] / key_frame
    trace = next(mine.glob("traces/*/*"))
    for file, data in ((picture, b"another"), (picture, None), (trace, None)):
        kept = file.read_bytes()
        file.unlink() if data is None else file.write_bytes(data)
        refused(server, mine, model_file, tmp_path, f"{file} is gone or damaged; write the archive again")
        assert not (tmp_path / "out/summary.csv").exists()
        file.write_bytes(kept)
    assert server.command("regrade", mine, "--model", model_file, "--out", tmp_path / "out").returncode == 0

    old = json.loads((mine / "archive.json").read_text()) | {"schema": "loadlens.archive/1"}
    (mine / "archive.json").write_text(json.dumps(old))
    refused(server, mine, model_file, tmp_path, "is 'loadlens.archive/1', not 'loadlens.archive/2'")


def refused(server, archive, model, tmp_path, why):
    done = server.command("regrade", archive, "--model", model, "--out", tmp_path / "out")
    assert done.returncode == 3, done.stdout + done.stderr
    assert why in done.stderr
    assert len(done.stderr.splitlines()) == 1
