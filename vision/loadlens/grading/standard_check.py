"""Every fault in a standard's file, each with its line and what to do; a mill's own file is checked in one go."""

import itertools
import re
import tomllib
from collections.abc import Collection, Mapping
from decimal import Decimal
from functools import cache
from importlib import resources
from typing import Any

from loadlens.grading.quantity import QuantityError, decimal_of
from loadlens.grading.toml_check import Check, Fault, TableChecker, did_you_mean, is_date, is_number, shown
from loadlens.grading.toml_lines import LineFinder, Path

__all__ = ["Fault", "check_standard", "known_forms"]

SCHEMA = "loadlens.standard/1"
VERIFIED = ("primary", "secondary", "choice", "unverified")
LAYER_WEIGHTS = ("equal", "area", "area_density", "grab_mass")
TOLERANCES = ("deduct_all", "excess_only", "all_above_limit")
PRICES = ("mean_of_shares", "main_grade")
GATES = ("coverage_min", "duplicate_max", "unknown_max", "ungraded_max", "confidence_min")
_BYTE_ORDER_MARK = "\ufeff"
# Per tonne, in any currency; more is a slip, and could not be counted with to the hundredth.
_DEAREST = 10**9
_PRICE_REMEDY = f"write money per tonne from 0 to {_DEAREST}, such as 2650"
# The shipped default names every form, graded or deliberately not; a test holds it against the taxonomy.
_FORMS_FROM = "gbt-39733-2024.toml"


@cache
def known_forms() -> frozenset[str]:
    """The ids of every material form, as the shipped default standard lists them."""
    text = (resources.files("loadlens.grading") / "standards" / _FORMS_FROM).read_text(encoding="utf-8")
    return frozenset(entry["id"] for entry in tomllib.loads(text)["form"])


def check_standard(text: str, *, forms: Collection[str] | None = None) -> tuple[Fault, ...]:
    """Check the text of a standard; no fault means that `load_standard` takes it.

    `forms` are the form ids that exist (default: those of the shipped standards). Faults come in order of line.
    """
    if text.startswith(_BYTE_ORDER_MARK):
        return (Fault(1, "file", "begins with a byte order mark", "save it as UTF-8 without one (without BOM)"),)
    try:
        table = tomllib.loads(text, parse_float=Decimal)
    except (ValueError, RecursionError) as error:  # also numbers of thousands of digits and endless nesting
        return (_not_toml(error, text),)
    checker = _Checker(LineFinder(text), known_forms() if forms is None else forms)
    checker.standard(table)
    return tuple(sorted(checker.faults, key=lambda fault: fault.line))


def _not_toml(error: Exception, text: str) -> Fault:
    found = re.search(r"line (\d+)", str(error))
    line = int(found[1]) if found else len(text.splitlines()) or 1
    return Fault(line, "file", f"not valid TOML: {error}", "mend this line first; the rest is checked after that")


class _Checker(TableChecker):
    """Knows what a standard holds and what must hold between its parts."""

    def __init__(self, lines: LineFinder, forms: Collection[str]) -> None:
        super().__init__(lines)
        self._forms = forms
        self._codes: tuple[str, ...] = ()
        self._sources: tuple[str, ...] = ()

    # What a file holds.

    def standard(self, table: dict[str, Any]) -> None:
        self._codes = _texts(table.get("grade"), "code")
        sources = table.get("sources")
        self._sources = tuple(sources) if isinstance(sources, dict) else ()
        self.table(
            (),
            table,
            required={
                "schema": self.one_of((SCHEMA,)),
                "id": self._id,
                "version": self.text,
                "title": self._names,
                "edition": self.text,
                "sources": self._sources_table,
                "grade": self.each(self._grade),
            },
            optional={
                "issued": self.day,
                "in_force": self.day,
                "superseded": self.day,
                "superseded_by": self.text,
                "note": self.text,
                "inclusion_limit_percent": self._figure(0, 100),
                "rules": self._rules,
                "gates": self._gates,
                "form": self.each(self._form),
                "downgrade": self.each(self._downgrade),
            },
        )
        self._dates(table)
        if "ungraded" in self._codes:
            where: Path = ("grade", self._codes.index("ungraded"), "code")
            self.fault(where, "'ungraded' is kept for what has no grade", "choose another code")
        self._no_twins(table.get("grade"), "grade", "code")
        self._no_twins(table.get("form"), "form", "id")
        self._ceiling(table)
        self._downgrades_have_a_ladder(table)

    def _rules(self, path: Path, value: Any) -> None:
        self.table(
            path,
            value,
            optional={
                "layer_weight": self.one_of(LAYER_WEIGHTS),
                "tolerance": self.one_of(TOLERANCES),
                "return_above_percent": self._figure(0, 100),
                "tie_order": self._list_of_codes,
                "grade_order": self._list_of_codes,
                "price": self.one_of(PRICES),
                "currency": self.text,
                "unverified_figures_decide": self.boolean,
            },
        )

    def _gates(self, path: Path, value: Any) -> None:
        self.table(path, value, optional={f"{gate}_percent": self._figure(0, 100) for gate in GATES})

    def _grade(self, path: Path, value: Any) -> None:
        self.table(
            path,
            value,
            required={
                "code": self.text,
                "name": self._names,
                "verified": self.one_of(VERIFIED),
                "source": self._source,
            },
            optional={
                "members": self._list_of_codes,
                "counts_for_main_grade": self.boolean,
                "inclusion_limit_percent": self._figure(0, 100),
                "price_per_tonne": self._price,
                "info": self.each(self._info),
            },
        )

    def _info(self, path: Path, value: Any) -> None:
        required: dict[str, Check] = {
            "what": self.text,
            "text": self.text,
            "verified": self.one_of(VERIFIED),
            "source": self._source,
        }
        self.table(path, value, required=required)

    def _form(self, path: Path, value: Any) -> None:
        self.table(
            path,
            value,
            required={"id": self._form_id},
            optional={"grade": self._code, "could_be": self._list_of_codes, "why": self.text},
        )
        if isinstance(value, dict) and not value.get("why") and ("grade" not in value or value.get("could_be")):
            remedy = 'add why = "…": what the picture cannot show, or why the form has no grade here'
            self.fault((*path, "why"), "missing", remedy)

    def _downgrade(self, path: Path, value: Any) -> None:
        self.table(
            path,
            value,
            required={"why": self.text, "of": self._what_downgrades},
            optional={"above_percent": self._figure(0, 100), "steps": self._steps},
        )
        if isinstance(value, dict) and value.get("of") != "impurity" and "above_percent" not in value:
            self.fault(
                (*path, "above_percent"), "missing", 'give a figure; only of = "impurity" has a limit of its own'
            )

    # What holds between the parts.

    def _dates(self, table: Mapping[str, Any]) -> None:
        given = [(key, table[key]) for key in ("issued", "in_force", "superseded") if is_date(table.get(key))]
        for (earlier, first), (later, second) in itertools.pairwise(given):
            if second < first:
                self.fault((later,), f"{second} is before {earlier} ({first})", "exchange or correct the dates")

    def _no_twins(self, entries: Any, name: str, key: str) -> None:
        seen: dict[str, int] = {}
        for index, entry in enumerate(entries if isinstance(entries, list) else ()):
            value = entry.get(key) if isinstance(entry, dict) else None
            if not isinstance(value, str):
                continue
            if value in seen:
                first = self.lines.line((name, seen[value], key))
                self.fault((name, index, key), f"{value!r} stands already in line {first}", "keep one of the two")
            seen.setdefault(value, index)

    def _ceiling(self, table: Mapping[str, Any]) -> None:
        rules = table.get("rules")
        ceiling = _value(rules.get("return_above_percent")) if isinstance(rules, dict) else None
        if ceiling is None:
            return
        grades = table.get("grade")
        limits: list[tuple[Path, Any]] = [(("inclusion_limit_percent",), table.get("inclusion_limit_percent"))]
        for index, grade in enumerate(grades if isinstance(grades, list) else ()):
            if isinstance(grade, dict):
                limits.append((("grade", index, "inclusion_limit_percent"), grade.get("inclusion_limit_percent")))
        for path, figure in limits:
            limit = _value(figure)
            if limit is not None and limit > ceiling:
                problem = f"the limit {limit} % is above the ceiling for return, {ceiling} %"
                self.fault(path, problem, "lower the limit or raise rules.return_above_percent")

    def _downgrades_have_a_ladder(self, table: Mapping[str, Any]) -> None:
        rules = table.get("rules")
        if table.get("downgrade") and not (isinstance(rules, dict) and rules.get("grade_order")):
            self.fault(("downgrade",), "there is no ladder to step down", "list rules.grade_order, best grade first")

    # Kinds of values that only a standard has.

    def _source(self, path: Path, value: Any) -> None:
        # Without any [sources] that one fault is enough.
        if self._sources and value not in self._sources:
            self.fault(path, f"{shown(value)} is no key of [sources]", did_you_mean(value, self._sources))

    def _code(self, path: Path, value: Any) -> None:
        if value not in self._codes:
            self.fault(path, f"{shown(value)} is no grade of this file", did_you_mean(value, self._codes))

    def _list_of_codes(self, path: Path, value: Any) -> None:
        if not isinstance(value, list):
            self.fault(path, f"{shown(value)} is not a list", 'write a list of grade codes, ["A", "B"]')
            return
        for code in value:
            self._code(path, code)
        self._each_once(path, value)

    def _each_once(self, path: Path, value: list[Any]) -> None:
        for name in dict.fromkeys(name for name in value if isinstance(name, str) and value.count(name) > 1):
            self.fault(path, f"{name!r} is listed more than once", "keep one")

    def _form_id(self, path: Path, value: Any) -> None:
        if not isinstance(value, str) or value not in self._forms:
            self.fault(path, f"{shown(value)} is no known form", did_you_mean(value, self._forms))

    def _what_downgrades(self, path: Path, value: Any) -> None:
        if value == "impurity":
            return
        if not isinstance(value, list) or not value:
            self.fault(path, f"{shown(value)} names nothing", 'write "impurity" or a list of form ids')
            return
        for form in value:
            self._form_id(path, form)
        self._each_once(path, value)

    def _names(self, path: Path, value: Any) -> None:
        self.table(path, value, required={"en": self.text, "zh": self.text})

    def _sources_table(self, path: Path, value: Any) -> None:
        if not isinstance(value, dict) or not value:
            self.fault(path, f"{shown(value)} is not a table of sources", 'write [sources] and lines key = "where"')
            return
        for key, text in value.items():
            self.text((*path, key), text)

    def _figure(self, low: int, high: int) -> Check:
        def number(path: Path, value: Any) -> None:
            if not is_number(value):
                self.fault(path, f"{shown(value)} is not a number", "write a number in percent, such as 0.8")
            elif not low <= value <= high:
                self.fault(path, f"{value} is out of range", f"give percent between {low} and {high}")

        def figure(path: Path, value: Any) -> None:
            if not isinstance(value, dict):
                remedy = 'write { value = 0.8, verified = "choice", source = "…" }: every figure says where it is from'
                self.fault(path, f"{shown(value)} is not a figure with its source", remedy)
                return
            self.table(
                path,
                value,
                required={"value": number, "verified": self.one_of(VERIFIED), "source": self._source},
                optional={"note": self.text},
            )

        return figure

    def _price(self, path: Path, value: Any) -> None:
        try:
            fine = 0 <= decimal_of(value) <= _DEAREST
        except (TypeError, QuantityError):
            fine = False
        if not fine:
            self.fault(path, f"{shown(value)} is not a price", _PRICE_REMEDY)

    def _steps(self, path: Path, value: Any) -> None:
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            self.fault(path, f"{shown(value)} is not a number of steps", "write a whole number from 1")

    def _id(self, path: Path, value: Any) -> None:
        if not isinstance(value, str) or not re.fullmatch(r"[a-z0-9][a-z0-9.-]*", value):
            self.fault(path, f"{shown(value)} is not an id", "use small letters, digits, dots and hyphens")


def _value(figure: Any) -> Decimal | int | None:
    value = figure.get("value") if isinstance(figure, dict) else None
    return value if is_number(value) else None


def _texts(entries: Any, key: str) -> tuple[str, ...]:
    found = [entry.get(key) for entry in entries if isinstance(entry, dict)] if isinstance(entries, list) else []
    return tuple(value for value in found if isinstance(value, str))
