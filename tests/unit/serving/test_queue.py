"""The queue and claims, with the records alone: what matters most comes first, and one person works on a load."""

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import event

from loadlens.grading.observation import (
    HazardSighting,
)
from loadlens.serving.load_errors import ClaimedError, ConflictError
from loadlens.serving.records import assessments, claims, loads, tickets
from loadlens.serving.records.queue import Filter
from loadlens.serving.records.weights import Weighed

ANN, BOB = "user:ann", "user:bob"
NATIONAL = "gbt-39733-2024"
AT = datetime(2026, 3, 1, 8, tzinfo=UTC)
TEN_MINUTES = timedelta(minutes=10)
CYLINDER = HazardSighting("gas_cylinder", 0.9, (1, 2, 3, 4), 1.5, "0" * 64)


def money_at_stake(yard, load):
    """What the queue should rank by, by hand from the report and from what a ticket would pay a tonne."""
    with yard.loads.reading() as session:
        found, newest = loads.find(session, load), assessments.newest(session, load)
        deduction = json.loads(newest.report)["truck"]["deduction"]
        worth, _ = tickets.worth(
            assessments.recomputed(session, found, yard.loads.standards.of(session, found), newest)
        )
    return (deduction["kg_high"] - deduction["kg_low"]) / 1000 * float(worth["price_per_tonne"])


def test_the_queue_is_ordered_by_hazard_then_money_then_age_over_all_its_pages(yard):
    made = [f"load-{number:02}" for number in range(24)]
    for number, load in enumerate(made):
        hazards = (CYLINDER,) if number % 7 == 3 else ()
        gross = 30_000 + 1_000 * (number * 5 % 9)
        yard.graded(load, wood=0.02 * (number % 3), gross=gross, tare=15_000, hazards=hazards)
    stakes = {load: money_at_stake(yard, load) for load in made}
    ties = len(made) - len(set(stakes.values()))
    assert 0 < ties < len(made) - 1
    with_hazard = {load for number, load in enumerate(made) if number % 7 == 3}
    right = sorted(made, key=lambda load: (load not in with_hazard, -stakes[load], load))  # opened in this order

    shown, cursor = [], None
    while True:
        page = yard.page(cursor=cursor, limit=5)
        shown += page.entries
        assert page.total == len(made)
        if (cursor := page.next_cursor) is None:
            break
    assert [entry.load.id for entry in shown] == right
    for entry in shown:
        assert entry.result.stake_in == "money"
        assert float(entry.result.stake) == pytest.approx(stakes[entry.load.id], abs=0.01)


def test_what_is_at_stake_is_told_in_what_is_known_of_it(yard):
    yard.graded("mill", gross=40_000, tare=15_000)
    yard.graded("no price, small", gross=20_000, tare=15_000, standard=NATIONAL)
    yard.graded("no price, large", gross=40_000, tare=15_000, standard=NATIONAL)
    yard.graded("not empty", gross=40_000)
    yard.graded("not weighed")
    yard.graded("no interval", gross=40_000, tare=15_000, area_error=None)
    entries = {entry.load.id: entry.result for entry in yard.page().entries}
    assert list(entries) == ["no interval", "not empty", "mill", "no price, large", "no price, small", "not weighed"]
    told = {load: (result.stake_in, result.at_most) for load, result in entries.items()}
    assert told == {
        "no interval": ("unknown", False),
        "not empty": ("money", True),
        "mill": ("money", False),
        "no price, large": ("kg", False),
        "no price, small": ("kg", False),
        "not weighed": ("percent", False),
    }
    with yard.loads.writing() as session:
        yard.loads.weigh(
            session, loads.find(session, "not weighed"), "gross", Weighed(Decimal(90_000), None), actor=ANN
        )
    entries = {entry.load.id: entry.result for entry in yard.page().entries}
    assert list(entries)[1] == "not weighed"
    assert entries["not weighed"].at_most


def test_the_queue_is_filtered_and_a_load_leaves_it_with_its_review(yard):
    yard.graded("a", more={"lane": "1", "supplier": "Zhang"})
    yard.graded("b", more={"lane": "2"}, hazards=(CYLINDER,))
    assert yard.ids() == ["b", "a"]
    assert yard.ids(lane="1") == yard.ids(supplier="Zhang") == ["a"]
    assert yard.ids(flag="coverage_low") == ["b", "a"]
    assert yard.ids(flag="hazard") == ["b"]
    assert yard.ids(flag="hazar_") == yard.ids(flag="disputed") == []
    with yard.loads.writing() as session:
        loads.flag(session, loads.find(session, "a"), "disputed", "review", "the supplier objects")
    assert yard.ids(flag="disputed") == ["a"]
    yard.claim("a", BOB)
    assert (yard.ids(claimed="nobody"), yard.ids(claimed="others"), yard.ids(claimed="me")) == (["b"], ["a"], [])
    assert [entry.load.id for entry in yard.page(Filter(claimed="me"), actor=BOB).entries] == ["a"]
    later = yard.page(Filter(claimed="nobody"), at=AT + TEN_MINUTES).entries
    assert [entry.load.id for entry in later] == ["b", "a"]  # the claim has run out
    yard.review("b", ANN)
    assert yard.ids() == ["a"]
    with yard.loads.writing() as session:
        yard.loads.weigh(session, loads.find(session, "b"), "gross", Weighed(Decimal(40_000), None), actor=ANN)
        loads.flag(session, loads.find(session, "b"), "radiation", "stop", "the portal")
        yard.loads.reassess(session, loads.find(session, "b"), reason="radiation", actor=ANN)
    assert yard.ids() == ["b", "a"]  # a new reason puts it back


def test_a_page_is_read_by_the_index_and_sorts_nothing(yard):
    yard.graded("a")
    asked = []
    event.listen(yard.engine, "before_cursor_execute", lambda *call: asked.append(call[2:4]))
    yard.page(limit=5)
    statement, values = next((text, given) for text, given in asked if "ORDER BY" in text)
    with yard.engine.connect() as connection:
        if connection.dialect.name != "sqlite":
            pytest.skip("PostgreSQL plans by how many rows there are")
        plan = [row[-1] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)]
    assert any("load_results_by_rank" in step for step in plan)
    assert not any("TEMP B-TREE" in step for step in plan)


def test_a_claim_holds_until_it_is_let_go_or_runs_out(yard):
    yard.graded("a")
    claim, is_new = yard.claim("a", ANN)
    assert (claim.holder, is_new) == (ANN, True)
    with pytest.raises(ClaimedError, match="user:ann") as refused:
        yard.claim("a", BOB, AT + TEN_MINUTES - timedelta(seconds=1))
    assert refused.value.holder == ANN
    _, is_new = yard.claim("a", ANN, AT + timedelta(minutes=9))
    assert not is_new  # renewed
    with pytest.raises(ClaimedError):
        yard.claim("a", BOB, AT + timedelta(minutes=18))
    assert yard.claim("a", BOB, AT + timedelta(minutes=19))[1]
    with yard.loads.writing() as session, pytest.raises(ClaimedError):
        claims.let_go(session, "a", actor=ANN, at=AT + timedelta(minutes=20))
    with yard.loads.writing() as session:
        claims.let_go(session, "a", actor=BOB, at=AT + timedelta(minutes=20))
    assert yard.claim("a", ANN, AT + timedelta(minutes=20))[1]
    assert yard.claim("a", BOB, AT + timedelta(minutes=21), take_over=True)[0].holder == BOB


def test_a_review_of_a_load_that_somebody_else_has_claimed_is_refused(yard):
    yard.graded("a")
    yard.claim("a", ANN, datetime.now(UTC))
    with pytest.raises(ClaimedError):
        yard.review("a", BOB)
    assert yard.ids() == ["a"]
    yard.review("a", ANN)
    assert yard.claim("a", BOB)[1]  # the review has ended the claim; a reviewed load may be reviewed again
    with yard.loads.writing() as session:
        loads.move(session, loads.find(session, "a"), "cancel", actor=ANN)
    with pytest.raises(ConflictError, match="cancelled"):
        yard.claim("a", ANN)
