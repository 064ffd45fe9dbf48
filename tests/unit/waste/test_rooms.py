"""What must not stand side by side, what a sensor may say, and where it said nothing."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from loadlens.waste.codes import code_list
from loadlens.waste.compatibility import _data, conflicts, kinds_of
from loadlens.waste.sensor import Limit, gaps, steps

BEGIN = datetime(2026, 11, 25, 8, tzinfo=UTC)
DROSS, ACID, ALKALI, OIL = (("hazardous-cn", code) for code in ("321-024-48", "900-300-34", "900-352-35", "900-214-08"))


def minutes(*numbers):
    return [BEGIN + timedelta(minutes=number) for number in numbers]


def test_dross_must_not_stand_beside_acid_or_emulsion_and_may_stand_beside_oil():
    (found,) = conflicts([ACID, DROSS])
    assert set(found.codes) == {DROSS[1], ACID[1]}
    assert "hydrogen" in found.consequence
    assert found.verified
    (wet,) = conflicts([DROSS, ("hazardous-cn", "900-006-09")])
    assert not wet.verified
    assert conflicts([DROSS, OIL]) == []
    assert len(conflicts([ACID, ALKALI, ACID])) == 1
    assert conflicts([DROSS]) == []


def test_every_code_and_kind_that_the_table_names_is_there():
    data = _data()
    known = code_list("hazardous-cn")
    for name, kinds in data["hazardous-cn"].items():
        assert name in known.codes or any(f"HW{code[-2:]}" == name for code in known.codes), name
        assert set(kinds) <= data["kinds"].keys()
    for pair in data["pairs"]:
        assert set(pair["kinds"]) <= data["kinds"].keys()
        assert pair["source"]
    assert kinds_of("general-cn", "900-001-S17") == frozenset()


@pytest.mark.parametrize(
    ("value", "unit", "says"),
    [
        (30.0, "C", None),
        (0.1, "C", None),
        (30.1, "C", "lies above 30"),
        (-0.1, "C", "lies below 0.1"),
        (20.0, "%", "cannot be compared"),
        (None, None, "cannot be compared"),
    ],
)
def test_a_value_is_within_its_limit_ends_included_or_says_why_not(value, unit, says):
    why = Limit("temperature", "C", Decimal("0.1"), Decimal(30)).broken_by(value, unit)
    assert (why is None) if says is None else says in why


def test_gaps_are_where_nothing_was_said_for_twice_as_long_as_it_should():
    every = timedelta(minutes=1)
    end = BEGIN + timedelta(minutes=20)
    assert gaps(minutes(0, 1, 3, 10, 11, 19), BEGIN, end, every) == [tuple(minutes(3, 10)), tuple(minutes(11, 19))]
    assert gaps([], BEGIN, end, every) == [(BEGIN, end)]


def test_a_step_without_a_value_is_absent():
    points = list(zip(minutes(0, 4, 15, 20), [1.0, 3.0, 7.0, 5.0], strict=True))
    found = steps(points, BEGIN, BEGIN + timedelta(minutes=20), 4)
    assert [(step.begin, step.n, step.low, step.high) for step in found] == [
        (BEGIN, 2, 1.0, 3.0),
        (BEGIN + timedelta(minutes=15), 2, 5.0, 7.0),
    ]
