"""Figures of a yard: agreement by hand and over the records, deductions with their bias, and tables of them."""

import csv
import io
from datetime import UTC, date, datetime
from types import SimpleNamespace

import pytest

from loadlens.grading.observation import Doubt
from loadlens.serving.api.yard_figures import _answer
from loadlens.serving.records import (
    agreement,
    assessments,
    drift,
    figures,
    loads,
    mill_figures,
    opinions,
    price_figures,
)
from loadlens.serving.records.agreement import MACHINE
from loadlens.serving.records.periods import Period

ANN, BOB = "user:ann", "user:bob"
NOTHING = {
    "residue_kg": "0",
    "items": [],
    "water_percent": "0",
    "oil_percent": "0",
    "packaging_kg": "0",
    "other_kg": "0",
    "other_reason": "",
}
LAYER = {"layer": 0, "regions": [], "contaminants_percent": {}, "key_frame_sha256": "", "map_sha256": None}


def test_kappa_by_hand():
    # Both say yes to 20 and no to 15 of 50; 0.7 observed, 0.5 by chance: 0.2 / 0.5.
    said = [("yes", "yes")] * 20 + [("yes", "no")] * 5 + [("no", "yes")] * 10 + [("no", "no")] * 15
    found = agreement.agreement(ANN, BOB, said)
    assert (found.observed.value, found.by_chance, found.kappa.n) == (0.7, 0.5, 50)
    assert found.kappa.value == pytest.approx(0.4)
    assert 0 < found.kappa.low < 0.2
    assert 0.5 < found.kappa.high < 0.7


def test_three_loads_on_which_two_agree_prove_little():
    found = agreement.agreement(ANN, BOB, [("a", "a"), ("b", "b"), ("a", "a")])
    assert found.kappa.value == 1
    assert found.kappa.low < 0.1


def test_who_always_says_the_same_has_no_kappa():
    assert agreement.agreement(ANN, BOB, [("a", "a")] * 9).kappa is None


def say(yard, load, rater, grade):
    with yard.loads.writing() as session:
        found = loads.find(session, load)
        standard = yard.loads.standards.of(session, found)
        said = {"grade": grade, "deduction_percent": None, "note": "", "at": datetime.now(UTC)}
        return opinions.give(session, found, standard, actor=rater, **said)


def test_only_what_was_said_blind_counts_for_agreement(yard):
    for number in range(3):
        yard.graded(f"load-{number}")
    machine = yard.page().entries[0].result.machine_grade
    other = next(grade.code for grade in yard.loads.standards.given["example-mill"].grades if grade.code != machine)
    now = datetime.now(UTC)
    for load, grade in (("load-0", machine), ("load-1", other)):
        yard.claim(load, ANN, now, blind=True)
        assert say(yard, load, ANN, grade).blind
        assert not say(yard, load, ANN, machine).blind  # the second is no first impression
    say(yard, "load-2", BOB, machine)
    with yard.loads.reading() as session:
        (pair,), not_blind = agreement.agreements(session, Period(), yard.loads.standards.given)
        assert agreement.agreements(session, Period(until=date(2020, 1, 1)), yard.loads.standards.given) == ([], 0)
    assert (pair.one, pair.other, pair.observed.value, pair.observed.n) == (MACHINE, ANN, 0.5, 2)
    assert not_blind == 3


def test_the_machine_says_nothing_of_a_load_of_which_no_layer_was_seen(yard):
    more = {"contaminants_kg": {"wood": "900"}, **NOTHING}
    for name in ("accepted", "judged"):
        yard.graded(name, gross=40_000, tare=15_000, layers=())
    yard.review("accepted", ANN)
    yard.review("judged", ANN, "correct", more)
    with yard.loads.reading() as session:
        (all_of_them,) = figures.deductions(session, "supplier", Period())
        rows = {row.name: row.decided for row in mill_figures.beside_people(session, Period()).rows}
    assert (all_of_them.loads, all_of_them.bias_percent, all_of_them.overturn_rate.value) == (2, None, 0)
    assert (rows["deduction_error_points"], rows["deduction_fits"]) == (None, None)


def test_deductions_are_counted_with_what_people_made_of_them(yard):
    more = {"contaminants_kg": {"wood": "900"}, **NOTHING}
    for name, supplier in (("a", "Zhang"), ("b", "Zhang"), ("c", "=1+1"), ("d", None)):
        yard.graded(name, wood=0.05, gross=40_000, tare=15_000, more={"supplier": supplier})
    with yard.loads.reading() as session:
        before = {load: assessments.report(session, load)["truck"]["deduction"] for load in "ab"}
    yard.review("a", ANN)
    yard.review("b", BOB, "correct", more)
    with yard.loads.reading() as session:
        by = {one.key: one for one in figures.deductions(session, "supplier", Period())}
        people = {one.key: one for one in figures.deductions(session, "inspector", Period())}
        after = {load: assessments.report(session, load)["truck"]["deduction"] for load in "ab"}
        assert figures.deductions(session, "month", Period(until=date(2020, 1, 1))) == []
        assert [one.key for one in figures.deductions(session, "camera", Period())] == [None]
    assert list(by) == [None, "=1+1", "Zhang"]
    zhang = by["Zhang"]
    assert (zhang.loads, zhang.weighed, zhang.net_kg) == (2, 2, 50_000)
    # The wood of b was heavier than the machine took it for, so it deducted too little.
    assert float(zhang.deduction_kg) == after["a"]["kg"] + after["b"]["kg"] > before["a"]["kg"] + before["b"]["kg"]
    too_little = before["b"]["percent_of_net"] - after["b"]["percent_of_net"]
    assert zhang.bias_percent.value == pytest.approx(too_little / 2)
    assert zhang.bias_percent.low is None  # two loads give no interval
    assert (zhang.review_rate.value, zhang.review_rate.n) == (1, 2)
    assert (zhang.overturn_rate.value, zhang.overturn_rate.n) == (0.5, 2)
    assert (by["=1+1"].overturn_rate, by["=1+1"].bias_percent) == (None, None)
    assert zhang.coverage.value == 0.5
    assert {key: (one.loads, one.overturn_rate and one.overturn_rate.value) for key, one in people.items()} == {
        None: (2, None),
        ANN: (1, 0),
        BOB: (1, 1),
    }


def test_prices_and_deductions_are_counted_as_mills_do_beside_the_errors_and_a_constant(yard):
    """Ten loads; nine are accepted, of one a person says that all its scrap is of a cheaper grade."""
    for number in range(10):
        yard.graded(f"load-{number}", wood=0.05, gross=40_000, tare=15_000)
    standard = yard.loads.standards.given["example-mill"]
    machine = yard.page().entries[0].result
    price = {grade.code: grade.price_per_tonne for grade in standard.grades if grade.price_per_tonne}
    cheap = min(price, key=price.get)
    assert machine.grade != cheap
    layers = {**NOTHING, "contaminants_kg": {}, "layers": [{**LAYER, "grade": cheap}], "classes": {}}
    yard.review("load-0", ANN, "correct", layers)
    for number in range(1, 10):
        yard.review(f"load-{number}", ANN)
    with yard.loads.reading() as session:
        found = mill_figures.beside_people(session, Period())
        [prices] = price_figures.price_errors(session, "month", Period())
    rows = {row.name: row for row in found.rows}
    assert (found.decided, found.accepted, found.blind, rows["price_error"].blind) == (10, 9, 0, None)
    assert (rows["main_grade_right"].decided.value, rows["main_grade_right"].decided.n) == (0.9, 10)
    assert rows["main_grade_right"].decided_constant.value == 0.9  # the commonest grade: no better than the machine
    assert rows["deduction_error_points"].decided.value < 0.5
    off = float(machine.price_per_tonne) - float(price[cheap])
    assert (prices.loads, prices.corrected, prices.classes[0].value) == (10, 1, 0.9)
    assert prices.bias.value == pytest.approx(off / 10, abs=0.01)
    assert prices.classes[[off < 30, off < 50, off < 100, True].index(True)].value >= 0.1


def test_what_the_machine_sees_is_held_against_a_reference_period(yard, monkeypatch):
    """Twelve loads of one day, and twelve of another with more wood and false colours."""
    for day, wood, doubts in (("01", 0.05, ()), ("08", 0.35, (Doubt("colour_cast", "violet"),))):
        monkeypatch.setattr("loadlens.serving.records.loads.now", lambda day=day: f"2026-03-{day}T08:00:00.000+00:00")
        for number in range(12):
            yard.graded(f"{day}-{number}", wood=wood + 0.01 * (number % 3), doubts=doubts)
    second, first = Period(since=date(2026, 3, 2)), Period(until=date(2026, 3, 1))
    with yard.loads.reading() as session:
        found = drift.drift(session, second, first)
        of_another = drift.drift(session, second, first, camera="gable")
    moves = {move.name: move for move in found.moves}
    assert (found.loads, found.reference_loads, found.models, of_another.moves) == (12, 12, ("test 1",), ())
    assert {name for name, move in moves.items() if move.has_moved} == {"hms_1", "colour_cast"}
    assert moves["hms_1"].difference.value == pytest.approx(moves["hms_1"].now.value - moves["hms_1"].reference.value)
    assert moves["hms_1"].difference.high < 0
    assert "frame_dark" not in moves  # never was, in neither


def test_a_cell_of_a_table_is_never_a_formula():
    rows = [{"key": "=cmd()", "loads": 1, "bias_percent": {"value": -0.5, "low": None, "high": None, "n": 3}}]
    asked = SimpleNamespace(headers={"accept": "text/csv"})
    answer = _answer(asked, {}, rows, ("key", "loads", "bias_percent", "bias_percent_low", "bias_percent_n"), "x")
    table = list(csv.reader(io.StringIO(answer.body.decode("utf-8-sig"))))
    assert table[1] == ["'=cmd()", "1", "-0.5", "", "3"]
