"""Waste codes as data: every list with its edition, its dates, its source, and whether its text was read.

A list is a TOML file that says what it is and a CSV file of the same name with its codes, in `lists/`. A code is never
without its list and edition: a label printed under an old edition keeps saying so.

Errors: CodeError(ValueError), for a code or list that is not known or not written as its list writes codes.
"""

import csv
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable
from typing import Any

HAZARD_LETTERS = ("T", "C", "I", "R", "In")


class CodeError(ValueError):
    """A code or a list that is not known, or not written as its list writes codes."""


@dataclass(frozen=True, slots=True)
class Exemption:
    """At `stage`, under `condition`, a hazardous waste need not be managed as one (`effect`); item of the annex."""

    item: int
    codes: tuple[str, ...]
    waste: str
    stage: str
    condition: str
    effect: str


@dataclass(frozen=True, slots=True)
class WasteCode:
    """One entry of one edition of one list.

    `mark` is as the list has it: letters of hazards ("T,R": both; "T/In": one or the other) or the kind of an entry of
    the European list. `hazardous` None: the list does not decide it. `mirrors` are codes of the same list, of which
    one applies and the other does not, by assessment. `verified`: the entry was read in the list's own text.
    """

    list_id: str
    edition: str
    code: str
    mark: str
    name_zh: str
    name_en: str
    category: str
    industry: str
    hazardous: bool | None
    mirrors: tuple[str, ...]
    exemptions: tuple[Exemption, ...]
    verified: bool

    @property
    def hazards(self) -> tuple[str, ...]:
        """The letters of its hazards: T toxic, C corrosive, I ignitable, R reactive, In infectious."""
        letters = re.split("[,/]", self.mark)
        return tuple(letter for letter in letters if letter in HAZARD_LETTERS)


@dataclass(frozen=True, slots=True)
class CodeList:
    """One edition of one list; `superseded_by` names the edition that took its place on `superseded_on`."""

    id: str
    title_en: str
    title_zh: str
    edition: str
    effective_from: date | None
    superseded_by: str | None
    superseded_on: date | None
    source: str
    verified: bool
    pattern: re.Pattern[str]
    codes: Mapping[str, WasteCode]

    def find(self, code: str) -> WasteCode:
        """The entry of a code. Raises CodeError, which tells a wrong spelling from a code that the list has not."""
        if not self.pattern.fullmatch(code):
            example = next(iter(self.codes))
            raise CodeError(f"{code!r} is not written as {self.id} writes codes (for example {example})")
        if code not in self.codes:
            raise CodeError(f"{self.id}, edition {self.edition}, has no code {code}; search it with `waste codes`")
        return self.codes[code]

    def in_force(self, day: date) -> bool:
        """Whether this edition is in force on a day, as far as its dates are known."""
        began = self.effective_from is None or day >= self.effective_from
        return began and (self.superseded_on is None or day < self.superseded_on)


@cache
def code_lists() -> Mapping[str, CodeList]:
    """The shipped lists by id."""
    folder = resources.files("loadlens.waste") / "lists"
    files = sorted((file for file in folder.iterdir() if file.name.endswith(".toml")), key=lambda file: file.name)
    return {one.id: one for one in map(_read, files)}


def code_list(list_id: str) -> CodeList:
    """A list by id. Raises CodeError."""
    if list_id not in code_lists():
        raise CodeError(f"there is no list {list_id!r}; there are {', '.join(code_lists())}")
    return code_lists()[list_id]


def _read(file: Traversable) -> CodeList:
    about = tomllib.loads(file.read_text(encoding="utf-8"))
    table = resources.files("loadlens.waste") / "lists" / file.name.replace(".toml", ".csv")
    rows = list(csv.DictReader(table.read_text(encoding="utf-8").splitlines()))
    exemptions = [Exemption(**{**entry, "codes": tuple(entry["codes"])}) for entry in about.get("exemptions", ())]
    return CodeList(
        id=about["id"],
        title_en=about["title_en"],
        title_zh=about["title_zh"],
        edition=about["edition"],
        effective_from=about.get("effective_from"),
        superseded_by=about.get("superseded_by"),
        superseded_on=about.get("superseded_on"),
        source=about["source"],
        verified=about["verified"],
        pattern=re.compile(about["pattern"]),
        codes={entry.code: entry for entry in _entries(about, rows, exemptions)},
    )


def _entries(about: Mapping[str, Any], rows: list[dict[str, str]], exemptions: list[Exemption]) -> Iterator[WasteCode]:
    mirrors = _mirrors(rows)
    for row in rows:
        code, mark = row["code"], row["mark"]
        if not re.fullmatch(about["pattern"], code):
            raise CodeError(f"{about['id']}: {code!r} does not fit the list's own pattern {about['pattern']}")
        category, industry = _places(about["id"], code)
        yield WasteCode(
            list_id=about["id"],
            edition=about["edition"],
            code=code,
            mark=mark,
            name_zh=row.get("name_zh", ""),
            name_en=row.get("name_en", ""),
            category=about["categories"].get(category, ""),
            industry=about.get("industries", {}).get(industry, ""),
            hazardous=mark in ("AH", "MH") if mark in ("AH", "MH", "AN", "MN") else about.get("hazardous"),
            mirrors=mirrors.get(code, ()),
            exemptions=tuple(one for one in exemptions if code in one.codes or f"HW{code[-2:]}" in one.codes),
            verified=about["verified"],
        )


def _places(list_id: str, code: str) -> tuple[str, str]:
    """The keys of a code's category and industry (for the European list: chapter and sub-chapter)."""
    match list_id:
        case "hazardous-cn":
            return f"HW{code[-2:]}", code[:3]
        case "general-cn":
            return code[-3:], code[:3]
        case "eu-low":
            return code[:2], code[:5].replace(" ", "")
        case _:
            return code[:1], code


def _mirrors(rows: list[dict[str, str]]) -> dict[str, tuple[str, ...]]:
    """The mirror entries of the European list: "other than those mentioned in …" names its twins."""
    by_digits = {row["code"].rstrip("*"): row["code"] for row in rows if row["mark"] in ("MH", "MN")}
    pairs: dict[str, set[str]] = {}
    for row in rows:
        _, separator, named = row.get("name_en", "").partition("mentioned in")
        if row["mark"] != "MN" or not separator:
            continue
        for digits in re.findall(r"\d\d \d\d \d\d", named):
            if digits in by_digits and by_digits[digits].endswith("*"):
                pairs.setdefault(row["code"], set()).add(by_digits[digits])
                pairs.setdefault(by_digits[digits], set()).add(row["code"])
    return {code: tuple(sorted(twins)) for code, twins in pairs.items()}
