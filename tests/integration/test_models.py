"""Models: their cards, the same past load by another one, and which looks from now on."""

import time
from typing import NamedTuple

import onnx
import pytest
from onnx import helper

from loadlens.vision.metadata import METADATA_KEY


class Shot(NamedTuple):
    """A frame under another number."""

    seq: int
    jpeg: bytes
    captured_at: str


@pytest.fixture(scope="module")
def other(server, model_file):
    """The digest of another model, the first one but for what it says of itself; its file lies in the folder."""
    folder = server.data / "models"
    folder.mkdir()
    (folder / "broken.onnx").write_bytes(b"no model")
    model = onnx.load(model_file)
    about = model.metadata_props[0].value.replace('"version": "', '"version": "other-')
    helper.set_model_props(model, {METADATA_KEY: about})
    onnx.save(model, folder / "other.onnx")
    [found] = [one for one in server.http.get("/v1/models").json()["models"] if one["version"].startswith("other-")]
    return found["sha256"]


def active(server):
    return [one["sha256"] for one in server.http.get("/v1/models").json()["models"] if one["is_active"]]


def activate(server, sha256):
    done = server.http.post("/v1/models/activations", json={"sha256": sha256, "reason": "better on our loads"})
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


def test_a_past_load_by_a_model_comes_to_what_that_model_saw_of_it(server, shots, other):
    place = server.open_load()
    for shot in shots[::4]:
        server.put(Shot(shot.seq // 4, shot.jpeg, shot.captured_at))
    report = server.close().json()
    accepted = {"decision": "accept", "reason": "seen"}
    assert server.http.post(f"{place}/reviews", json=accepted).status_code == 201
    for sha256 in (*active(server), other):
        said = server.http.get(f"/v1/models/{sha256}/loads/{server.load}", timeout=600).json()
        assert said["outcome"]["grade"] == said["decided"]["grade"] == report["truck"]["grade"]
        assert said["outcome"]["deduction_percent"] == report["truck"]["deduction"]["percent_of_net"]
        assert said["layers"] == len(report["layers"])
        assert said["hazards"] == ["gas_cylinder"]


def test_a_model_looks_at_loads_that_begin_after_it_was_activated_and_is_rolled_back(server, shots, other):
    [first] = active(server)
    assert activate(server, other)["before"] == first
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
    assert [record["body"]["sha256"] for record in records] == [other, first]
    server.run("verify")
