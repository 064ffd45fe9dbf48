"""Recipes: everything that decides what a run learns, in one strict TOML file."""

import tomllib
from dataclasses import dataclass, fields
from importlib import resources
from pathlib import Path
from typing import Any, TypeVar, get_type_hints

from loadlens.vision.taxonomy import load_taxonomy

Kind = TypeVar("Kind")


class RecipeError(ValueError):
    """A recipe that cannot be used; the message names the file, the key and the remedy."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """What to train on, how long, and how.

    `classes` are taxonomy ids in the order of the model's output. `photos` asks for the real pictures; without it all
    scenes are drawn. `drawn_share` (0..1) of the scenes use drawn textures even where there are photos. `scenes` are
    rendered to train on, `calibration_clips` unloadings to calibrate on; batch sizes are pictures per step. Scenes and
    crane frames are seen as if the whole picture were `width` pixels wide, times a factor between the two of `zoom`,
    `scene_crop` of it at a time.
    The new head learns `head_factor` times as fast as the backbone, whose first `frozen_blocks` stay as they are.
    `crane_cameras` are trained on, all others are kept for measuring. AdamW pulls weights to zero by `weight_decay`;
    of the channels before the head the share `dropped` (0..1) is left out at random.
    """

    name: str
    version: str
    seed: int
    photos: bool
    classes: tuple[str, ...]
    drawn_share: float
    scenes: int
    calibration_clips: int
    steps: int
    scenes_per_step: int
    photos_per_step: int
    width: int
    scene_crop: tuple[int, int]
    photo_size: tuple[int, int]
    crane_cameras: tuple[str, ...]
    learning_rate: float
    head_factor: float
    frozen_blocks: int
    weight_decay: float
    dropped: float
    zoom: tuple[float, float]


def recipe_path(recipe: str) -> Path:
    """A shipped recipe by its name, anything else as a path."""
    shipped = resources.files("loadlens.training") / "recipes" / f"{recipe}.toml"
    return Path(str(shipped)) if shipped.is_file() else Path(recipe)


def load_recipe(path: Path) -> Recipe:
    """Read the recipe of a model; every key must be there and known. Raises RecipeError."""
    recipe = read_strictly(path, Recipe)
    _check(path, recipe)
    return recipe


@dataclass(frozen=True, slots=True)
class WasteRecipe:
    """What a model that names photos of waste learns from, and how.

    `classes` are ids of waste. Photos are seen at the size of a square of `side` pixels a side. The head is a logistic
    regression of `strength` (sklearn's C); of the large sets it learns at most `most` photos a class. Of the
    answers to left-out sources, `false_abstention` (0..1) may be withheld, and of photos of no waste
    `strangers_withheld` (0..1) must be, whatever that costs.
    """

    name: str
    version: str
    seed: int
    classes: tuple[str, ...]
    side: int
    strength: float
    most: int
    false_abstention: float
    strangers_withheld: float


def load_waste_recipe(path: Path) -> WasteRecipe:
    """Read a recipe for photos of waste; every key must be there and known. Raises RecipeError."""
    recipe = read_strictly(path, WasteRecipe)
    if len(set(recipe.classes)) != len(recipe.classes):
        raise RecipeError(f"{path}: a class is named twice")
    if recipe.side % 32 or recipe.most < 1 or not 0 < recipe.false_abstention < 1:
        raise RecipeError(f"{path}: side is a multiple of 32, most at least 1, false_abstention within 0..1")
    return recipe


def read_strictly(path: Path, kind: type[Kind]) -> Kind:
    """A TOML file as a dataclass of plain values, every field of which is a key. Raises RecipeError."""
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise RecipeError(f"{path}: no such file; recipes are listed by `loadlens train --help`") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise RecipeError(f"{path}: not TOML ({error})") from None
    known = [field.name for field in fields(kind)]  # type: ignore[arg-type]  # a dataclass, as the docstring asks
    if unknown := sorted(set(table) - set(known)):
        raise RecipeError(f"{path}: unknown key {', '.join(unknown)}; a recipe has {', '.join(known)}")
    if missing := [name for name in known if name not in table]:
        raise RecipeError(f"{path}: {', '.join(missing)} missing")
    types = get_type_hints(kind)
    return kind(**{name: _value(path, name, table[name], str(types[name])) for name in known})


def _value(path: Path, name: str, value: Any, wanted: str) -> Any:
    kinds: dict[str, type | tuple[type, ...]] = {
        "<class 'str'>": str,
        "<class 'int'>": int,
        "<class 'float'>": (int, float),
        "<class 'bool'>": bool,
    }
    if wanted in kinds:
        right = isinstance(value, kinds[wanted]) and (wanted == "<class 'bool'>" or not isinstance(value, bool))
    else:
        inner = int if "int" in wanted else (int, float) if "float" in wanted else str
        right = isinstance(value, list) and all(isinstance(item, inner) for item in value)
        right = right and ("..." in wanted or len(value) == 2)
        value = tuple(value) if right else value
    if not right:
        raise RecipeError(f"{path}: {name} = {value!r} should be {wanted.replace('<class ', '').strip('>')}")
    return value


def _check(path: Path, recipe: Recipe) -> None:
    taxonomy = load_taxonomy()
    if strange := [name for name in recipe.classes if name not in taxonomy]:
        raise RecipeError(f"{path}: classes {', '.join(strange)} are not in the taxonomy")
    if len(set(recipe.classes)) != len(recipe.classes):
        raise RecipeError(f"{path}: a class is named twice")
    if not 0 <= recipe.drawn_share <= 1:
        raise RecipeError(f"{path}: drawn_share = {recipe.drawn_share} should be between 0 and 1")
    if any(side % 32 for side in (*recipe.scene_crop, *recipe.photo_size)):
        raise RecipeError(f"{path}: scene_crop and photo_size should be multiples of 32")
    if not 0 <= recipe.dropped < 1 or recipe.weight_decay < 0:
        raise RecipeError(f"{path}: dropped should be within 0..1 and weight_decay not negative")
    if not 0.25 <= recipe.zoom[0] <= recipe.zoom[1] <= 4:
        raise RecipeError(f"{path}: zoom = {list(recipe.zoom)} should be two factors from 0.25 to 4, the smaller first")
    if not 320 <= recipe.width <= 1920:
        raise RecipeError(f"{path}: width = {recipe.width} should be between 320 and 1920 pixels")
    if recipe.steps < 1 or recipe.scenes_per_step + recipe.photos_per_step < 1:
        raise RecipeError(f"{path}: a run needs at least one step with at least one picture")
    if recipe.photos_per_step and not recipe.photos:
        raise RecipeError(f"{path}: photos_per_step = {recipe.photos_per_step} needs photos = true")
