"""A person corrects what was seen in a layer: told before it counts, computed by what is recorded, and proved later."""

import csv
import hashlib
import json

import numpy as np
import pytest

from loadlens.datasets.importing import ImportOptions, import_pictures
from loadlens.serving.api import layer_shapes, shapes

LEFT = [[0, 0], [0.5, 0], [0.5, 1], [0, 1]]
WHOLE = [[0, 0], [1, 0], [1, 1], [0, 1]]


@pytest.fixture
def place(server, shots):
    """A load of two cameras that was weighed and graded, under a standard with prices."""
    place = server.open_load(standard="example-mill", declared="破碎料")
    for shot in shots:
        assert server.put(shot).status_code == 201
    for shot in shots[::4]:
        assert server.put(shot, camera="gable").status_code == 201
    for kind, kg in (("gross", 48960), ("tare", 16420)):
        server.http.put(f"{place}/weights/{kind}", json={"kg": kg, "division": 20})
    assert server.close().status_code == 200
    return place


def layer_correction(**said):
    return {"decision": "correct", "reason": "looked closely", "correction": {"layers": [{"layer": 0, **said}]}}


def truck(report):
    return report["truck"]["grade"], report["truck"]["deduction"]["kg"], report["truck"]["settlement_kg"]


def test_a_region_counts_as_what_a_person_names_it_and_all_of_it_can_be_proved(server, place):
    soiled = layer_correction(regions=[{"class": "soil", "points": LEFT}])
    before = server.http.get(f"{place}/assessment")
    preview = server.http.post(f"{place}/reviews/preview", json=soiled)
    assert preview.status_code == 200, preview.text
    assert server.http.get(f"{place}/assessment").content == before.content
    shown = preview.json()
    assert shown["after"]["report"]["truck"]["deduction"]["kg"] > shown["before"]["report"]["truck"]["deduction"]["kg"]
    assert float(shown["after"]["money"]["amount"]) < float(shown["before"]["money"]["amount"])

    assert server.http.post(f"{place}/reviews", json=soiled).status_code == 201
    after = server.http.get(f"{place}/assessment").json()
    assert after == shown["after"]["report"]
    [layer] = [layer for layer in after["layers"] if "corrected" in layer]
    assert layer["corrected"]["regions"] == ["soil"]
    assert layer["contaminants"]["soil"]["area"] > layer["corrected"]["seen"]["contaminants"].get("soil", 0)
    # The same by hand: what the map says that lies in the left half.
    [review] = server.http.get(f"{place}/reviews").json()["reviews"]
    [said] = review["correction"]["layers"]
    shapes.ReviewShown.model_validate(review)
    shapes.Report.model_validate(after)
    seen = layer["corrected"]["seen"]
    parts = {**seen["forms"], **seen["contaminants"], "unknown": seen["unknown"]}
    moved = sum(parts[name] * share for name, share in said["regions"][0]["taken"].items())
    assert layer["contaminants"]["soil"]["area"] == pytest.approx(moved, abs=1e-4)
    assert said["key_frame_sha256"] == layer["key_frame_sha256"]
    verdict = json.loads(server.run("verify", "--json"))
    assert verdict["findings"] == []

    # Weighed anew, the correction still counts; taken back by a correction that says nothing, what was seen does.
    server.http.put(f"{place}/weights/tare", json={"kg": 16400, "division": 20})
    assert "corrected" in server.http.get(f"{place}/assessment").json()["layers"][0]
    server.http.put(f"{place}/weights/tare", json={"kg": 16420, "division": 20})
    nothing = {"decision": "correct", "reason": "it was shadow", "correction": {}}
    assert server.http.post(f"{place}/reviews", json=nothing).status_code == 201
    assert truck(server.http.get(f"{place}/assessment").json()) == truck(before.json())


def test_the_grade_and_the_contaminants_of_a_layer_are_corrected_together(server, place):
    said = layer_correction(grade="破碎料", contaminants_percent={"wood": "2.5", "glass": "1"})
    assert server.http.post(f"{place}/reviews", json=said).status_code == 201
    report = server.http.get(f"{place}/assessment").json()
    layer = report["layers"][0]
    assert layer["contaminants"]["wood"]["area"] == pytest.approx(0.025)
    assert layer["contaminants"]["glass"]["area"] == pytest.approx(0.01)
    assert layer["grades"] == {"破碎料": pytest.approx(1 - sum(one["area"] for one in layer["contaminants"].values()))}
    assert "layers_corrected" in {flag["code"] for flag in report["truck"]["flags"]}


def test_what_was_corrected_can_be_learned_from(server, place, tmp_path):
    opinion = {"grade": "破碎料", "deduction_percent": "1", "note": ""}
    assert server.http.post(f"{place}/opinions", json=opinion).status_code == 201
    regions = [{"class": "soil", "points": LEFT}, {"class": "wood", "points": [[0.7, 0.5], [0.9, 0.5]], "radius": 0.02}]
    assert server.http.post(f"{place}/reviews", json=layer_correction(regions=regions)).status_code == 201
    server.run("data", "corrections", "--out", str(tmp_path / "out"))
    options = ImportOptions(said={"source": "inspectors"})
    imported = import_pictures("coco", tmp_path / "out/coco.json", tmp_path / "set", options).manifest.samples
    layers = server.http.get(f"{place}/assessment").json()["layers"]
    key = layers[0]["key_frame_sha256"]
    boxes = {box.label: box for box in imported[key].boxes}
    assert boxes["soil"].w == pytest.approx(0.5, abs=0.01)
    assert (boxes["wood"].x, boxes["wood"].w) == (pytest.approx(0.68, abs=0.01), pytest.approx(0.24, abs=0.01))
    # What is left to label: the frames of the other layers, and that a person has contradicted the machine on the load.
    server.run("data", "queue", "--loads", "1", "--out", str(tmp_path / "queue"))
    with (tmp_path / "queue/queue.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    queued = {hashlib.sha256((tmp_path / "queue" / row["file"]).read_bytes()).hexdigest() for row in rows}
    assert queued == {layer["key_frame_sha256"] for layer in layers} - {key}
    assert all("破碎料" in row["disputed_how"] and "machine: " in row["disputed_how"] for row in rows)


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"layer": 99}, "has no layer 99"),
        ({"grade": "HRS101"}, "no grade of example-mill"),
        ({"regions": [{"class": "gas_cylinder", "points": LEFT}]}, "no form and no contaminant"),
        ({"regions": [{"class": "soil", "points": LEFT[:2]}]}, "three points"),
        ({"contaminants_percent": {"wood": 80, "soil": 40}}, "cannot cover more"),
    ],
)
def test_what_cannot_be_is_refused_in_a_sentence_and_changes_nothing(server, place, said, why):
    for of in ("reviews", "reviews/preview"):
        refused = server.http.post(f"{place}/{of}", json=layer_correction(**said))
        assert refused.status_code == 422
        assert why in refused.text
    assert server.http.get(f"{place}/reviews").json()["reviews"] == []


def test_the_map_of_a_layer_tells_every_cell_and_each_camera_shows_it(server, place):
    told = server.http.get(f"{place}/layers/0/map")
    layer_shapes.LayerMapShown.model_validate(told.json())
    found = told.json()
    cells = found["rows"] * found["columns"]
    assert all(len(plane) == cells for plane in (*found["classes"], *found["percent"], found["counted_percent"]))
    first, second = np.array(found["percent"][:2])
    assert (first >= second).all()
    views = server.http.get(f"{place}/layers/0/views").json()["views"]
    assert [(view["camera"], view["is_key"]) for view in views] == [("yard", True), ("gable", False)]
    key = server.http.get(f"{place}/layers/0/frame")
    other = server.http.get(f"{place}/layers/0/frame", params={"camera": "gable"})
    assert other.headers["Captured-At"] == views[1]["captured_at"]
    assert key.content != other.content
    last = len(server.http.get(f"{place}/assessment").json()["layers"]) - 1
    before = server.http.get(f"{place}/layers/{last}/frame", params={"moment": "before"})
    assert before.headers["Captured-At"] < server.http.get(f"{place}/layers/{last}/frame").headers["Captured-At"]
    assert server.http.get(f"{place}/layers/0/frame", params={"camera": "none"}).status_code == 404
    assert server.http.get(f"{place}/layers/99/map").status_code == 404
