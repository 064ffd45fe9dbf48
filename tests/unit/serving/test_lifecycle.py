"""The life of a load: walks through the table never leave it and never reach money without a person's word."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadlens.serving.lifecycle import EVENTS, OPEN, STATES, TransitionError, allows, next_state, pending

walks = st.lists(st.sampled_from(EVENTS), max_size=60)


def walk(events, start="arrived"):
    """The steps that the table allows of a list of events, as (state, event, state)."""
    state = start
    for event in events:
        if allows(state, event):
            yield state, event, next_state(state, event)
            state = next_state(state, event)


def reachable(start, without=()):
    found, todo = {start}, [start]
    while todo:
        state = todo.pop()
        for event in EVENTS:
            if event not in without and allows(state, event) and (to := next_state(state, event)) not in found:
                found.add(to)
                todo.append(to)
    return found


@given(walks)
def test_every_walk_stays_among_the_states(events):
    assert all(target in STATES for _, _, target in walk(events))


@given(walks)
def test_a_load_is_settled_only_after_its_truck_was_weighed_empty(events):
    for source, event, target in walk(events):
        if target == "settled":
            assert (source, event) == ("emptied", "settle")


@given(walks)
def test_a_flagged_load_is_not_settled_without_a_persons_word_or_a_new_grading(events):
    flagged = False
    for _, event, target in walk(events):
        if target == "flagged":
            flagged = True
        elif event in ("review", "answer", "grade"):
            flagged = False
        assert not (flagged and target == "settled")


def test_only_a_manager_brings_a_settled_or_cancelled_load_back_or_a_dispute_has_a_person_look_at_it():
    ways_out = {state: {event for event in EVENTS if allows(state, event)} for state in ("settled", "cancelled")}
    assert ways_out == {"settled": {"dispute", "reopen"}, "cancelled": {"reopen"}}
    assert next_state("settled", "dispute") == "flagged"


@given(walks)
def test_frames_are_taken_again_only_after_a_reopening(events):
    for source, event, target in walk(events):
        if target in OPEN and source not in OPEN:
            assert event == "reopen"


def test_every_state_can_be_reached_and_every_state_can_be_left():
    assert reachable("arrived") == set(STATES)
    for state in STATES:
        assert reachable(state) > {state}
    assert "settled" not in reachable("flagged", without=("review", "answer", "late_frames", "reopen"))


@given(st.sampled_from(STATES), st.booleans(), st.booleans())
def test_a_weighing_that_came_early_leads_on_as_soon_as_the_table_allows(state, gross, tare):
    event = pending(state, gross=gross, tare=tare)
    if event is None:
        assert not (gross and allows(state, "weigh_gross"))
        assert not (tare and allows(state, "weigh_tare"))
    else:
        assert {"weigh_gross": gross, "weigh_tare": tare}[event]
        after = next_state(state, event)
        assert pending(after, gross=gross, tare=tare) is None


def test_what_the_table_does_not_know_is_refused_with_what_it_knows():
    with pytest.raises(
        TransitionError, match=r"it is settled, where review is not possible \(possible: dispute, reopen\)"
    ):
        next_state("settled", "review")
