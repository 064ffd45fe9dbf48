"""By when a producer of hazardous waste plans and reports: HJ 1259-2022 by the words of its text."""

from datetime import date, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadlens.waste.reporting import due, producer_class

TONNE = 1_000_000


@pytest.mark.parametrize(
    ("grams", "kind"),
    [
        (0, "registered"),
        (10 * TONNE - 1, "registered"),
        (10 * TONNE, "simplified"),
        (100 * TONNE - 1, "simplified"),
        (100 * TONNE, "key"),
    ],
)
def test_the_class_follows_from_the_tonnes_of_a_year(grams, kind):
    assert producer_class(grams, treats_itself=False, holds_permit=False) == kind
    assert producer_class(grams, treats_itself=True, holds_permit=False) == "key"
    assert producer_class(grams, treats_itself=False, holds_permit=True) == "key"


@given(st.integers(2000, 2100), st.sampled_from(["key", "simplified", "registered"]))
def test_reports_cover_the_year_and_are_due_after_it_is_known(year, kind):
    listed = due(kind, year)
    (plan,) = [one for one in listed if one.what == "plan"]
    assert (plan.by, plan.name) == (date(year, 3, 31), str(year))
    *parts, whole = [one for one in listed if one.what == "report"]
    assert (whole.begin, whole.end, whole.by) == (plan.begin, plan.end, date(year + 1, 3, 31))
    assert len(parts) == {"key": 12, "simplified": 4, "registered": 0}[kind]
    assert all(one.end == other.begin for one, other in pairwise(parts))
    assert all(one.by - one.end == timedelta(days=14) for one in parts)
    if parts:
        assert (parts[0].begin, parts[-1].end) == (whole.begin, whole.end)


def test_periods_have_names():
    assert [one.name for one in due("simplified", 2026)] == [
        *("2026", "2026-Q1", "2026-Q2", "2026-Q3", "2026-Q4", "2026")
    ]
    assert due("key", 2026)[1].name == "2026-02"
