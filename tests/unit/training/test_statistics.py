"""Intervals: known values from the literature, and coverage that holds."""

import numpy as np
import pytest

from loadlens.training.statistics import bootstrap, calibration_error, macro_f1, mean
from loadlens.vision.proportion import proportion


def test_wilson_interval_of_81_of_263() -> None:
    """Newcombe (1998), table I: 81 of 263 has the Wilson interval 0.2553 to 0.3662."""
    share = proportion(81, 263)
    assert (round(share.low, 4), round(share.high, 4)) == (0.2553, 0.3662)


def test_no_wrong_answer_still_leaves_room_for_doubt() -> None:
    assert proportion(10, 10).low < 0.75
    assert proportion(10, 10).high == pytest.approx(1.0)


def test_nothing_has_no_share() -> None:
    with pytest.raises(ValueError, match="no sample"):
        proportion(0, 0)
    with pytest.raises(ValueError, match="no sample"):
        mean([])


def test_macro_f1_by_hand() -> None:
    # Class 0: 2 of 3 found, none too many: 0.8. Class 1: found, one too many: 2/3.
    pairs = np.array([(0, 0), (0, 0), (0, 1), (1, 1)], float)
    assert macro_f1(pairs) == pytest.approx((0.8 + 2 / 3) / 2)


def test_whole_groups_make_a_wider_interval_than_single_samples() -> None:
    rows = np.repeat([0.0, 1.0, 0.0, 1.0], 25)[:, None]
    groups = [str(number // 25) for number in range(100)]
    single = bootstrap(rows, lambda sample: float(sample.mean()))
    grouped = bootstrap(rows, lambda sample: float(sample.mean()), groups=groups)
    assert grouped.high - grouped.low > 2 * (single.high - single.low)


def test_confidence_that_is_met_has_no_calibration_error() -> None:
    confidence = np.full(1000, 0.75)
    assert calibration_error(confidence, np.arange(1000) % 4 != 0) == pytest.approx(0.0)
    assert calibration_error(confidence, np.arange(1000) % 2 != 0) == pytest.approx(0.25)
