"""The alarm path: what raises an alarm, where it says the thing lies, and that one thing is one entry."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadlens.grading.observation import HazardSighting
from loadlens.vision.hazards import find_hazards, merge_sightings
from loadlens.vision.surface import Surface

CLASSES = ("turnings", "gas_cylinder", "drum")
THRESHOLDS = {"gas_cylinder": 0.3, "drum": 0.6}


def surface(*hot, stride=16, shape=(6, 10)):
    """A load of turnings with (class, row, column, probability) in single cells."""
    probs = np.zeros((len(CLASSES), *shape), np.float32)
    for class_id, row, column, prob in hot:
        probs[CLASSES.index(class_id), row, column] = prob
    probs[0] = 1 - probs[1:].sum(axis=0)
    return Surface(probs, CLASSES, stride)


def found(*hot, scale=1.0):
    return find_hazards(surface(*hot), thresholds=THRESHOLDS, frame_s=3.2, frame_sha256="f" * 64, scale=scale)


def sighting(box, *, class_id="drum", score=0.5, frame_s=0.0):
    return HazardSighting(class_id, score, box, frame_s, f"{frame_s:.0f}" * 64)


def test_a_clean_load_raises_no_alarm():
    assert found() == ()
    assert found(("gas_cylinder", 2, 2, 0.29), ("drum", 3, 3, 0.59)) == ()


def test_two_hot_cells_are_a_thing_and_the_threshold_itself_counts():
    (only,) = found(("drum", 2, 5, np.float32(0.75)), ("drum", 2, 6, np.float32(0.75)))
    assert only == HazardSighting("drum", 0.75, (80, 32, 32, 16), 3.2, "f" * 64)
    (only,) = find_hazards(
        surface(("drum", 0, 0, 0.5), ("drum", 1, 0, 0.5)),
        thresholds={"drum": 0.5},
        frame_s=0,
        frame_sha256="",
        scale=1.0,
    )
    assert only.box == (0, 0, 16, 32)


def test_a_single_hot_cell_is_noise():
    assert found(("drum", 2, 5, np.float32(0.95))) == ()


def test_the_box_is_in_pixels_of_the_source():
    (only,) = found(("drum", 2, 5, 0.8), ("drum", 2, 6, 0.7), scale=2.5)
    assert only.box == (200, 80, 80, 40)


def test_cells_that_touch_at_a_corner_are_one_thing_with_the_highest_score():
    (only,) = found(("gas_cylinder", 1, 1, 0.4), ("gas_cylinder", 2, 2, 0.9), ("gas_cylinder", 3, 3, 0.5))
    assert only.score == pytest.approx(0.9)
    assert only.box == (16, 16, 48, 48)


def test_things_apart_are_told_apart_likeliest_first():
    sightings = found(
        ("gas_cylinder", 0, 0, 0.4),
        ("gas_cylinder", 1, 0, 0.4),
        ("drum", 0, 1, 0.8),
        ("drum", 1, 1, 0.8),
        ("gas_cylinder", 5, 9, 0.6),
        ("gas_cylinder", 4, 9, 0.6),
    )
    assert [(one.class_id, one.box[:2]) for one in sightings] == [
        ("drum", (16, 0)),
        ("gas_cylinder", (144, 64)),
        ("gas_cylinder", (0, 0)),
    ]


def test_a_hazard_that_the_surface_does_not_know_is_not_passed_over_in_silence():
    with pytest.raises(ValueError, match="not in tuple"):
        find_hazards(surface(), thresholds={"battery": 0.1}, frame_s=0, frame_sha256="", scale=1.0)


def test_the_same_thing_seen_again_keeps_its_first_frame_and_its_highest_score():
    first = sighting((100, 100, 40, 40), score=0.5, frame_s=1)
    again = sighting((110, 104, 40, 40), score=0.8, frame_s=2)
    (only,) = merge_sightings([first], [again])
    assert only == sighting(first.box, score=0.8, frame_s=1)
    assert merge_sightings([only], [first]) == (only,)


def test_another_class_or_another_place_is_another_entry_at_the_end():
    first = sighting((100, 100, 40, 40))
    others = [sighting((100, 100, 40, 40), class_id="gas_cylinder"), sighting((160, 100, 40, 40))]
    assert merge_sightings([first], others) == (first, *others)


def test_a_small_part_inside_a_large_thing_is_that_thing():
    whole, part = sighting((0, 0, 200, 200)), sighting((10, 10, 20, 20))
    assert merge_sightings([whole], [part]) == (whole,)
    assert merge_sightings([part], [whole]) == (part,)


def test_one_frame_may_tell_of_a_thing_twice():
    assert len(merge_sightings([], [sighting((0, 0, 50, 50)), sighting((5, 5, 50, 50))])) == 1


sightings_of_a_load = st.lists(
    st.builds(
        sighting,
        st.tuples(*[st.integers(0, 400)] * 2, *[st.integers(1, 200)] * 2),
        class_id=st.sampled_from(["drum", "battery"]),
        score=st.floats(0, 1),
        frame_s=st.integers(0, 9),
    ),
    max_size=12,
)


@given(sightings_of_a_load, sightings_of_a_load)
def test_merging_never_loses_a_known_entry_nor_a_new_class_and_seeing_all_again_adds_no_entry(known, new):
    known = merge_sightings([], known)
    merged = merge_sightings(known, new)
    assert [one.box for one in merged[: len(known)]] == [one.box for one in known]
    assert {one.class_id for one in merged} == {one.class_id for one in (*known, *new)}
    assert max((one.score for one in merged), default=0) == max((one.score for one in (*known, *new)), default=0)
    # Seen again, one of two that overlap may count for the other: an entry gains by that, and none comes or goes.
    again = merge_sightings(merged, new)
    assert [(one.class_id, one.box) for one in again] == [(one.class_id, one.box) for one in merged]
    assert all(after.score >= before.score for after, before in zip(again, merged, strict=True))


def test_of_two_that_lay_in_one_place_it_is_the_last_that_was_seen_by_then():
    first, second = sighting((0, 0, 40, 40), score=0.4), sighting((4, 4, 40, 40), score=0.6, frame_s=30)
    merged = merge_sightings([first, second], [sighting((2, 2, 40, 40), score=0.9, frame_s=31)])
    assert [one.score for one in merged] == [0.4, 0.9]
    merged = merge_sightings([first, second], [sighting((2, 2, 40, 40), score=0.9, frame_s=5)])
    assert [one.score for one in merged] == [0.9, 0.6]
