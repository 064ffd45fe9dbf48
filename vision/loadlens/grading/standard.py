"""A standard: which forms are which grade, how layers are weighed, and what is deducted.

A standard is a TOML file: data with sources, never code. The shipped ones lie in `standards/`; a mill writes its own
and checks it with `check_standard`. Every figure says how well it is known; one that nobody has read in a source is
`unverified` and decides nothing unless the file itself says that it may.

Errors: StandardError(ValueError), carrying every fault found.
"""

import hashlib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cache, lru_cache
from importlib import resources
from pathlib import Path
from typing import Any, Literal

from loadlens.grading.quantity import decimal_of
from loadlens.grading.standard_check import check_standard
from loadlens.grading.toml_check import Fault

Verified = Literal["primary", "secondary", "choice", "unverified"]
LayerWeight = Literal["equal", "area", "area_density", "grab_mass"]
Tolerance = Literal["deduct_all", "excess_only", "all_above_limit"]
PricePolicy = Literal["mean_of_shares", "main_grade"]

DEFAULT_STANDARD = "gbt-39733-2024"
UNGRADED = "ungraded"


class StandardError(ValueError):
    """A standard that cannot be used; `faults` holds everything that is wrong with it."""

    def __init__(self, message: str, faults: tuple[Fault, ...] = ()) -> None:
        super().__init__(message)
        self.faults = faults


@dataclass(frozen=True, slots=True)
class Figure:
    """A number in percent and how well it is known.

    `verified`: primary = read in the document itself; secondary = read in a page that quotes it; choice = decided by
    whoever keeps the file (a contract, a site rule); unverified = nobody has read it in a source.
    """

    value: Decimal
    verified: Verified
    source: str
    note: str = ""

    @property
    def share(self) -> float:
        """The figure as a share, 0..1."""
        return float(self.value) / 100


@dataclass(frozen=True, slots=True)
class Information:
    """What a standard says of a grade that a camera does not measure (thickness, size, density): shown, never used."""

    what: str
    text: str
    verified: Verified
    source: str


@dataclass(frozen=True, slots=True)
class Grade:
    """One grade of a standard, or a named group (`members`) where a picture cannot tell its members apart."""

    code: str
    name_en: str
    name_zh: str
    verified: Verified
    source: str
    members: tuple[str, ...] = ()
    counts_for_main_grade: bool = True
    inclusion_limit: Figure | None = None
    price_per_tonne: Decimal | None = None
    info: tuple[Information, ...] = ()


@dataclass(frozen=True, slots=True)
class FormRule:
    """Which grade a form is; `grade` None says that this standard deliberately leaves the form ungraded.

    `could_be` names the grades a picture cannot exclude, `why` says what would have to be measured.
    """

    form: str
    grade: str | None
    could_be: tuple[str, ...] = ()
    why: str = ""


@dataclass(frozen=True, slots=True)
class Downgrade:
    """Lower the truck's grade by `steps` where something exceeds a limit.

    `of` is ("impurity",) for the mass of all contaminants, else the ids of forms whose shares are summed.
    `above` None means the main grade's own inclusion limit.
    """

    why: str
    of: tuple[str, ...]
    above: Figure | None
    steps: int


@dataclass(frozen=True, slots=True)
class Rules:
    """How this standard (or the mill that keeps it) weighs, tolerates and prices."""

    layer_weight: LayerWeight = "area_density"
    tolerance: Tolerance = "deduct_all"
    return_above: Figure | None = None
    tie_order: tuple[str, ...] = ()
    grade_order: tuple[str, ...] = ()
    price: PricePolicy = "mean_of_shares"
    currency: str = ""
    unverified_figures_decide: bool = False


_SME = "sme-group.com, advertised figure of a grading system"
_OURS = "LoadLens, a cautious start; not measured at a site"


@dataclass(frozen=True, slots=True)
class Gates:
    """Limits of doubt: beyond them a person looks. A file may set its own."""

    coverage_min: Figure = Figure(Decimal(85), "secondary", _SME)
    duplicate_max: Figure = Figure(Decimal(10), "secondary", _SME)
    unknown_max: Figure = Figure(Decimal(15), "choice", _OURS)
    ungraded_max: Figure = Figure(Decimal(5), "choice", _OURS)
    confidence_min: Figure = Figure(Decimal(50), "choice", _OURS)


@dataclass(frozen=True, slots=True)
class Standard:
    """A standard, loaded and checked. `sha256` is of the file, so that two files of one version cannot be confused."""

    id: str
    version: str
    sha256: str
    title_en: str
    title_zh: str
    edition: str
    issued: date | None
    in_force: date | None
    superseded: date | None
    superseded_by: str
    note: str
    sources: Mapping[str, str]
    rules: Rules
    gates: Gates
    grades: tuple[Grade, ...]
    forms: tuple[FormRule, ...]
    downgrades: tuple[Downgrade, ...] = ()
    lot_limit: Figure | None = None

    def grade(self, code: str) -> Grade | None:
        """The grade of this code, or None."""
        return next((grade for grade in self.grades if grade.code == code), None)

    def form_rule(self, form: str) -> FormRule | None:
        """The rule for this form, or None where the standard does not speak of it."""
        return next((rule for rule in self.forms if rule.form == form), None)

    def inclusion_limit(self, code: str) -> Figure | None:
        """The inclusion limit of a grade, else the one for every lot, else None."""
        grade = self.grade(code)
        return (grade.inclusion_limit if grade else None) or self.lot_limit

    def decides(self, figure: Figure | None) -> bool:
        """Whether a figure may decide anything: an unverified one may not, unless this file says so."""
        return figure is not None and (figure.verified != "unverified" or self.rules.unverified_figures_decide)


def list_standards() -> tuple[Standard, ...]:
    """Every shipped standard, by id."""
    folder = resources.files("loadlens.grading") / "standards"
    names = sorted(entry.name.removesuffix(".toml") for entry in folder.iterdir() if entry.name.endswith(".toml"))
    return tuple(_shipped(name) for name in names)


def load_standard(ref: str | Path) -> Standard:
    """Load a shipped standard by id, or a file by path. Raises StandardError, naming every fault."""
    if _is_id(ref):
        return _shipped(str(ref))
    return parse_standard(read_standard(ref), name=str(ref))


def read_standard(ref: str | Path) -> bytes:
    """The file of a shipped standard by id, or of a path. Raises StandardError where there is none."""
    if not _is_id(ref):
        try:
            return Path(ref).read_bytes()
        except OSError as error:
            raise StandardError(f"cannot read the standard {ref}: {error.strerror}") from None
    folder = resources.files("loadlens.grading") / "standards"
    ids = sorted(entry.name.removesuffix(".toml") for entry in folder.iterdir() if entry.name.endswith(".toml"))
    if ref not in ids:
        known = ", ".join(ids)
        raise StandardError(f"no standard {ref!r}; give one of {known}, or the path of a .toml file")
    return (folder / f"{ref}.toml").read_bytes()


def _is_id(ref: str | Path) -> bool:
    return isinstance(ref, str) and not ref.endswith(".toml")


@cache
def _shipped(standard_id: str) -> Standard:
    return parse_standard(read_standard(standard_id), name=standard_id)


@lru_cache(maxsize=32)
def parse_standard(data: bytes, *, name: str) -> Standard:
    """A standard from the bytes of its file; `name` is for messages. Raises StandardError with every fault.

    What was read lately is not read again: a server asks for each of its standards more than once when it starts.
    """
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise StandardError(f"{name} is not UTF-8 text (byte {error.start}); save it as UTF-8") from None
    faults = check_standard(text)
    if faults:
        more = f" (and {len(faults) - 1} more; see `loadlens standards check`)" if len(faults) > 1 else ""
        raise StandardError(f"{name}: {faults[0]}{more}", faults)
    return _build(tomllib.loads(text, parse_float=Decimal), hashlib.sha256(data).hexdigest())


def _build(table: dict[str, Any], sha256: str) -> Standard:
    return Standard(
        id=table["id"],
        version=table["version"],
        sha256=sha256,
        title_en=table["title"]["en"],
        title_zh=table["title"]["zh"],
        edition=table["edition"],
        issued=table.get("issued"),
        in_force=table.get("in_force"),
        superseded=table.get("superseded"),
        superseded_by=table.get("superseded_by", ""),
        note=table.get("note", ""),
        sources=table["sources"],
        rules=_rules(table.get("rules", {})),
        gates=Gates(**{key.removesuffix("_percent"): _figure(entry) for key, entry in table.get("gates", {}).items()}),
        grades=tuple(_grade(entry) for entry in table["grade"]),
        forms=tuple(_form_rule(entry) for entry in table.get("form", ())),
        downgrades=tuple(_downgrade(entry) for entry in table.get("downgrade", ())),
        lot_limit=_maybe_figure(table.get("inclusion_limit_percent")),
    )


def _figure(entry: dict[str, Any]) -> Figure:
    return Figure(decimal_of(entry["value"]), entry["verified"], entry["source"], entry.get("note", ""))


def _maybe_figure(entry: dict[str, Any] | None) -> Figure | None:
    return None if entry is None else _figure(entry)


def _rules(entry: dict[str, Any]) -> Rules:
    plain: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in entry.items()}
    plain.pop("return_above_percent", None)
    return Rules(**plain, return_above=_maybe_figure(entry.get("return_above_percent")))


def _grade(entry: dict[str, Any]) -> Grade:
    price = entry.get("price_per_tonne")
    return Grade(
        code=entry["code"],
        name_en=entry["name"]["en"],
        name_zh=entry["name"]["zh"],
        verified=entry["verified"],
        source=entry["source"],
        members=tuple(entry.get("members", ())),
        counts_for_main_grade=entry.get("counts_for_main_grade", True),
        inclusion_limit=_maybe_figure(entry.get("inclusion_limit_percent")),
        price_per_tonne=None if price is None else decimal_of(price),
        info=tuple(Information(**line) for line in entry.get("info", ())),
    )


def _form_rule(entry: dict[str, Any]) -> FormRule:
    return FormRule(entry["id"], entry.get("grade"), tuple(entry.get("could_be", ())), entry.get("why", ""))


def _downgrade(entry: dict[str, Any]) -> Downgrade:
    of = entry["of"]
    return Downgrade(
        why=entry["why"],
        of=(of,) if isinstance(of, str) else tuple(of),
        above=_maybe_figure(entry.get("above_percent")),
        steps=entry.get("steps", 1),
    )
