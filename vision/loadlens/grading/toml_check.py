"""Checks of a parsed TOML file that never stop at the first fault: each fault has its line and its remedy."""

import difflib
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, TypeGuard

from loadlens.grading.toml_lines import LineFinder, Path

Check = Callable[[Path, Any], None]


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault: the line (1-based), the key it is about, what is wrong, and what to do about it."""

    line: int
    where: str
    problem: str
    remedy: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.where}: {self.problem}; {self.remedy}"


class TableChecker:
    """Collects the faults of one file; a check takes the path of a value and the value."""

    def __init__(self, lines: LineFinder) -> None:
        self.faults: list[Fault] = []
        self.lines = lines

    def table(
        self,
        path: Path,
        value: Any,
        *,
        required: Mapping[str, Check] | None = None,
        optional: Mapping[str, Check] | None = None,
    ) -> None:
        """Check a table: every required key present, every key known, every value by its own check."""
        checks = {**(required or {}), **(optional or {})}
        if not isinstance(value, dict):
            self.fault(path, f"{shown(value)} is not a table", f"write {{ {', '.join(checks)} }}")
            return
        for key in required or {}:
            if key not in value:
                self.fault((*path, key), "missing", f"add {key} = …")
        for key, entry in value.items():
            if key in checks:
                checks[key]((*path, key), entry)
            else:
                self.fault((*path, key), "unknown key", did_you_mean(key, checks))

    def each(self, check: Check) -> Check:
        """A check of a list of tables by the check of one."""

        def each(path: Path, value: Any) -> None:
            if not isinstance(value, list) or not value:
                self.fault(path, f"{shown(value)} is not a list of tables", f"write [[{path[-1]}]] for each")
                return
            for index, entry in enumerate(value):
                check((*path, index), entry)

        return each

    def text(self, path: Path, value: Any) -> None:
        """Text that says something."""
        if not isinstance(value, str) or not value.strip():
            self.fault(path, f"{shown(value)} is not text", 'write it in quotes, "…"')

    def boolean(self, path: Path, value: Any) -> None:
        """True or false."""
        if not isinstance(value, bool):
            self.fault(path, f"{shown(value)} is neither true nor false", "write true or false, without quotes")

    def day(self, path: Path, value: Any) -> None:
        """A date without a time."""
        if not is_date(value):
            self.fault(path, f"{shown(value)} is not a date", "write it without quotes, such as 2025-06-01")

    def one_of(self, allowed: Sequence[str]) -> Check:
        """A check that a value is one of a few words."""

        def one_of(path: Path, value: Any) -> None:
            if value not in allowed:
                self.fault(path, f"{shown(value)} is not allowed", did_you_mean(value, allowed))

        return one_of

    def fault(self, path: Path, problem: str, remedy: str) -> None:
        """Note a fault at a path."""
        self.faults.append(Fault(self.lines.line(path), _where(path), problem, remedy))


def _where(path: Path) -> str:
    """A path as a person writes it: grade[3].code, counted from 1."""
    words = "".join(f"[{part + 1}]" if isinstance(part, int) else f".{part}" for part in path)
    return words.removeprefix(".") or "file"


def shown(value: Any) -> str:
    """A value as a message shows it, never longer than a line."""
    text = f"{value}" if isinstance(value, (Decimal, date)) else repr(value)
    return text if len(text) <= 60 else text[:57] + "…"


def did_you_mean(value: Any, allowed: Collection[str]) -> str:
    """The remedy for a word that is not allowed: the nearest one, or all of them."""
    near = difflib.get_close_matches(str(value), list(allowed), n=1)
    if near:
        return f"did you mean {near[0]!r}?"
    return f"use one of: {', '.join(sorted(allowed))}" if allowed else "there is none to choose from yet; add one"


def is_date(value: Any) -> bool:
    """Whether a value is a date without a time."""
    return isinstance(value, date) and not isinstance(value, datetime)


def is_number(value: Any) -> TypeGuard[int | Decimal]:
    """Whether a value is a finite number; true and false are none."""
    return isinstance(value, (int, Decimal)) and not isinstance(value, bool) and Decimal(value).is_finite()
