"""Models: their cards, the same past load by another one, and which looks from now on."""

import json
import time
from typing import NamedTuple

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from loadlens.serving.commands.keys import operator
from loadlens.vision.metadata import METADATA_KEY


class Shot(NamedTuple):
    """A frame under another number."""

    seq: int
    jpeg: bytes
    captured_at: str


@pytest.fixture(scope="module")
def new_place(new_place):
    """A yard that asks for one past load before a model may take over."""
    return lambda: {**new_place(), "LOADLENS_MODEL_TRIAL_LOADS": "1"}


@pytest.fixture(scope="module")
def others(server, model_file):
    """The digests of two more models, the first one but for what they say of themselves, their files in the folder: one
    of another version, and one that takes nothing for a hazard."""
    folder = server.data / "models"
    folder.mkdir()
    (folder / "broken.onnx").write_bytes(b"no model")
    for version, fear in (("other", 0), ("blind", -100)):
        model = onnx.load(model_file)
        about = json.loads(model.metadata_props[0].value) | {"version": version}
        helper.set_model_props(model, {METADATA_KEY: json.dumps(about)})
        [bias] = [weight for weight in model.graph.initializer if weight.name == "bias"]
        changed = numpy_helper.to_array(bias) + fear * (np.array(about["class_ids"]) == "gas_cylinder")
        bias.CopyFrom(numpy_helper.from_array(changed.astype(np.float32), "bias"))
        onnx.save(model, folder / f"{version}.onnx")
    found = {one["version"]: one["sha256"] for one in server.http.get("/v1/models").json()["models"]}
    return found["other"], found["blind"]


@pytest.fixture(scope="module")
def other(others):
    return others[0]


@pytest.fixture(scope="module")
def past(server, shots, others):
    """A graded load that a person accepted, its report, and what each model makes of it."""
    place = server.open_load()
    for shot in shots[::4]:
        server.put(Shot(shot.seq // 4, shot.jpeg, shot.captured_at))
    report = server.close().json()
    accepted = {"decision": "accept", "reason": "seen"}
    assert server.http.post(f"{place}/reviews", json=accepted).status_code == 201
    looks = {}
    for sha256 in (*active(server), *others):
        looks[sha256] = server.http.put(f"/v1/models/{sha256}/loads/{server.load}", timeout=600).json()
    return server.load, report, looks


def active(server):
    return [one["sha256"] for one in server.http.get("/v1/models").json()["models"] if one["is_active"]]


def activate(server, sha256, **more):
    done = server.http.post("/v1/models/activations", json={"sha256": sha256, "reason": "better on our loads"} | more)
    assert done.status_code == 201, done.text
    return done.json()


def wait_for(server, sha256):
    end = time.monotonic() + 120
    while active(server) != [sha256]:
        assert time.monotonic() < end
        time.sleep(0.05)


def looked(server):
    return server.close().json()["versions"]["model"]["sha256"]


def test_a_folder_shows_its_models_and_what_is_none(server, other):
    said = server.http.get("/v1/models").json()
    assert [one["file"] for one in said["faulty"]] == ["broken.onnx"]
    card = next(one for one in said["models"] if one["sha256"] == other)
    assert (card["name"], card["is_active"]) == ("by-colour", False)
    assert "gas_cylinder" in card["hazard_recall"]
    refused = server.http.post("/v1/models/activations", json={"sha256": "0" * 64, "reason": "x"})
    assert refused.status_code == 404


def test_a_past_load_by_a_model_comes_to_what_that_model_saw_of_it(server, other, past):
    _, report, looks = past
    for sha256 in (*active(server), other):
        said = looks[sha256]
        assert said["outcome"]["grade"] == said["decided"]["grade"] == report["truck"]["grade"]
        assert said["outcome"]["deduction_percent"] == report["truck"]["deduction"]["percent_of_net"]
        assert said["layers"] == len(report["layers"])
        assert said["hazards"] == ["gas_cylinder"]


def test_a_model_that_misses_what_the_present_one_found_looks_only_where_somebody_says_why(server, others, past):
    load, _, looks = past
    other, blind = others
    [first] = active(server)
    said = server.http.get(f"/v1/models/{blind}/verdict").json()
    missed = {"code": "hazard_missed", "why": f"load {load}: gas cylinder was found, and is not any more"}
    assert (looks[blind]["hazards"], said["permits"], said["loads"]) == ([], False, 1)
    assert said["reasons"] == [missed]
    refused = server.http.post("/v1/models/activations", json={"sha256": blind, "reason": "quicker"})
    assert refused.status_code == 409
    assert missed["why"] in refused.json()["detail"]
    assert server.http.get(f"/v1/models/{other}/verdict").json()["permits"]

    done = activate(server, blind, despite="the cylinder was a water jug")
    assert (done["despite"], done["verdict"]["reasons"]) == ("the cylinder was a water jug", [missed])
    # The way back asks nothing, though here the rule would not even know what to compare.
    wait_for(server, blind)
    back = activate(server, first)
    assert (back["despite"], back["verdict"]) == (None, None)
    wait_for(server, first)
    records = server.http_as("auditor").get("/v1/journal", params={"kind": "model.activated"}).json()["records"]
    assert [record["body"]["permitted"] for record in records][-2:] == [False, True]


def test_a_model_looks_at_loads_that_begin_after_it_was_activated_and_is_rolled_back(server, shots, other, past):
    [first] = active(server)
    assert activate(server, other)["before"] == first  # the rule permits it
    wait_for(server, other)
    server.open_load()
    server.put(shots[0])
    assert looked(server) == other
    again = server.http.post("/v1/models/activations", json={"sha256": other, "reason": "x"})
    assert again.status_code == 409

    # Its file goes; it is kept, and a server that starts anew looks by it.
    (server.data / "models" / "other.onnx").unlink()
    server.kill_and_restart()
    assert active(server) == [other]
    activate(server, first)
    wait_for(server, first)
    server.open_load()
    server.put(shots[0])
    assert looked(server) == first
    records = server.http_as("auditor").get("/v1/journal", params={"kind": "model.activated"}).json()["records"]
    assert [record["body"]["sha256"] for record in records][-2:] == [other, first]
    server.run("verify")


def test_a_model_is_activated_and_rolled_back_on_the_command_line_by_the_same_rule(
    server, model_file, others, past, tmp_path
):
    load, _, _ = past
    _, blind = others
    [first] = active(server)

    def models(*arguments):
        return server.command("models", *arguments, "--data", server.data, LOADLENS_MODEL=str(model_file))

    refused = models("activate", blind)
    assert (refused.returncode, refused.stdout) == (3, "")
    assert f"load {load}: gas cylinder was found, and is not any more" in refused.stderr
    assert active(server) == [first]

    # A file that lies elsewhere is kept; the server that runs takes it up by itself.
    elsewhere = tmp_path / "new.onnx"
    (server.data / "models" / "blind.onnx").rename(elsewhere)
    done = models("activate", elsewhere, "--despite", "the cylinder was a water jug", "--reason", "quicker")
    assert (done.returncode, blind in done.stdout) == (0, True), done.stderr
    elsewhere.unlink()
    wait_for(server, blind)
    newest = server.http.get("/v1/models").json()["activations"][0]
    assert (newest["before"], newest["reason"], newest["despite"]) == (first, "quicker", "the cylinder was a water jug")
    assert [reason["code"] for reason in newest["verdict"]["reasons"]] == ["hazard_missed"]
    assert models("activate", blind).returncode == 3  # it looks already

    assert models("rollback").returncode == 0
    wait_for(server, first)
    auditor = server.http_as("auditor")
    records = auditor.get("/v1/journal", params={"kind": "model.activated"}).json()["records"][-2:]
    assert [(one["actor"], one["body"]["sha256"]) for one in records] == [(operator(), blind), (operator(), first)]
    server.run("verify")


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("activate", "0" * 64), 3, "there is no model of SHA-256"),
        (("activate", "blind"), 2, "neither a file nor a SHA-256"),
        (("activate", __file__), 3, "ONNX"),
    ],
)
def test_what_is_no_model_is_not_activated_by_command(server, model_file, arguments, code, says):
    done = server.command("models", *arguments, "--data", server.data, LOADLENS_MODEL=str(model_file))
    assert (done.returncode, says in done.stderr, done.stderr.count("\n")) == (code, True, 1), done.stderr


def test_a_site_where_no_model_was_activated_has_none_to_go_back_to(server, model_file, tmp_path):
    (tmp_path / "data").mkdir()
    alone = ("LOADLENS_DATABASE", "LOADLENS_STORE")
    given = ("models", "rollback", "--data", tmp_path / "data")
    done = server.command(*given, without=alone, LOADLENS_MODEL=str(model_file))
    assert (done.returncode, "none to go back to" in done.stderr) == (3, True), done.stderr
