"""How rendered loads are scored: layers are found, missed, invented or graded twice."""

import os
import pickle
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from loadlens.datasets.unloading import LayerTruth, TruckTruth, Truth
from loadlens.grading.observation import AreaError, LayerObservation, LoadObservation, ModelVersion, SurfaceClass
from loadlens.grading.standard import load_standard
from loadlens.training.loads import GradedLoad, fit_area_error, match_layers, measure_loads
from loadlens.training.mill import Compared, Verdict

CLASSES = {
    "hms_1": SurfaceClass("hms_1", "form", "heavy_melting", "steel"),
    "shredded": SurfaceClass("shredded", "form", "shredded", "steel"),
    "soil": SurfaceClass("soil", "contaminant", density_low=0.5, density=0.5, density_high=0.5),
}
STANDARD = load_standard("gbt-39733-2024")


def layer(index: int, key_s: float, soil: float = 0.0) -> LayerObservation:
    return LayerObservation(
        index, key_s, key_s + 2, key_s, "a" * 64, 1.0, 1.0, {"hms_1": 1 - soil}, {"soil": soil}, 0.0, 0.9
    )


def load(seen: list[LayerObservation], truth: list[LayerTruth], impurity: float = 0.0, soil: float = 0.0) -> GradedLoad:
    observation = LoadObservation(
        "L", "clip", "", 10, 2, tuple(seen), (), CLASSES, 1.0, 0.0, None, ModelVersion("t", "1", "0"), "0.1.0",
        forms_known=("hms_1", "shredded"),
    )  # fmt: skip
    truck = TruckTruth({"hms_1": 1 - soil}, {"soil": soil} if soil else {}, impurity)
    return GradedLoad(1, observation, Truth((0, 0, 100, 100), truth, truck))


def true_layer(start_s: float, end_s: float, soil: float = 0.0) -> LayerTruth:
    return LayerTruth(start_s, end_s, 1.0, {"hms_1": 1 - soil}, {"soil": soil} if soil else {}, [])


def test_a_layer_is_found_once_and_the_rest_is_told_apart() -> None:
    truth = [true_layer(0, 3), true_layer(10, 13), true_layer(20, 23)]
    seen = [layer(0, 1.0), layer(1, 2.5), layer(2, 7.0), layer(3, 21.0)]
    pairs, missed, invented, twice = match_layers(load(seen, truth))
    assert [(one.index, true.start_s) for one, true in pairs] == [(0, 0), (3, 20)]
    assert (missed, invented, twice) == (1, 1, 1)


def test_a_perfect_load_scores_perfectly() -> None:
    perfect = [load([layer(0, 1.0, soil)], [true_layer(0, 3, soil)], impurity(soil), soil) for soil in (0.0, 0.1, 0.2)]
    error = replace(fit_area_error_of_noise(), low_quantile=-1.0, high_quantile=1.0)
    metrics = measure_loads(perfect, STANDARD, error)
    assert metrics["layer_f1"].value == 1.0
    assert metrics["layers_graded_twice"].value == 0.0
    assert metrics["contaminant_area_error"].value == pytest.approx(0.0)
    assert metrics["form_share_misplaced"].value == pytest.approx(0.0)
    assert metrics["impurity_mass_error"].value == pytest.approx(0.0, abs=1e-9)
    assert metrics["interval_coverage"].value == 1.0


def impurity(soil: float) -> float:
    return soil * 0.5 / (1 - soil * 0.5)


def seen_with_an_error(sd: Callable[[float], float], n: int = 300) -> list[GradedLoad]:
    """Loads whose soil is seen with an error that may hang on how much of it there is."""
    rng = np.random.default_rng(5)
    loads = []
    for _ in range(n):
        soil = float(rng.uniform(0.01, 0.3))
        seen = float(np.clip(soil + rng.normal(0, sd(soil)), 0, 1))
        loads.append(load([layer(0, 1.0, seen)], [true_layer(0, 3, soil)], impurity(soil), soil))
    return loads


def fit_area_error_of_noise() -> AreaError:
    """What calibration makes of loads whose soil is seen with an error of 0.2 points."""
    return fit_area_error(seen_with_an_error(lambda _: 0.002), STANDARD)


def test_calibration_finds_the_error_that_was_put_in() -> None:
    error = fit_area_error_of_noise()
    assert error.area_sd["soil"] == pytest.approx(0.002, rel=0.15)
    assert error.relative_sd < 0.005
    # A normal error has its 5 % and 95 % quantiles 1.645 sigma from the middle.
    assert error.low_quantile == pytest.approx(-1.645, abs=0.45)
    assert error.high_quantile == pytest.approx(1.645, abs=0.45)
    assert error.n == 300


def test_where_errors_grow_with_the_dirt_the_interval_of_dirty_loads_does_too() -> None:
    """With one size of error for all, it would hold 73 % of the dirtiest third."""
    error = fit_area_error(seen_with_an_error(lambda soil: 0.001 + 0.2 * soil), STANDARD)
    assert error.relative_sd == pytest.approx(0.2, rel=0.25)
    others = seen_with_an_error(lambda soil: 0.001 + 0.2 * soil, n=1000)[300:]
    assert measure_loads(others, STANDARD, error)["interval_coverage"].value == pytest.approx(0.9, abs=0.03)
    dirtiest = [one for one in others if one.truth.truck.contaminants["soil"] > 0.2]
    assert measure_loads(dirtiest, STANDARD, error)["interval_coverage"].value > 0.8


def test_too_few_loads_give_no_interval() -> None:
    with pytest.raises(ValueError, match="too few"):
        fit_area_error([load([layer(0, 1.0, 0.1)], [true_layer(0, 3, 0.12)], 0.06, 0.12)] * 8, STANDARD)


MEASURED = """
import pickle, sys
from loadlens.grading.standard import load_standard
from loadlens.training.loads import measure_loads
from loadlens.training.mill import mill_metrics
loads, error, trucks = pickle.load(sys.stdin.buffer)
print(measure_loads(loads, load_standard("gbt-39733-2024"), error), mill_metrics(trucks))
"""


def test_every_process_comes_to_the_same_digits() -> None:
    shares = {f"form_{number}": 1 / (3 + number) for number in range(30)}
    one = load([layer(0, 1.0)], [true_layer(0, 3)])
    one = replace(one, truth=replace(one.truth, truck=TruckTruth(shares, {}, 0.0)))
    truck = Compared(20_000.0, Verdict("hms", shares, 0.0, None), Verdict("hms", {"hms": 1.0}, 0.0, None))
    given = pickle.dumps(([one], fit_area_error_of_noise(), [truck]))
    told = [
        # Sets of names have another order in each process.
        subprocess.run(
            [sys.executable, "-c", MEASURED],
            env=os.environ | {"PYTHONHASHSEED": seed},
            input=given,
            stdout=subprocess.PIPE,
            check=True,
        ).stdout
        for seed in ("1", "2", "3")
    ]
    assert told[0] == told[1] == told[2]
