"""Which wastes must not stand side by side: pairs of kinds with their source, and the kinds that codes suggest."""

import tomllib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from itertools import combinations
from typing import Any

from loadlens.waste.stage_tables import category


@dataclass(frozen=True, slots=True)
class Conflict:
    """Two codes that should not be neighbours. `verified`: the pair of kinds was read in `source`.

    That the codes are of these kinds is always a suggestion (see compatibility.toml).
    """

    codes: tuple[str, str]
    kinds: tuple[str, str]
    consequence: str
    source: str
    verified: bool


def kinds_of(list_id: str, code: str) -> frozenset[str]:
    """The kinds that a code suggests; none where nothing is known of it, which does not say that it is harmless."""
    known: Mapping[str, list[str]] = _data().get(list_id, {})
    return frozenset(known.get(code, ())) | frozenset(known.get(category(list_id, code), ()))


def conflicts(codes: Collection[tuple[str, str]]) -> list[Conflict]:
    """The conflicts between codes, given as list and code, that stand in one place."""
    found = []
    kinds = {code: of for code in set(codes) if (of := kinds_of(*code))}
    for first, second in combinations(sorted(kinds), 2):
        for pair in _data()["pairs"]:
            one, other = pair["kinds"]
            for left, right in ((one, other), (other, one)):
                if left in kinds[first] and right in kinds[second]:
                    found.append(_conflict((first[1], second[1]), (left, right), pair))
    return found


def _conflict(codes: tuple[str, str], kinds: tuple[str, str], pair: Mapping[str, Any]) -> Conflict:
    return Conflict(codes, kinds, pair["consequence"], pair["source"], pair["verified"])


@cache
def _data() -> dict[str, Any]:
    file = resources.files("loadlens.waste") / "compatibility.toml"
    return tomllib.loads(file.read_text(encoding="utf-8"))
