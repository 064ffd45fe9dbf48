"""An archive is graded again, by one process or many: each load once, and a run cut off comes to the same bytes."""

import csv
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from dataclasses import replace

import pytest

from loadlens.grading.assessment import assess_load
from loadlens.grading.observation import LayerObservation, LoadObservation, ModelVersion
from loadlens.grading.observation_json import to_json
from loadlens.grading.quantity import Mass
from loadlens.grading.standard import load_standard
from loadlens.grading.weighing import Weights
from loadlens.serving.archive.folder import write_loads
from loadlens.serving.archive.grading import PartRegrading
from loadlens.serving.archive.looking import read_file
from loadlens.serving.archive.regrading import regrade_archive
from loadlens.serving.archive.tables import archived
from loadlens.serving.canonical import canonical_json
from loadlens.serving.errors import CommandError, RefusedError, WrongUseError
from loadlens.serving.records.inputs import Inputs
from loadlens.serving.regrading import loads_of_archive, regrade
from loadlens.serving.store.blobs import FolderBlobs
from loadlens.serving.store.tables import Assessment, Load
from loadlens.vision.frame import Frame
from loadlens.vision.model import load_model
from loadlens.vision.pipeline import Unloading
from loadlens.vision.taxonomy import load_taxonomy
from loadlens.vision.trace import traces_to_bytes

OLD, NEW = load_standard("gbt-39733-2024"), load_standard("example-mill")
THEN = "2026-03-01T08:00:00+00:00"
CLASSES = {name: load_taxonomy()[name].surface_class for name in ("hms_1", "shredded", "soil")}


def seen(number: int) -> LoadObservation:
    soil = 0.01 * number
    layer = LayerObservation(
        0, 0.0, 5.0, 2.0, "a" * 64, 1.0, 1.0, {"hms_1": 0.9 - soil, "shredded": 0.1}, {"soil": soil}, 0.0, 0.9
    )
    return LoadObservation(
        f"load/{number}", "camera", "", 50, 5, (layer,), (), CLASSES, 1.0, 0.0, None, ModelVersion("m", "1", "5" * 64),
        "0.1.0", forms_known=("hms_1", "shredded"),
    )  # fmt: skip


WEIGHED = Inputs(Weights(Mass(40000), Mass(15000), Mass(20)), "重废2", (), None)


@pytest.fixture
def archive(tmp_path):
    """Six loads of the command line, one bundle of the service, and three files that cannot be used."""
    folder = tmp_path / "archive"
    for number in range(6):
        (folder / str(number)).mkdir(parents=True)
        (folder / str(number) / "observation.json").write_text(to_json(seen(number)), encoding="utf-8")
    with zipfile.ZipFile(folder / "seven.zip", "w") as bundle:
        bundle.writestr("assessments/1/observation.json", to_json(seen(7)))
        bundle.writestr("assessments/1/inputs.json", WEIGHED.to_json(OLD))
    for name, load in {"other": replace(seen(1), coverage=0.1), "bad": replace(seen(8), load_id="bad")}.items():
        (folder / name).mkdir()
        (folder / name / "observation.json").write_text(to_json(load), encoding="utf-8")
    broken = json.loads(to_json(replace(seen(8), load_id="bad")))
    broken["layers"][0]["unknown"] = 0.7
    (folder / "bad" / "observation.json").write_text(json.dumps(broken), encoding="utf-8")
    (folder / "none.zip").write_bytes(b"not a zip")
    return folder


def bytes_of(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def rows_of(path):
    return list(csv.DictReader(path.read_text(encoding="utf-8").splitlines()))


def test_every_load_is_graded_once_as_it_would_be_alone(archive, tmp_path) -> None:
    done = regrade(loads_of_archive(archive), tmp_path / "out", NEW, None)
    assert (done.graded, done.before, done.layers, done.refused) == (7, 0, 7, 3)
    summary = rows_of(tmp_path / "out/summary.csv")
    assert [row["load"] for row in summary] == [f"load/{number}" for number in (0, 1, 2, 3, 4, 5, 7)]
    alone = canonical_json(assess_load(seen(3), NEW).to_report())
    assert (tmp_path / "out" / summary[3]["report"]).read_text(encoding="utf-8") == alone
    # A bundle has the weights and the declared grade of its load; the others have none.
    assert float(summary[6]["deduction_kg"]) == float(WEIGHED.assess(seen(7), NEW).deduction.mass.kg)
    assert summary[0]["deduction_kg"] == ""
    why = {row["where"]: row["why"] for row in rows_of(tmp_path / "out/refused.csv")}
    assert "sum to" in why["bad/observation.json"]
    assert "not a zip" in why["none.zip"]
    assert "says otherwise" in why["other/observation.json"]


def test_a_run_that_was_cut_off_goes_on_and_comes_to_the_same_bytes(archive, tmp_path) -> None:
    regrade(loads_of_archive(archive), tmp_path / "whole", NEW, None)
    cut = tmp_path / "cut"
    shutil.copytree(tmp_path / "whole", cut)
    for name in ("summary.csv", "refused.csv"):
        (cut / name).unlink()
    for report in sorted((cut / "loads").iterdir())[:4]:
        report.unlink()
    sorted((cut / "loads").iterdir())[0].with_suffix(".part").write_text("{half", encoding="utf-8")
    done = regrade(loads_of_archive(archive), cut, NEW, None)
    assert (done.graded, done.before) == (4, 3)
    (part,) = (cut / "loads").glob("*.part")
    part.unlink()
    assert bytes_of(cut) == bytes_of(tmp_path / "whole")
    assert regrade(loads_of_archive(archive), cut, NEW, None).graded == 0


def test_another_standard_never_mixes_into_a_folder(archive, tmp_path) -> None:
    regrade(loads_of_archive(archive), tmp_path / "out", NEW, None)
    with pytest.raises(WrongUseError, match="another standard"):
        regrade(loads_of_archive(archive), tmp_path / "out", OLD, None)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(WrongUseError, match="something else"):
        regrade(loads_of_archive(archive), tmp_path / "full", NEW, None)
    (tmp_path / "empty").mkdir()
    with pytest.raises(RefusedError, match="nothing to grade again"):
        regrade(loads_of_archive(tmp_path / "empty"), tmp_path / "out2", NEW, None)


def test_the_command_line_regrades_and_says_how_much(archive, tmp_path) -> None:
    command = [sys.executable, "-m", "loadlens.serving.cli", "regrade", "archive", "--out", "out"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    assert "7 loads graded, 0 before, 3 refused" in done.stdout
    assert "layers a second" in done.stdout


@pytest.fixture
def parts(tmp_path, monkeypatch):
    """Six parts of a hundred loads of ten layers each; one load contradicts itself."""
    monkeypatch.setattr("loadlens.serving.archive.folder.LOADS_A_PART", 100)
    ten = tuple(replace(seen(3).layers[0], index=index) for index in range(10))
    known = {"inputs": WEIGHED.to_json(OLD), "report": canonical_json(assess_load(seen(3), OLD).to_report())}
    loads = []
    for number in range(600):
        observation = to_json(replace(seen(3), load_id=f"load/{number:03}", layers=ten))
        kept = Assessment(version=1, observation=observation, reason="", created_at=THEN, **known)
        loads.append(archived(Load(id=f"load/{number:03}", created_at=THEN), kept))
    loads[7].load["observation"] = loads[7].load["observation"].replace('"unknown":0.0', '"unknown":0.7')
    return write_loads(iter(loads), FolderBlobs(tmp_path / "blobs"), tmp_path / "archive")


@pytest.fixture
def watched(shots, model_file, tmp_path, monkeypatch):
    """Ninety-five loads of which there are pictures and a trace, and one that an earlier version watched; in parts of
    twelve, of which a model is given eight and then four."""
    monkeypatch.setattr("loadlens.serving.archive.folder.LOADS_A_PART", 12)
    blobs, model, seen, loads = FolderBlobs(tmp_path / "blobs"), load_model(model_file), [], []
    for first in range(6):
        unloading = Unloading(model, load_id="load", started_at=shots[first].captured_at)
        for shot in shots[first:]:
            blobs.put(shot.jpeg)
            unloading.push(Frame.from_bytes(shot.jpeg, name="shot", time_s=(shot.seq - first) / 4))
        seen.append(unloading.finish())
    for number in range(96):
        load, name = seen[number % 6], f"load/{number:02}"
        observation = replace(load.observation, load_id=name)
        report = canonical_json(assess_load(observation, OLD).to_report())
        known = {"observation": to_json(observation), "inputs": None, "report": report}
        kept = Assessment(version=1, reason="", created_at=THEN, **known)
        trace = blobs.put(traces_to_bytes({"": load.trace})) if number != 7 else None
        loads.append(archived(Load(id=name, created_at=THEN), kept, trace))
    return write_loads(iter(loads), blobs, tmp_path / "watched")


@pytest.mark.long
@pytest.mark.parametrize(
    ("loads", "looked_at", "graded", "why"),
    [("parts", False, 599, "sum to"), ("watched", True, 95, "kept no trace of its layers")],
)
def test_a_cluster_comes_to_the_same_bytes_though_a_worker_and_the_driver_are_killed(
    cluster, stop_a_worker, model_file, tmp_path, request, *, loads, looked_at, graded, why
) -> None:
    archive = request.getfixturevalue(loads)
    whole = regrade_archive(archive, tmp_path / "alone", NEW, None, file=read_file(model_file) if looked_at else None)
    assert whole.graded == graded
    assert [why in row["why"] for row in rows_of(tmp_path / "alone" / "refused.csv")] == [True]
    out = tmp_path / "out"
    command = [sys.executable, "-m", "loadlens.serving.cli", "regrade", archive.folder, "--out", out]
    command += ["--standard", NEW.id, "--ray", cluster.address, *(["--model", model_file] if looked_at else [])]
    with subprocess.Popen(command, cwd=tmp_path) as driver:
        os.kill(stop_a_worker("_do"), signal.SIGKILL)
        stop_a_worker("_do")  # its part cannot be done, so the driver cannot end
        while not list((out / "parts").glob("*.parquet")):
            assert driver.poll() is None
            time.sleep(0.02)
        driver.kill()
    assert not (out / "summary.csv").exists()
    ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=480)
    assert ended.returncode == 0, ended.stderr
    now, before = map(int, re.search(r"(\d+) loads graded, (\d+) before", ended.stdout).groups())
    assert now + before == graded
    assert min(now, before) > 0
    assert bytes_of(out) == bytes_of(tmp_path / "alone")


def test_what_would_not_come_to_the_same_is_refused(parts, tmp_path) -> None:
    (first, *_) = parts.parts
    with pytest.raises(CommandError, match="install the same on every machine"):
        PartRegrading(NEW, None, ("loadlens 0.0",))(parts.read(first))
    regrade_archive(parts, tmp_path / "out", NEW, None)
    with pytest.raises(WrongUseError, match="another standard"):
        regrade_archive(parts, tmp_path / "out", OLD, None)
    (parts.folder / "loads" / first.name).write_bytes(b"damaged")
    with pytest.raises(RefusedError, match="gone or damaged"):
        regrade_archive(parts, tmp_path / "damaged", NEW, None)
