"""The same for the ledger on record: whatever is sent to it, in whatever order, stock and balances are what came."""

import itertools
from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.properties.test_ledger_properties import a_history

from loadlens.serving.evidence.stock_check import check_balances, check_stock
from loadlens.serving.records import waste, waste_entries
from loadlens.serving.store.anchor import Anchor
from loadlens.serving.store.database import open_database, write_session
from loadlens.serving.store.journal import Seal, sealed
from loadlens.serving.store.signing import SigningKeys
from loadlens.serving.store.waste_tables import WasteContainer
from loadlens.waste.ledger import OUTSIDE

_examples = itertools.count()


@pytest.fixture(scope="module")
def engine(tmp_path_factory):
    folder = tmp_path_factory.mktemp("ledger")
    seal = Seal(SigningKeys(folder / "signing.key"), Anchor(folder / "anchor"))
    made = sealed(open_database(f"sqlite:///{folder / 'loadlens.sqlite'}"), seal)
    yield made
    made.dispose()


def on_record(session, history):
    """A history under names of its own, with its containers registered, of two wastes."""
    unit = f"{next(_examples):018}"

    def named(name):
        return name and f"{unit}.{name}"

    for name in sorted({posting.container for entry in history for posting in entry.postings}):
        code = "900-214-08" if len(name) % 3 == 0 else "321-024-48"
        about = {"list_id": "hazardous-cn", "edition": "2021", "code": code, "name": "dross", "litres": "200"}
        waste.register(session, WasteContainer(identity=named(name), actor="user:li", **about))
    renamed = [
        replace(
            entry,
            id=named(entry.id),
            takes_back=named(entry.takes_back),
            postings=tuple(replace(one, container=named(one.container)) for one in entry.postings),
        )
        for entry in history
    ]
    return unit, renamed


def check(session, unit, entries):
    """Stock and balances are what these entries add up to, and what is on record is found to be right."""
    held = Counter()
    for entry in entries:
        for posting in entry.postings:
            held[posting.container, posting.place] += posting.grams
    here = {key: grams for key, grams in held.items() if grams and key[1] not in OUTSIDE}
    containers = {container for container, _ in held}
    assert {
        (one, place): grams for one in containers for place, grams in waste.whereabouts(session, one).items()
    } == here
    balances = waste.balances(session, unit=unit, code=None)
    assert sum(row["stock"] for row in balances) == sum(here.values())
    for row in balances:
        came = row["produced"] + row["weighing"] + row["repacked"]
        assert came == row["treated"] + row["handed_over"] + row["stock"]
    assert [*check_stock(session), *check_balances(session)] == []


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**32), length=st.integers(1, 40), order=st.randoms(use_true_random=False))
def test_what_arrives_in_any_order_and_twice_is_on_record_once(engine, seed, length, order):
    with write_session(engine) as session:
        # A correction is made by the service itself, of what it has accepted.
        made = [entry for entry in a_history(seed, length) if entry.takes_back is None]
        unit, history = on_record(session, made)
        arriving = [*history, *order.sample(history, k=len(history) // 2)]
        order.shuffle(arriving)
        for begin in range(0, len(arriving), 7):
            waste.post(session, arriving[begin : begin + 7])
        ids = [entry.id for entry in history]
        accepted = waste_entries.accepted(session, ids)
        waiting = [row.id for row, _ in waste_entries.waiting(session) if row.id in set(ids)]
        assert sorted([*accepted, *waiting]) == sorted(ids)
        check(session, unit, accepted.values())
        for id_ in waiting:
            waste.withdraw(session, id_, actor="user:wang", reason="never came")


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**32), length=st.integers(1, 40), order=st.randoms(use_true_random=False))
def test_a_ledger_from_elsewhere_is_taken_over_whole_in_whatever_order_it_stands(engine, seed, length, order):
    with write_session(engine) as session:
        unit, history = on_record(session, a_history(seed, length))
        shuffled = order.sample(history, k=len(history))
        refused = waste.take_over(session, shuffled, by="user:wang")
        check(session, unit, [entry for entry in history if entry.id not in refused])
        assert waste.take_over(session, history, by="user:wang").keys() <= refused.keys()
