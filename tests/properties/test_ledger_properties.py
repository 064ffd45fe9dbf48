"""Whatever is done to the ledger, in whatever order it arrives, mass is conserved to the gram."""

import random
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from loadlens.waste.ledger import (
    FLOOR,
    HANDED_OVER,
    PRODUCTION,
    TRANSIT,
    TREATED,
    Balances,
    Entry,
    counter,
    move,
    reconcile,
    repack,
    room,
)

BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
PLACES = [FLOOR, TRANSIT, *(room(str(number)) for number in range(12))]


def a_history(seed: int, length: int) -> list[Entry]:
    """A random history that a plant might have: each entry possible when it was made."""
    rng, balances, history = random.Random(seed), Balances(), []
    for number in range(length):
        entry = _next(rng, balances, history, number)
        balances.accept(entry)
        history.append(entry)
    return history


def _next(rng: random.Random, balances: Balances, history: list[Entry], number: int) -> Entry:
    at, name = BEGAN + timedelta(minutes=number), str(number)

    def entry(stage, postings, **more):
        return Entry(name, stage, at, "user:li", postings, **more)

    stock = sorted(balances.stock().items())
    kind = rng.choice(["produce", "move", "split", "merge", "end", "correct"])
    if kind == "correct":
        able = [one for one in history if one.takes_back is None]
        rng.shuffle(able)
        for one in able[:5]:
            back = counter(one, new_id=name, at=at, actor="user:wang", reason="mistake")
            if balances.refusal(back) is None:
                return back
    if not stock or kind in ("produce", "correct"):
        return entry("produced", move(f"c{number}", rng.randint(1, 10**9), PRODUCTION, FLOOR))
    (container, place), grams = rng.choice(stock)
    part = rng.randint(1, grams)
    if kind == "end":
        end = rng.choice([TREATED, HANDED_OVER])
        return entry(end, move(container, part, place, end))
    if kind == "split" and part < grams:
        return entry("repacked", repack(place, {container: grams}, {f"c{number}a": part, f"c{number}b": grams - part}))
    if kind == "merge":
        here = {other: held for (other, where), held in stock if where == place}
        return entry("repacked", repack(place, here, {f"c{number}": sum(here.values())}))
    return entry("moved", move(container, part, place, rng.choice([other for other in PLACES if other != place])))


def independently(history: list[Entry]) -> tuple[int, int]:
    """Grams in stock and grams gone, from the entries alone."""
    came = gone = 0
    for entry in history:
        for posting in entry.postings:
            came -= posting.grams if posting.place == PRODUCTION else 0
            gone += posting.grams if posting.place in (TREATED, HANDED_OVER) else 0
    return came - gone, gone


@given(seed=st.integers(0, 2**32), length=st.integers(1, 60))
def test_mass_in_is_mass_out_and_stock(seed: int, length: int) -> None:
    history = a_history(seed, length)
    balances = Balances()
    for entry in history:
        balances.accept(entry)
    stock, gone = independently(history)
    places = balances.by_place()
    assert sum(balances.stock().values()) == stock
    assert places.get(TREATED, 0) + places.get(HANDED_OVER, 0) == gone
    assert sum(places.values()) == 0
    assert all(grams > 0 for grams in balances.stock().values())


@given(seed=st.integers(0, 2**32), length=st.integers(1, 40), order=st.randoms(use_true_random=False))
def test_offline_entries_in_any_order_and_twice_never_make_or_lose_mass(seed, length, order) -> None:
    history = a_history(seed, length)
    arriving = [*history, *order.sample(history, k=len(history) // 2)]
    order.shuffle(arriving)
    balances = Balances()
    accepted, waiting = reconcile([], arriving, balances)
    assert {one.id for one in accepted} | {one.id for one in waiting} == {one.id for one in history}
    assert len(accepted) + len(waiting) == len(history)
    stock, _ = independently(accepted)
    assert sum(balances.stock().values()) == stock
    # Whatever cut the transmission in two: the rest arrives later and the ledger ends the same way.
    cut = len(arriving) // 2
    parts = Balances()
    first, rest = reconcile([], arriving[:cut], parts)
    second, still = reconcile(first, [*rest, *arriving[cut:]], parts)
    assert len(first) + len(second) + len(still) == len(history)
    assert sum(parts.stock().values()) == independently([*first, *second])[0]


@given(seed=st.integers(0, 2**32), length=st.integers(1, 40))
def test_a_history_that_was_possible_is_accepted_whole_in_its_order(seed: int, length: int) -> None:
    history = a_history(seed, length)
    accepted, waiting = reconcile([], history, Balances())
    assert accepted == history
    assert waiting == []
