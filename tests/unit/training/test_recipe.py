"""Recipes are strict: what is misspelt, missing or impossible is told with its key."""

from importlib import resources
from pathlib import Path

import pytest

from loadlens.training.recipe import RecipeError, load_recipe, load_waste_recipe, read_strictly
from loadlens.training.site import SiteRecipe

SHIPPED = Path(str(resources.files("loadlens.training") / "recipes"))


@pytest.mark.parametrize("recipe", sorted(SHIPPED.glob("*.toml")), ids=lambda path: path.stem)
def test_every_shipped_recipe_loads_and_says_what_it_costs(recipe: Path) -> None:
    if recipe.stem == "site":
        assert read_strictly(recipe, SiteRecipe).folds > 1
    elif recipe.stem == "waste":
        assert load_waste_recipe(recipe).classes
    else:
        assert load_recipe(recipe).steps > 0
    lines = recipe.read_text(encoding="utf-8").splitlines()
    opening = " ".join(line for line in lines if line.startswith("#"))
    assert "Cost:" in opening
    assert "Expected:" in opening


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("seed = 1", "seed = 1\nsteppes = 3", "unknown key steppes"),
        ("seed = 1\n", "", "seed missing"),
        ("seed = 1", 'seed = "one"', "seed = 'one'"),
        ("seed = 1", "seed = true", "seed = True"),
        ('"hms_1"', '"hsm_1"', "hsm_1"),
        ('"hms_1"', '"shredded"', "named twice"),
        ("drawn_share = 1.0", "drawn_share = 1.5", "drawn_share = 1.5"),
        ("scene_crop = [192, 256]", "scene_crop = [190, 256]", "multiples of 32"),
        ("scene_crop = [192, 256]", "scene_crop = [192]", "scene_crop"),
        ("photos_per_step = 0", "photos_per_step = 2", "needs photos"),
        ("width = 640", "width = 20", "width = 20"),
        ("dropped = 0.1", "dropped = 1.5", "dropped should be within 0..1"),
        ("zoom = [0.7, 1.4]", "zoom = [1.4, 0.7]", "zoom = [1.4, 0.7] should be two factors"),
        ("zoom = [0.7, 1.4]", 'zoom = ["a", "b"]', "zoom"),
    ],
)
def test_a_faulty_recipe_is_refused(tmp_path: Path, old: str, new: str, told: str) -> None:
    text = (SHIPPED / "tiny.toml").read_text(encoding="utf-8")
    assert old in text
    faulty = tmp_path / "faulty.toml"
    faulty.write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(RecipeError) as refused:
        load_recipe(faulty)
    assert told in str(refused.value)
    assert "faulty.toml" in str(refused.value)
