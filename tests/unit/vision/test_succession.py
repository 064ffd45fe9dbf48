"""Whether a model may take the place of another: what speaks against it, whatever both saw."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadlens.vision.metadata import Metric
from loadlens.vision.model import load_model
from loadlens.vision.succession import Seen, judge

LEAST = 3
SHARES = st.floats(0.05, 0.95)
LOOKS = st.builds(
    Seen,
    hazards=st.frozensets(st.sampled_from(["drum", "gas_cylinder", "battery"])),
    coverage=SHARES,
    answered=SHARES,
    grade=st.sampled_from(["HMS", "shredded", None]),
    agrees=st.sampled_from([True, False, None]),
)
LOADS = st.dictionaries(st.text("abc123", min_size=1, max_size=4), LOOKS, min_size=LEAST, max_size=8)


@pytest.fixture(scope="module")
def card(model_file):
    """What a model says of itself that has every figure the rule asks for."""
    figures = {"photo_calibration_error": Metric(0.03, 0.02, 0.05, 400)}
    return replace(load_model(model_file).metadata, hazard_recall={"gas_cylinder": 0.8}, metrics=figures)


def codes(pairs, before, after, least=LEAST):
    verdict = judge(pairs, before, after, least=least)
    assert verdict.permits == (not verdict.reasons)
    return {reason.code for reason in verdict.reasons}


@given(loads=LOADS)
def test_a_model_may_follow_itself_after_enough_loads(card, loads):
    pairs = {name: (look, look) for name, look in loads.items()}
    assert codes(pairs, card, card) == set()
    assert codes(pairs, card, card, least=len(pairs) + 1) == {"loads_too_few"}


@given(loads=LOADS, data=st.data())
def test_one_hazard_missed_is_enough_and_one_more_counts_only_where_a_person_let_the_load_pass(card, loads, data):
    name = data.draw(st.sampled_from(sorted(loads)))
    more = replace(loads[name], hazards=loads[name].hazards | {"drum"})
    less = replace(loads[name], hazards=more.hazards - {"drum"})
    same = {other: (look, look) for other, look in loads.items()}
    assert codes(same | {name: (more, less)}, card, card) == {"hazard_missed"}
    # Fewer than ten loads, so that one in ten is none.
    said = codes(same | {name: (less, more)}, card, card)
    assert said == (set() if more.agrees is None else {"alarms_more"})


@given(loads=LOADS, lost=st.floats(0.012, 0.05), figure=st.sampled_from(["coverage", "answered"]))
def test_what_is_seen_or_named_may_not_fall_by_a_point_on_average(card, loads, lost, figure):
    pairs = {name: (look, replace(look, **{figure: getattr(look, figure) - lost})) for name, look in loads.items()}
    assert codes(pairs, card, card) == {f"{figure}_lost"}
    assert codes({name: (new, old) for name, (old, new) in pairs.items()}, card, card) == set()


@given(loads=LOADS, data=st.data())
def test_a_grade_lost_or_a_person_contradicted_more_often_speaks_against_it(card, loads, data):
    name = data.draw(st.sampled_from(sorted(loads)))
    old = replace(loads[name], grade="HMS", agrees=True)
    same = {other: (look, look) for other, look in loads.items()}
    assert codes(same | {name: (old, replace(old, agrees=False))}, card, card) == {"agreement_lost"}
    assert codes(same | {name: (old, replace(old, grade=None, agrees=False))}, card, card) == {
        "grade_lost",
        "agreement_lost",
    }


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"hazard_thresholds": {}, "hazard_recall": {}}, "hazard_unknown"),
        ({"hazard_recall": {"gas_cylinder": 0.79}}, "recall_lost"),
        ({"hazard_recall": {}}, "hazard_unmeasured"),
        ({"area_error": None}, "interval_lost"),
        ({"metrics": {}}, "calibration_unmeasured"),
        ({"metrics": {"photo_calibration_error": Metric(0.05, 0.03, 0.07, 400)}}, "calibration_lost"),
    ],
)
def test_what_a_card_says_less_or_worse_than_the_one_before_speaks_against_it(card, change, code):
    assert codes({}, card, replace(card, **change), least=0) == {code}
