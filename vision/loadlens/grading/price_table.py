"""Another price table for a standard: the text of its file with other prices and another version, and nothing else."""

import re
import tomllib
from collections.abc import Mapping
from decimal import Decimal

from loadlens.grading.toml_lines import LineFinder

_VALUE = re.compile(r"""(=\s*)("[^"]*"|'[^']*'|[^\s#]+)""")


class PriceTableError(ValueError):
    """Prices that cannot be put into a file; the message says why."""


def with_prices(text: str, prices: Mapping[str, Decimal], version: str) -> str:
    """The file of a standard with these prices per tonne by grade, in its currency; every other price stays.

    `text` is a file without a fault. Raises PriceTableError for a grade that the standard has not, and for a file that
    does not write every grade as [[grade]].
    """
    table = tomllib.loads(text, parse_float=Decimal)
    codes = [grade["code"] for grade in table["grade"]]
    if unknown := sorted(prices.keys() - set(codes)):
        raise PriceTableError(f"{table['id']} has no grade {', '.join(unknown)}")
    finder = LineFinder(text)
    lines = text.splitlines(keepends=True)
    at = finder.line(("version",)) - 1
    lines[at] = _VALUE.sub(rf'\g<1>"{version}"', lines[at], count=1)
    # From the end, so that a line that is put in moves none that is still to be changed.
    for index, grade in reversed(list(enumerate(table["grade"]))):
        if (price := prices.get(grade["code"])) is None:
            continue
        if "price_per_tonne" in grade:
            at = finder.line(("grade", index, "price_per_tonne")) - 1
            lines[at] = _VALUE.sub(rf"\g<1>{price:f}", lines[at], count=1)
        else:
            lines.insert(finder.line(("grade", index, "code")), f"price_per_tonne = {price:f}\n")
    changed = "".join(lines)
    _check(table, changed, prices, version)
    return changed


def _check(table: dict[str, object], changed: str, prices: Mapping[str, Decimal], version: str) -> None:
    """Raise PriceTableError unless the changed text says exactly what it should."""
    wanted = {**table, "version": version}
    wanted["grade"] = [
        {**grade, "price_per_tonne": prices.get(grade["code"], grade.get("price_per_tonne"))}
        for grade in table["grade"]  # type: ignore[attr-defined]
    ]
    try:
        found = tomllib.loads(changed, parse_float=Decimal)
    except tomllib.TOMLDecodeError:
        found = {}
    for grade in found.get("grade", ()):
        grade.setdefault("price_per_tonne", None)
    if found != wanted:
        raise PriceTableError(
            "the prices cannot be put in by themselves; write every grade as [[grade]], or edit the file"
        )
