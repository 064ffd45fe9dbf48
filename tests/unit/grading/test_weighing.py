"""What the scale itself may be wrong by."""

import pytest

from loadlens.grading.quantity import Mass
from loadlens.grading.weighing import Weights, WeightsError, permissible_error


def test_the_worked_example_of_a_truck_scale():
    """e = 20 kg, gross 49 t (2450 e), tare 16 t (800 e): 60 kg and 40 kg in use, 72 kg together."""
    assert permissible_error(Mass(49000), Mass(20), "R76-III") == Mass(60)
    assert permissible_error(Mass(16000), Mass(20), "R76-III") == Mass(40)
    assert Weights(Mass(49000), Mass(16000), Mass(20)).scale_uncertainty() == Mass("72.1")


@pytest.mark.parametrize(("divisions", "error"), [(500, 1), (501, 2), (2000, 2), (2001, 3), (10000, 3)])
def test_a_class_iii_scale_in_use_is_allowed_twice_the_error_of_its_first_verification(divisions, error):
    assert permissible_error(Mass(divisions * 20), Mass(20), "R76-III") == Mass(error * 20)


def test_beyond_the_table_nothing_is_claimed():
    assert permissible_error(Mass(10001), Mass(1), "R76-III") is None
    assert Weights(Mass(49000), Mass(16000), Mass(1)).scale_uncertainty() is None


@pytest.mark.parametrize(("scale", "error"), [("R106-0.2", 160), ("R106-0.5", 400), ("R106-1", 800), ("R106-2", 1600)])
def test_a_rail_scale_in_motion_is_allowed_a_part_of_what_it_weighs(scale, error):
    assert permissible_error(Mass(80000), Mass(50), scale) == Mass(error)


@pytest.mark.parametrize(
    ("gross", "tare", "division", "message"),
    [
        (16000, 49000, 20, "swapped"),
        (16000, 16000, 20, "not above tare"),
        (16000, -1, 20, "negative"),
        (49000, 16000, 0, "above zero"),
    ],
)
def test_impossible_weights_are_refused(gross, tare, division, message):
    with pytest.raises(WeightsError, match=message):
        Weights(Mass(gross), Mass(tare), Mass(division))
