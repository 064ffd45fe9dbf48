"""The mill's own rules, worked by hand, and the constant that passes them."""

import pytest

from loadlens.datasets.unloading import TruckTruth, Truth
from loadlens.grading.observation import LayerObservation, LoadObservation, ModelVersion, SurfaceClass
from loadlens.grading.standard import load_standard
from loadlens.training.figures import as_tables
from loadlens.training.loads import GradedLoad
from loadlens.training.mill import Compared, Verdict, mill_metrics, price_of
from loadlens.training.mill_loads import measure_as_mill

MILL = load_standard("example-mill")


def truck(ours_kg, theirs_kg, *, net=20_000.0, grade="重废1", said="重废1", share=(0.8, 0.8), price=(None, None)):
    return Compared(
        net,
        Verdict(grade, {grade: share[0]}, ours_kg / net, price[0]),
        Verdict(said, {said: share[1]}, theirs_kg / net, price[1]),
    )


@pytest.mark.parametrize(
    ("ours", "theirs", "fits"),
    [(200, 400, True), (600, 400, True), (150, 0, True), (160, 0, False), (1400, 900, False), (449, 900, False)],
)
def test_a_deduction_fits_by_half_to_one_and_a_half_or_150_kg(ours, theirs, fits) -> None:
    assert mill_metrics([truck(ours, theirs)])["mill_deduction_fit"].value == fits


def test_a_constant_passes_the_mills_rule_and_is_shown_for_what_it_is() -> None:
    metrics = mill_metrics([truck(0, kg) for kg in (310, 400, 500, 790)])
    assert metrics["mill_deduction_fit_constant"].value == 1.0
    assert metrics["mill_deduction_fit"].value == 0.0
    assert metrics["deduction_error"].value == pytest.approx(2000 / 4 / 20_000)
    assert metrics["deduction_bias"].value == pytest.approx(-2000 / 4 / 20_000)
    assert metrics["deduction_error_p95"].n == 4
    assert metrics["deduction_error_p95_constant"].value < metrics["deduction_error_p95"].value


def test_the_main_grade_is_right_by_name_and_by_share() -> None:
    trucks = [truck(0, 0), truck(0, 0, share=(0.69, 0.8)), truck(0, 0, grade="中废")]
    trucks.append(truck(0, 0, said="中废", grade="中废"))
    metrics = mill_metrics(trucks)
    assert metrics["mill_main_grade_right"].value == 0.75
    assert metrics["mill_main_grade_and_share_right"].value == 0.5
    assert metrics["mill_main_grade_right_commonest"].value == 0.75
    assert metrics["main_grade_share_error"].value == pytest.approx((0.11 + 0.8) / 4)
    # Whoever says of every truck what trucks hold on average: 0.6 of the one grade, 0.2 of the other.
    assert metrics["main_grade_share_error_constant"].value == pytest.approx((0.2 * 3 + 0.6) / 4)
    assert metrics["mill_main_grade_and_share_right_constant"].value == 0
    assert metrics["grade_share_error"].value == pytest.approx((0.11 + (0.8 + 0.8) / 2) / 4)


def test_figures_stand_beside_what_a_constant_reaches_each_with_its_interval_and_n() -> None:
    tables = as_tables(mill_metrics([truck(400, kg, price=(2000, 2000 + kg)) for kg in (310, 400, 500, 790)]))
    rules, off = tables.split("how far off")
    [fit] = [line for line in rules.splitlines() if line.startswith("| mill deduction fit")]
    assert "| 100.0% (51.0% to 100.0%) | 4 | always the same 100.0% (51.0% to 100.0%) |" in fit
    [price] = [line for line in off.splitlines() if line.startswith("| price error per tonne")]
    assert price.startswith("| price error per tonne | 500 a tonne (") and "always the same" in price
    assert "constant" not in tables


def test_prices_are_counted_in_the_mills_classes() -> None:
    off = [0, 29, 30, 49, 50, 99, 100, 500]
    metrics = mill_metrics([truck(0, 0, price=(2000 + by, 2000)) for by in off])
    names = ("0_to_30", "30_to_50", "50_to_100", "from_100")
    assert [metrics[f"price_error_{name}"].value for name in names] == [0.25] * 4
    assert metrics["price_error_0_to_30_constant"].value == 1.0


def test_what_tickets_do_not_say_is_not_counted() -> None:
    silent = Compared(20_000, Verdict("中废", {"中废": 1.0}, 0.01, 2500), Verdict(None, {}, 0.01, None))
    assert not {name for name in mill_metrics([silent]) if "grade" in name or "price" in name}


def test_a_price_is_the_mean_of_its_grades() -> None:
    assert price_of("重废1", {"重废1": 0.6, "钢屑": 0.2}, MILL) == pytest.approx((0.6 * 2800 + 0.2 * 1900) / 0.8)
    assert price_of(None, {}, MILL) is None
    assert price_of("LRS", {"LRS": 1.0}, MILL) is None


CLASSES = {
    "railway_wheels": SurfaceClass("railway_wheels", "form"),
    "turnings": SurfaceClass("turnings", "form"),
    "soil": SurfaceClass("soil", "contaminant", "", "", 0.5, 0.5, 0.5),
}


def rendered(seed, seen, true, impurity):
    layer = LayerObservation(0, 0, 3, 1, "a" * 64, 1.0, 1.0, seen, {"soil": 1 - sum(seen.values())}, 0.0, 0.9)
    observation = LoadObservation(
        "L", "clip", "", 9, 3, (layer,), (), CLASSES, 1.0, 0.0, None, ModelVersion("t", "1", "0" * 64), "0.1.0"
    )
    return GradedLoad(seed, observation, Truth((0, 0, 9, 9), [], TruckTruth(true, {}, impurity)))


def test_rendered_loads_are_judged_against_their_truth() -> None:
    right = rendered(1, {"railway_wheels": 0.9}, {"railway_wheels": 0.9}, 0.05 / 0.95)
    wrong = rendered(2, {"railway_wheels": 0.9}, {"turnings": 1.0}, 0.0)
    metrics = measure_as_mill([right, wrong], MILL)
    assert metrics["mill_main_grade_right"].value == 0.5
    assert metrics["mill_main_grade_and_share_right"].value == 0.5
    assert metrics["deduction_error"].value == pytest.approx(0.05 / 0.95 / 2)
    assert metrics["price_error_0_to_30"].value == 0.5
    assert metrics["price_error_from_100"].value == 0.5
    assert {metric.n for metric in metrics.values()} == {2}
