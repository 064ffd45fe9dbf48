"""What the words "90 % sure" are worth: coverage of conformal sets, and pictures like nothing the model knows."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadlens.vision.surface import Surface
from loadlens.vision.taxonomy import load_taxonomy
from loadlens.vision.uncertainty import class_set, conformal_quantile, out_of_distribution_score

CLASSES = ("turnings", "shredded", "wood")


@pytest.mark.parametrize("level", [0.8, 0.9, 0.95])
@pytest.mark.parametrize("n", [20, 59, 200])
def test_new_samples_stay_under_the_quantile_as_often_as_promised(n, level):
    rng = np.random.default_rng(n)
    covered = [(rng.beta(2, 5, 200) <= conformal_quantile(rng.beta(2, 5, n), level)).mean() for _ in range(2000)]
    # Split-conformal promises between level and level + 1 / (n + 1) on average over calibrations.
    assert level - 0.005 < np.mean(covered) < level + 1 / (n + 1) + 0.005


@pytest.mark.parametrize("sharpness", [0.5, 3.0])
def test_class_sets_hold_the_truth_as_often_as_promised_however_good_the_model(sharpness):
    rng = np.random.default_rng(7)

    def drawn(count):
        truth = rng.integers(0, 3, count)
        logits = rng.normal(0, 1, (count, 3))
        logits[np.arange(count), truth] += sharpness
        probs = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
        return truth, probs.astype(np.float32)

    truth, probs = drawn(3000)
    quantiles = {name: conformal_quantile(1 - probs[truth == index, index], 0.9) for index, name in enumerate(CLASSES)}
    truth, probs = drawn(6000)
    for index, name in enumerate(CLASSES):
        held = [name in class_set(row, quantiles, CLASSES) for row in probs[truth == index]]
        assert np.mean(held) == pytest.approx(0.9, abs=0.03)


def test_too_few_samples_promise_nothing():
    assert conformal_quantile([], 0.5) == math.inf
    assert conformal_quantile([0.1] * 8, 0.9) == math.inf
    assert conformal_quantile(np.arange(9.0), 0.9) == 8


def test_the_rank_counts_the_new_sample_among_the_old():
    assert conformal_quantile([5, 1, 4, 2, 3, 9, 8, 7, 6], 0.5) == 5
    assert conformal_quantile(np.arange(1, 100), 0.07) == 7


@given(st.lists(st.floats(0, 1), min_size=1, max_size=40), st.floats(0.05, 0.95), st.floats(0.05, 0.95))
def test_more_coverage_never_gives_a_smaller_quantile(scores, one, other):
    low, high = sorted((one, other))
    assert conformal_quantile(scores, low) <= conformal_quantile(scores, high)


@pytest.mark.parametrize(("scores", "level"), [([0.1], 0), ([0.1], 1), ([0.1], 90), ([0.1, math.nan], 0.5)])
def test_a_level_or_score_without_meaning_is_refused(scores, level):
    with pytest.raises(ValueError, match=r"level|finite"):
        conformal_quantile(scores, level)


def test_a_set_holds_what_cannot_be_ruled_out_likeliest_first():
    quantiles = {"turnings": 0.7, "shredded": 0.6, "wood": 0.9}
    assert class_set(np.float32([0.35, 0.55, 0.05]), quantiles, CLASSES) == ("shredded", "turnings")


def test_a_picture_like_no_class_has_an_empty_set():
    assert class_set(np.float32([0.33, 0.33, 0.34]), dict.fromkeys(CLASSES, 0.2), CLASSES) == ()


def test_a_class_that_was_not_calibrated_is_not_judged():
    assert class_set(np.float32([0.1, 0.9, 0.0]), {"turnings": 1.0}, CLASSES) == ("turnings",)


def test_probabilities_of_another_model_are_refused():
    with pytest.raises(ValueError, match="3 classes"):
        class_set(np.float32([0.5, 0.5]), {}, CLASSES)


def score(*planes):
    probs = np.float32(planes)[:, None, :]
    return out_of_distribution_score(Surface(probs, ("turnings", "wood", "ground"), 16), load_taxonomy())


def test_a_load_the_model_is_sure_of_is_not_strange_and_one_it_wavers_on_is():
    assert score([1, 1], [0, 0], [0, 0]) == pytest.approx(0)
    assert score([0.4, 0.4], [0.4, 0.4], [0.2, 0.2]) == pytest.approx(0.6)


def test_only_cells_that_show_load_count():
    assert score([0.9, 0.1], [0.1, 0.1], [0.0, 0.8]) == pytest.approx(0.1)


def test_where_no_load_is_nothing_can_be_graded():
    assert score([0, 0], [0, 0], [1, 1]) == 1.0
