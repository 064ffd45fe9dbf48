"""From a table of tickets to a load that is graded by them, on the command line."""

import csv
import hashlib
import json
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from loadlens.grading.assessment import assess_load
from loadlens.grading.calibration import CalibrationError, load_calibration
from loadlens.grading.observation import LayerObservation, LoadObservation, ModelVersion
from loadlens.grading.observation_json import to_json
from loadlens.grading.standard import load_standard
from loadlens.training.recipe import recipe_path
from loadlens.training.site_run import fit_site
from loadlens.vision.taxonomy import load_taxonomy

STANDARD = load_standard("gbt-39733-2024")
CLASSES = {name: load_taxonomy()[name].surface_class for name in ("hms_1", "shredded", "soil", "wood")}


def seen(number: int, soil: list[float]) -> LoadObservation:
    layers = tuple(
        LayerObservation(
            index, 10.0 * index, 10.0 * index + 5, 10.0 * index, "a" * 64, 0.5, 1.0, {"hms_1": 1 - share},
            {"soil": share, "wood": 0.0}, 0.0, 0.9,
        )
        for index, share in enumerate(soil)
    )  # fmt: skip
    return LoadObservation(
        f"load-{number}", "camera", "", 50, 5, layers, (), CLASSES, 1.0, 0.0, None, ModelVersion("m", "1", "5" * 64),
        "0.1.0", forms_known=("hms_1", "shredded"),
    )  # fmt: skip


@pytest.fixture
def history(tmp_path):
    """Sixty graded loads that in truth hold twice the soil that is seen, their tickets, and some that are wrong."""
    rng = np.random.default_rng(8)
    rows = [("load", "net_kg", "deduction_kg", "grade", "price_per_tonne")]
    for number in range(60):
        load = seen(number, [float(share) for share in rng.gamma(1.5, 0.02, 3)])
        (tmp_path / "graded" / str(number)).mkdir(parents=True)
        (tmp_path / "graded" / str(number) / "observation.json").write_text(to_json(load), encoding="utf-8")
        truth = 2 * assess_load(load, STANDARD).composition.impurity
        grade = assess_load(load, STANDARD).composition.main_grade if number else "HRS999"
        rows.append((load.load_id, 25000, round(25000 * truth + rng.normal(0, 20), -1), grade, ""))
    rows += [("load-99", 25000, 100, "", ""), ("load-1", 25000, 7777, "", ""), ("load-2", 25, 100, "", "")]
    with (tmp_path / "tickets.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(rows)
    (tmp_path / "site.toml").write_text(recipe_path("site").read_text(encoding="utf-8"), encoding="utf-8")
    return tmp_path


def loadlens(where, *words):
    command = [sys.executable, "-m", "loadlens.serving.cli", *words]
    return subprocess.run(command, cwd=where, capture_output=True, text=True, check=False, timeout=200)


def rows_of(path):
    return list(csv.DictReader(path.read_text(encoding="utf-8").splitlines()))


def fit(history, out):
    return fit_site(history / "site.toml", history / "tickets.csv", history / "graded", history / out)


TRAIN = ("train", "site.toml", "--tickets", "tickets.csv", "--observations", "graded", "--out", "run")


def test_tickets_teach_a_calibration_that_grading_takes(history) -> None:
    done = loadlens(history, *TRAIN)
    assert done.returncode == 0, done.stderr
    assert "the first" in done.stdout
    run = history / "run"
    site = load_calibration(run / "calibration.json")
    assert site.sha256 == hashlib.sha256((run / "calibration.json").read_bytes()).hexdigest()
    assert site.tickets == 59
    assert site.factor["soil"] == pytest.approx(2, abs=0.2)
    new = seen(500, [0.05, 0.02, 0.08])
    taught = assess_load(new, STANDARD, calibration=site)
    truth = 2 * assess_load(new, STANDARD).composition.impurity
    assert taught.composition.impurity == pytest.approx(truth, rel=0.1)
    assert taught.contaminants["soil"].low < taught.contaminants["soil"].share < taught.contaminants["soil"].high
    figures = json.loads((run / "calibration.json").read_text(encoding="utf-8"))["figures"]
    assert figures["deduction_error"]["value"] < 0.3 * figures["deduction_error_uncalibrated"]["value"]
    assert {"mill_deduction_fit", "deduction_error_constant"} <= figures.keys()
    assert (figures["mill_main_grade_right"]["value"], figures["mill_main_grade_right"]["n"]) == (1, 58)
    assert {row["load"] for row in rows_of(run / "tickets_left_out.csv")} == {"load-99", "load-1", "load-2", "load-0"}
    layers = rows_of(run / "layers.csv")
    assert sum(float(row["weight"]) for row in layers if row["load"] == "load-7") == pytest.approx(1, abs=1e-3)
    assert "do not show" not in done.stdout
    # Beside a ticket stands an interval around an estimate that had not seen it, not around the last fit.
    reach = json.loads((run / "calibration.json").read_text(encoding="utf-8"))["interval"]
    for row in rows_of(run / "compared.csv"):
        low, middle, high = (float(row[name]) for name in ("interval_low", "calibrated_unseen", "interval_high"))
        if low > 0:
            share = -reach["low_quantile"] / (reach["high_quantile"] - reach["low_quantile"])
            assert middle - low == pytest.approx(share * (high - low), abs=2e-3)
    # A calibration that loads were graded by is not overwritten.
    again = loadlens(history, *TRAIN)
    assert (again.returncode, "another --out" in again.stderr) == (3, True)


def test_what_cannot_be_fitted_is_refused_with_the_reason(history) -> None:
    alone = loadlens(history, "train", "site.toml", "--tickets", "tickets.csv", "--out", "run")
    assert (alone.returncode, "belong together" in alone.stderr) == (2, True)
    # What tickets teach is learnt without a GPU; that it was asked for is not passed over.
    on_gpu = loadlens(history, *TRAIN, "--device", "cuda")
    assert (on_gpu.returncode, "--device and --readers are for" in on_gpu.stderr) == (2, True)
    lines = (history / "tickets.csv").read_text(encoding="utf-8").splitlines()
    (history / "tickets.csv").write_text("\n".join(lines[:12]), encoding="utf-8")
    few = loadlens(history, *TRAIN)
    assert few.returncode == 3
    assert "11 tickets" in few.stderr
    assert "at least 19" in few.stderr
    assert "50 remarks in run/tickets_left_out.csv" in few.stderr
    assert not (history / "run" / "calibration.json").exists()
    (history / "c.json").write_text(json.dumps({"schema": "loadlens.calibration/1"}), encoding="utf-8")
    broken = loadlens(history, "grade", "clip.mp4", "--calibration", "c.json")
    assert (broken.returncode, "c.json is no calibration" in broken.stderr) == (3, True)


def test_that_tickets_do_not_show_a_gain_is_told(history) -> None:
    rng = np.random.default_rng(5)
    shares = [assess_load(seen(number, [0.02 + number / 1000]), STANDARD).composition.impurity for number in range(30)]
    rows = [("load", "net_kg", "deduction_percent")]
    for number, share in enumerate(shares):
        text = to_json(seen(number, [0.02 + number / 1000]))
        (history / "graded" / str(number) / "observation.json").write_text(text, encoding="utf-8")
        rows.append((f"load-{number}", 25000, float(100 * share * (1 + rng.normal(0, 0.2)))))
    with (history / "tickets.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(rows)
    done = loadlens(history, *TRAIN)
    assert done.returncode == 0, done.stderr
    assert "these tickets do not show that it estimates better than without" in done.stdout


def test_the_same_tickets_in_another_order_give_the_same_bytes(history) -> None:
    one = fit(history, "one")
    header, *rows = (history / "tickets.csv").read_text(encoding="utf-8").splitlines()
    (history / "tickets.csv").write_text("\n".join([header, *reversed(rows[:60]), *rows[60:]]), encoding="utf-8")
    assert fit(history, "two").calibration.sha256 == one.calibration.sha256
    other = replace(seen(1, [0.1]), model=ModelVersion("m", "2", "6" * 64))
    with pytest.raises(CalibrationError, match="fit it anew"):
        assess_load(other, STANDARD, calibration=one.calibration)
