"""Which load a frame of a lane belongs to, whatever the camera's clock says."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from loadlens.serving.lanes import Truck, Visit, visit_of, weighing_of

LEAD = timedelta(seconds=60)


def at(minutes):
    return datetime(2026, 3, 1, 8, tzinfo=UTC) + timedelta(minutes=minutes)


FIRST = Visit("first", at(0), at(10))
SECOND = Visit("second", at(20), None)
VISITS = [FIRST, SECOND]
NEIGHBOURS = [("first", "first"), ("second", None), ("first", None), ("first", "second"), (None, None)]


def home(minutes, before=None, after=None, visits=VISITS):
    found = visit_of(at(minutes), visits, LEAD, before=before, after=after)
    return found and found.load_id


def test_a_frame_belongs_to_the_load_that_was_open_when_it_was_taken():
    assert [home(minutes) for minutes in (0, 5, 10, 20, 30)] == ["first", "first", "first", "second", "second"]


def test_a_frame_from_shortly_before_a_load_belongs_to_it_and_one_from_between_waits():
    assert [home(minutes) for minutes in (-2, -0.9, 10.1, 18.9, 19.1)] == [None, "first", None, None, "second"]


def test_a_frame_between_two_frames_of_one_load_belongs_to_it_whatever_the_clock_says():
    assert home(-1000, before="first", after="first") == "first"
    assert home(+1000, before="first", after="first") == "first"


def test_a_frame_behind_one_of_the_open_load_belongs_to_it_whatever_the_clock_says():
    assert home(5, before="second") == "second"
    assert home(-1000, before="second") == "second"


def test_a_frame_never_belongs_to_a_load_that_its_number_has_passed():
    assert home(25, after="first") is None
    assert home(9, before="first", after="second") == "first"


def test_a_clock_that_is_known_to_be_wrong_decides_nothing():
    found = [visit_of(None, VISITS, LEAD, before=before, after=after) for before, after in NEIGHBOURS]
    assert [visit and visit.load_id for visit in found] == ["first", "second", None, None, None]


def test_the_close_of_one_load_comes_before_the_lead_of_the_next():
    visits = [FIRST, Visit("second", at(10.5), None)]
    assert home(9.9, visits=visits) == "first"
    assert home(10.2, visits=visits) == "second"


@given(
    st.lists(st.integers(0, 300), min_size=2, max_size=8, unique=True).map(sorted),
    st.lists(st.integers(-10, 310), max_size=40).map(sorted),
)
def test_frames_of_a_true_clock_never_go_back_to_an_earlier_load(moments, frames):
    pairs = list(zip(moments[::2], moments[1::2], strict=False))
    visits = [Visit(str(number), at(opened), at(closed)) for number, (opened, closed) in enumerate(pairs)]
    last, homes = None, []
    for minutes in frames:
        if (found := home(minutes, before=last, visits=visits)) is not None:
            homes.append(int(found))
            last = found
    assert homes == sorted(homes)


def truck(name, status="arrived", closed=None, *, gross=False, tare=False):
    return Truck(name, status, at(0), None if closed is None else at(closed), gross, tare)


def weighing(kg, minutes, *trucks, above="25000", below="20000"):
    limits = {"gross_above": above and Decimal(above), "tare_below": below and Decimal(below)}
    return weighing_of(Decimal(kg), at(minutes), trucks, LEAD, **limits)


def test_a_weighing_counts_by_itself_only_where_it_can_be_nothing_else():
    full, empty = truck("full"), truck("empty", "graded", 10, gross=True)
    assert weighing("48960", 1, full) == ("full", "gross")
    assert weighing("48960", 1, full, empty) == ("full", "gross")
    assert weighing("16420", 11, full, empty) == ("empty", "tare")
    for nothing in (
        weighing("48960", -2, full),  # of the truck before
        weighing("48960", 1, full, truck("other")),
        weighing("48960", 1, truck("full", gross=True)),
        weighing("48960", 1, truck("full", "unloading")),
        weighing("16420", 9, empty),  # before the close
        weighing("16420", 11, empty, truck("left", "flagged", 5, gross=True)),
        weighing("16420", 11, truck("empty", "graded", 10)),
        weighing("0", 11, empty),
        weighing("22000", 11, full, empty),
        weighing("48960", 1, full, above=None),
        weighing("16420", 11, empty, below=None),
    ):
        assert nothing is None
