"""What a model can see: the surface classes, read from `taxonomy.toml`."""

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any, get_args

from loadlens.grading.observation import ClassKind, SurfaceClass


@dataclass(frozen=True, slots=True)
class ClassCard:
    """One surface class with all that is said of it; `surface_class` is the part that grading needs."""

    surface_class: SurfaceClass
    name_en: str
    name_zh: str
    looks_like: str
    density_source: str
    blocks_view: bool

    @property
    def id(self) -> str:
        """The class id, as models and reports use it."""
        return self.surface_class.id

    @property
    def kind(self) -> ClassKind:
        """form, contaminant, hazard or scene."""
        return self.surface_class.kind


class UnknownClassError(ValueError):
    """A class id that the taxonomy does not hold."""


class Taxonomy(Mapping[str, ClassCard]):
    """The surface classes by id, in the order of the file."""

    def __init__(self, cards: Iterable[ClassCard]) -> None:
        self._cards = {card.id: card for card in cards}
        self._ids = {
            kind: tuple(card.id for card in self._cards.values() if card.kind == kind) for kind in get_args(ClassKind)
        }

    def __getitem__(self, class_id: str) -> ClassCard:
        try:
            return self._cards[class_id]
        except KeyError:
            raise UnknownClassError(f"no surface class {class_id!r} in taxonomy.toml") from None

    def __contains__(self, class_id: object) -> bool:
        return class_id in self._cards

    def __iter__(self):  # type: ignore[no-untyped-def]
        return iter(self._cards)

    def __len__(self) -> int:
        return len(self._cards)

    def ids(self, kind: ClassKind) -> tuple[str, ...]:
        """The ids of one kind, in file order."""
        return self._ids[kind]

    def family(self, form: str) -> str:
        """The family of a form; raises UnknownClassError for an id that is no form."""
        card = self[form]
        if card.kind != "form":
            raise UnknownClassError(f"{form!r} is a {card.kind}, not a form")
        return card.surface_class.family


def _card(entry: dict[str, Any]) -> ClassCard:
    kind = entry["kind"]
    if kind not in get_args(ClassKind):
        raise ValueError(f"taxonomy.toml: class {entry['id']!r} has unknown kind {kind!r}")
    low, middle, high = entry.get("density", (1.0, 1.0, 1.0))
    return ClassCard(
        SurfaceClass(
            id=entry["id"],
            kind=kind,
            family=entry.get("family", ""),
            metal=entry.get("metal", ""),
            density_low=low,
            density=middle,
            density_high=high,
        ),
        name_en=entry["name"]["en"],
        name_zh=entry["name"]["zh"],
        looks_like=entry["looks_like"],
        density_source=entry.get("density_source", ""),
        blocks_view=entry.get("blocks_view", False),
    )


@cache
def load_taxonomy() -> Taxonomy:
    """Read the taxonomy that is installed with the package."""
    text = resources.files(__package__).joinpath("taxonomy.toml").read_text(encoding="utf-8")
    return Taxonomy(_card(entry) for entry in tomllib.loads(text)["class"])
