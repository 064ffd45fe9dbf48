"""Leases: each load is graded by one living process."""

import time

import pytest
from sqlalchemy.orm import Session

from loadlens.serving.leases import Alone, SharedLeases
from loadlens.serving.store.database import open_database, writing
from loadlens.serving.store.tables import Load


@pytest.fixture
def engine(database_url):
    engine = open_database(database_url)
    with Session(writing(engine)) as session, session.begin():
        session.add_all(Load(id=load_id, standard="s") for load_id in ("a", "b", "c"))
    yield engine
    engine.dispose()


@pytest.fixture
def process(engine):
    def start(dead_after_s=60.0):
        leases = SharedLeases(engine, dead_after_s=dead_after_s)
        leases.keep()
        return leases

    return start


def test_a_load_is_of_the_process_that_took_it_first(process):
    first, second = process(), process()
    assert first.take("a")
    assert first.take("a")
    assert not second.take("a")
    assert second.take("b")
    assert second.others() == {"a"}


def test_a_load_that_was_let_go_of_or_whose_process_ended_is_free(process):
    first, second = process(), process()
    assert first.take("a")
    assert first.take("b")
    first.let_go("a")
    assert second.take("a")
    second.let_go("b")
    assert not second.take("b")
    first.end()
    assert process().take("b")


def test_the_loads_of_a_process_that_died_are_taken_over(process):
    dead, living = process(), process(dead_after_s=5.0)
    assert dead.take("a")
    while not living.take("a"):
        living.keep()
        time.sleep(0.1)
    # Was it only slow, it learns that the load is another's now, and goes on with those that are free.
    while "a" not in dead.others():
        dead.keep()
        time.sleep(0.1)
    assert not dead.take("a")
    assert dead.take("b")


def test_a_process_that_lives_keeps_its_loads(process):
    first, second = process(dead_after_s=5.0), process(dead_after_s=5.0)
    assert first.take("a")
    assert second.take("b")
    for _ in range(80):
        first.keep()
        second.keep()
        time.sleep(0.1)
    assert first.take("a")
    assert second.take("b")
    assert first.others() == {"b"}


def test_whoever_was_away_itself_takes_nobody_for_dead(process):
    first, second = process(dead_after_s=5.0), process(dead_after_s=5.0)
    assert first.take("a")
    time.sleep(7)  # the database was away, for both
    second.keep()
    assert not second.take("a")


def test_alone_every_load_is_ours():
    assert Alone().take("a")
    assert not Alone().others()
