"""The queue and claims, with the records alone: what matters most comes first, and one person works on a load."""

import dataclasses
import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import event

from loadlens.grading.observation import (
    AreaError,
    HazardSighting,
    LayerObservation,
    LoadObservation,
    ModelVersion,
    SurfaceClass,
)
from loadlens.serving.load_errors import ClaimedError, ConflictError
from loadlens.serving.loads import Loads
from loadlens.serving.records import assessments, claims, loads, queue, reviews, tickets
from loadlens.serving.records.loads import Particulars
from loadlens.serving.records.queue import Filter
from loadlens.serving.records.weights import Weighed
from loadlens.serving.store.anchor import Anchor
from loadlens.serving.store.blobs import FolderBlobs
from loadlens.serving.store.database import open_database
from loadlens.serving.store.journal import Seal, sealed
from loadlens.serving.store.signing import SigningKeys
from loadlens.serving.store.tables import Lane

ANN, BOB = "user:ann", "user:bob"
MILL, NATIONAL = "example-mill", "gbt-39733-2024"
AT = datetime(2026, 3, 1, 8, tzinfo=UTC)
TEN_MINUTES = timedelta(minutes=10)
CLASSES = {
    "hms_1": SurfaceClass("hms_1", "form", family="heavy_melting", metal="steel"),
    "wood": SurfaceClass("wood", "contaminant", density_low=0.05, density=0.15, density_high=0.3),
}
CYLINDER = HazardSighting("gas_cylinder", 0.9, (1, 2, 3, 4), 1.5, "0" * 64)
ERROR = AreaError({}, default_sd=0.02, level=0.9, low_quantile=-1.5, high_quantile=1.8, n=60)
SEEN = LoadObservation(
    load_id="",
    source="camera yard",
    started_at="2026-03-01T08:00:00+00:00",
    frames_seen=2,
    frames_used=1,
    layers=(),
    hazards=(),
    classes=CLASSES,
    coverage=0.5,  # so little that a person looks in any case
    duplicate_area=0.0,
    mm_per_px=None,
    model=ModelVersion("test", "1", "0" * 64),
    software="0.1.0",
    area_error=ERROR,
    forms_known=("hms_1",),
)


class Yard:
    """The records of a site."""

    def __init__(self, url, folder):
        seal = Seal(SigningKeys(folder / "signing.key"), Anchor(folder / "journal.anchor"))
        self.engine = sealed(open_database(url), seal)
        self.loads = Loads(self.engine, FolderBlobs(folder / "blobs"), MILL, 600.0)
        with self.loads.writing() as session:
            session.add_all([Lane(id="1"), Lane(id="2")])

    def graded(self, load, *, wood=0.1, gross=None, tare=None, standard=MILL, more=None, **seen):
        """A load that was seen with so much wood in it and weighed; `seen` replaces parts of what was seen."""
        with self.loads.writing() as session:
            loads.open_load(session, load, Particulars(standard, **(more or {})), lead_s=0, actor=ANN)
            for kind, kg in (("gross", gross), ("tare", tare)):
                if kg is not None:
                    self.loads.weigh(session, loads.find(session, load), kind, Weighed(Decimal(kg), None), actor=ANN)
            loads.close(session, load, {}, actor=ANN)
        layer = LayerObservation(
            index=0,
            start_s=0.0,
            end_s=8.0,
            key_frame_s=4.0,
            key_frame_sha256="",
            new_area=1.0,
            visible=1.0,
            forms={"hms_1": 1.0 - wood},
            contaminants={"wood": wood},
            unknown=0.0,
            confidence=0.9,
        )
        observed = dataclasses.replace(SEEN, load_id=load, **({"layers": (layer,)} | seen))
        assert self.loads.graded(load, observed, {}, 0)

    def page(self, which=None, cursor=None, limit=200, actor=ANN, at=AT):
        with self.loads.reading() as session:
            return queue.page(session, which or Filter(), cursor, limit, actor=actor, at=at)

    def ids(self, **which):
        return [entry.load.id for entry in self.page(Filter(**which)).entries]

    def claim(self, load, actor, at=AT, **more):
        with self.loads.writing() as session:
            return claims.take(session, loads.find(session, load), actor=actor, at=at, lasts=TEN_MINUTES, **more)

    def review(self, load, actor, decision="accept", correction=None):
        with self.loads.writing() as session:
            found = loads.find(session, load)
            said = {"decision": decision, "reason": "seen", "correction": correction}
            return reviews.add(session, found, self.loads.standard_of(found), **said, actor=actor)


@pytest.fixture
def yard(database_url, tmp_path):
    made = Yard(database_url, tmp_path)
    yield made
    made.engine.dispose()


def money_at_stake(yard, load):
    """What the queue should rank by, by hand from the report and from what a ticket would pay a tonne."""
    with yard.loads.reading() as session:
        found, newest = loads.find(session, load), assessments.newest(session, load)
        deduction = json.loads(newest.report)["truck"]["deduction"]
        worth, _ = tickets.worth(assessments.recomputed(session, found, yard.loads.standard_of(found), newest))
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
