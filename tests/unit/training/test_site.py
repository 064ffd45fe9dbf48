"""What tickets teach: known factors are found again, few tickets move little, and intervals hold what they promise."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from loadlens.training.recipe import RecipeError, read_strictly, recipe_path
from loadlens.training.site import Bags, SiteRecipe, fit_bags, learn, uncalibrated

RECIPE = read_strictly(recipe_path("site"), SiteRecipe)
CLASSES = ("soil", "wood")


def made(count, *, factor=(1.6, 0.5), unseen=0.01, trend=0.0, noise=0.002, seed=3, allowed=0.0, excess=False):
    """Loads of four layers whose tickets follow a rule that is known."""
    rng = np.random.default_rng(seed)
    weight = rng.dirichlet(np.full(4, 8.0), count)
    place = np.tile(np.linspace(-0.5, 0.5, 4), (count, 1))
    mass = rng.gamma(1.2, 0.015, (count, 4, 2))
    empty = Bags(CLASSES, weight, place, mass, np.zeros(count), np.full(count, allowed), excess)
    inclusions = unseen + empty.seen(trend) @ np.array(factor) + rng.normal(0, noise, count)
    return replace(empty, label=empty.deducted(np.clip(inclusions, 0, 1)))


def test_many_tickets_teach_what_was_put_in() -> None:
    fit = fit_bags(made(500, trend=1.0), RECIPE)
    assert fit.factor == pytest.approx([1.6, 0.5], abs=0.1)
    assert fit.unseen == pytest.approx(0.01, abs=0.002)
    assert fit.trend == pytest.approx(1.0, abs=0.25)


def test_tickets_that_agree_with_us_change_nothing() -> None:
    fit = fit_bags(made(200, factor=(1.0, 1.0), unseen=0.0), RECIPE)
    assert fit.factor == pytest.approx([1, 1], abs=0.08)
    assert fit.unseen == pytest.approx(0, abs=0.001)
    assert abs(fit.trend) <= 0.25


def test_a_few_tickets_with_much_noise_move_little() -> None:
    bags = made(500)
    few = [fit_bags(made(20, noise=0.03, seed=seed), RECIPE) for seed in range(8)]
    from_rule = [np.abs(fit.estimate(bags) - bags.label).mean() for fit in few]
    without = np.abs(uncalibrated(bags).estimate(bags) - bags.label).mean()
    assert np.mean(from_rule) < 1.1 * without
    assert all(np.abs(fit.factor - 1).max() < 1 for fit in few)


def test_nothing_that_is_learned_is_negative() -> None:
    fit = fit_bags(made(300, factor=(0.0, 0.0), unseen=0.0), RECIPE)
    assert (fit.factor >= 0).all()
    assert fit.unseen >= 0


def test_a_few_slips_of_the_pen_do_not_spoil_the_fit() -> None:
    bags = made(200)
    label = bags.label.copy()
    label[::20] = 0.6
    clean, slipped = fit_bags(bags, RECIPE), fit_bags(replace(bags, label=label), RECIPE)
    before = uncalibrated(bags).estimate(bags)
    truth = bags.label
    assert np.abs(slipped.estimate(bags) - truth).mean() < 0.5 * np.abs(before - truth).mean()
    assert slipped.estimate(bags) == pytest.approx(clean.estimate(bags), abs=0.01)


@pytest.mark.parametrize("excess", [True, False])
def test_an_allowance_is_not_taken_for_a_clean_load(excess) -> None:
    """Under the allowance tickets say 0 kg; the fit must find the dirt that was there all the same."""
    bags = made(500, factor=(1.5, 1.5), unseen=0.0, allowed=0.045, excess=excess)
    assert 0.1 < (bags.label == 0).mean() < 0.6
    assert fit_bags(bags, RECIPE).factor == pytest.approx([1.5, 1.5], abs=0.2)


def test_intervals_hold_new_tickets_as_often_as_they_say() -> None:
    held = []
    for seed in range(4):
        learned = learn(made(60, noise=0.006, seed=seed), RECIPE)
        new = made(300, noise=0.006, seed=seed + 100)
        low, high = learned.interval.ends(learned.fit, new)
        held.append(((low <= new.label) & (new.label <= high)).mean())
    assert 0.85 < np.mean(held) < 0.97


def test_too_few_tickets_give_no_interval() -> None:
    with pytest.raises(ValueError, match=r"18 tickets .* at least 19"):
        learn(made(18), RECIPE)
    assert learn(made(19), RECIPE).interval.high_quantile > 0


def test_the_same_tickets_give_the_same_fit() -> None:
    one, two = (learn(made(40), RECIPE) for _ in range(2))
    assert (one.fit.factor == two.fit.factor).all()
    assert one.interval == two.interval


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [("level = 0.9 ", "level = 1.9 ", "level"), ("class_sd = 0.15", "class_sd = -1.0", "above zero")],
)
def test_an_impossible_recipe_is_refused(tmp_path: Path, old, new, why) -> None:
    text = recipe_path("site").read_text(encoding="utf-8")
    assert old in text
    (tmp_path / "r.toml").write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(ValueError, match=why):
        read_strictly(tmp_path / "r.toml", SiteRecipe)


def test_a_recipe_of_a_model_is_no_recipe_of_a_site() -> None:
    with pytest.raises(RecipeError, match="unknown key"):
        read_strictly(recipe_path("tiny"), SiteRecipe)
