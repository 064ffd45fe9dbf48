"""The ledger as a store keeper meets it: what may be entered, what is refused and why."""

from datetime import UTC, datetime

import pytest

from loadlens.grading.quantity import Mass
from loadlens.waste.ledger import (
    FLOOR,
    HANDED_OVER,
    PRODUCTION,
    TRANSIT,
    Balances,
    Entry,
    LedgerError,
    Posting,
    counter,
    grams_of,
    move,
    reconcile,
    repack,
    room,
)

AT = datetime(2026, 11, 25, 8, tzinfo=UTC)


def entry(entry_id, stage, *postings, **more):
    return Entry(entry_id, stage, AT, "user:li", postings, **more)


def a_drum_from_production_to_its_receiver():
    return [
        entry("a", "produced", *move("drum", 412_500, PRODUCTION, FLOOR)),
        entry("b", "stored", *move("drum", 412_500, FLOOR, room("1"))),
        entry("c", "retrieved", *move("drum", 412_500, room("1"), TRANSIT)),
        entry("d", "handed_over", *move("drum", 412_500, TRANSIT, HANDED_OVER)),
    ]


def test_what_came_in_went_out():
    balances = Balances()
    for one in a_drum_from_production_to_its_receiver():
        balances.accept(one)
    assert balances.stock() == {}
    places = balances.by_place()
    assert places[HANDED_OVER] == -places[PRODUCTION] == 412_500
    assert sum(places.values()) == 0


def test_no_container_gives_more_than_it_holds():
    balances = Balances()
    produced, *_ = a_drum_from_production_to_its_receiver()
    balances.accept(produced)
    with pytest.raises(LedgerError, match="holds 412500 g at floor, and 412501 g would leave it"):
        balances.accept(entry("x", "stored", *move("drum", 412_501, FLOOR, room("1"))))
    assert balances.at("drum", FLOOR) == 412_500


@pytest.mark.parametrize(
    ("postings", "says"),
    [
        ((), "moves nothing"),
        ((Posting("drum", FLOOR, 0),), "moves nothing"),
        ((Posting("drum", FLOOR, 5),), r"\+5 g would come from nowhere"),
        ((Posting("drum", FLOOR, -5), Posting("drum", TRANSIT, 4)), "does not add up"),
    ],
)
def test_an_entry_that_does_not_add_up_cannot_be_made(postings, says):
    with pytest.raises(LedgerError, match=says):
        entry("x", "produced", *postings)


def test_a_correction_has_a_reason_and_undoes_exactly():
    balances = Balances()
    produced, stored, *_ = a_drum_from_production_to_its_receiver()
    balances.accept(produced)
    balances.accept(stored)
    back = counter(stored, new_id="e", at=AT, actor="user:wang", reason="entered for the wrong room")
    balances.accept(back)
    assert balances.stock() == {("drum", FLOOR): 412_500}
    with pytest.raises(LedgerError, match="itself a correction"):
        counter(back, new_id="f", at=AT, actor="user:wang", reason="again")
    with pytest.raises(LedgerError, match="needs a reason"):
        counter(produced, new_id="g", at=AT, actor="user:wang", reason=" ")


def test_a_correction_cannot_take_back_what_has_gone():
    balances = Balances()
    history = a_drum_from_production_to_its_receiver()
    for one in history:
        balances.accept(one)
    with pytest.raises(LedgerError, match="holds 0 g"):
        balances.accept(counter(history[1], new_id="e", at=AT, actor="user:wang", reason="wrong room"))


def test_a_drum_is_split_and_its_parts_weigh_what_it_weighed():
    balances = Balances()
    balances.accept(entry("a", "produced", *move("drum", 100, PRODUCTION, FLOOR)))
    balances.accept(entry("b", "repacked", *repack(FLOOR, {"drum": 100}, {"bag-1": 60, "bag-2": 40})))
    assert balances.stock() == {("bag-1", FLOOR): 60, ("bag-2", FLOOR): 40}
    with pytest.raises(LedgerError, match="does not add up"):
        entry("c", "repacked", *repack(FLOOR, {"bag-1": 60}, {"box": 59}))
    with pytest.raises(LedgerError, match="both sides"):
        repack(FLOOR, {"bag-1": 60}, {"bag-1": 60})


def test_entries_made_offline_find_their_order():
    history = a_drum_from_production_to_its_receiver()
    balances = Balances()
    accepted, waiting = reconcile([], [*history[::-1], history[0]], balances)
    assert [one.id for one in accepted] == ["a", "b", "c", "d"]
    assert waiting == []
    assert reconcile(history, history, balances) == ([], [])


def test_what_two_people_took_out_waits_for_a_person():
    produced, stored, taken, _ = a_drum_from_production_to_its_receiver()
    again = entry("y", "retrieved", *move("drum", 412_500, room("1"), TRANSIT))
    accepted, waiting = reconcile([], [again, produced, taken, stored], Balances())
    assert {one.id for one in accepted} == {"a", "b", "y"}
    assert [one.id for one in waiting] == ["c"]


def test_one_number_for_two_entries_is_refused_before_anything_is_accepted():
    produced, stored, *_ = a_drum_from_production_to_its_receiver()
    balances = Balances()
    other = entry("a", "produced", *move("drum", 1, PRODUCTION, FLOOR))
    with pytest.raises(LedgerError, match="twice with different contents"):
        reconcile([], [produced, stored, other], balances)
    assert balances.stock() == {}


@pytest.mark.parametrize("kg", ["0", "-1", "0.0001"])
def test_a_mass_that_no_scale_shows_is_refused(kg):
    with pytest.raises(LedgerError):
        grams_of(Mass(kg))


def test_a_time_without_an_offset_is_refused():
    with pytest.raises(LedgerError, match="which clock"):
        Entry("a", "produced", datetime(2026, 11, 25), "user:li", move("drum", 1, PRODUCTION, FLOOR))


@pytest.mark.parametrize(
    ("stage", "leaving", "arriving"),
    [
        ("produced", FLOOR, room("1")),
        ("produced", PRODUCTION, HANDED_OVER),
        ("stored", PRODUCTION, room("1")),
        ("stored", FLOOR, "room:"),
        ("stored", FLOOR, "the yard"),
        ("retrieved", FLOOR, TRANSIT),
        ("handed_over", PRODUCTION, HANDED_OVER),
        ("moved", FLOOR, HANDED_OVER),
    ],
)
def test_a_stage_leads_only_where_it_leads(stage, leaving, arriving):
    with pytest.raises(LedgerError, match="nothing that is"):
        entry("x", stage, *move("drum", 5, leaving, arriving))


def test_mass_changes_its_container_only_where_one_is_repacked():
    with pytest.raises(LedgerError, match="only repacking does that"):
        entry("x", "moved", Posting("drum", FLOOR, -5), Posting("bag", TRANSIT, 5))
    with pytest.raises(LedgerError, match="at one place"):
        entry("x", "repacked", Posting("drum", FLOOR, -5), Posting("bag", TRANSIT, 5))
