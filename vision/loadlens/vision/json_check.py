"""Checks of values that came from JSON: each says what is wrong with a value, or None where it is right."""

import json
import math
from collections.abc import Callable, Mapping
from typing import Any

Check = Callable[[Any], str | None]


def read_object(text: str) -> dict[str, Any]:
    """A JSON object; raises ValueError for anything else, NaN and infinity among it."""
    try:
        about = json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError) as fault:
        raise ValueError(f"metadata is not JSON ({fault})") from None
    if not isinstance(about, dict):
        raise ValueError("metadata is not a JSON object")
    return about


def faults_of(about: Mapping[str, Any], checks: Mapping[str, Check], schema: str) -> list[str]:
    """What is wrong with an object: it has every key of `checks`, each of them right, and no other."""
    lacking = [key for key in checks if key not in about]
    faults = [f"metadata lacks {', '.join(lacking)}"] if lacking else []
    faults += [f"{key} is not a key of {schema}" for key in about if key not in checks]
    found = {key: check(about[key]) for key, check in checks.items() if key in about}
    return faults + [f"{key} {fault}" for key, fault in found.items() if fault]


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is not a number")


def is_number(value: Any) -> bool:
    """Whether it is a finite number, and no truth value."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def text(value: Any) -> str | None:
    """It is text that says something."""
    return None if isinstance(value, str) and value.strip() else "is not text"


def whole(low: int, high: int) -> Check:
    """It is a whole number in this range, ends included."""

    def checked(value: Any) -> str | None:
        right = isinstance(value, int) and not isinstance(value, bool) and low <= value <= high
        return None if right else f"is {value!r}, not a whole number from {low} to {high}"

    return checked


def share(value: Any) -> str | None:
    """It is a number from 0 to 1."""
    return None if is_number(value) and 0 <= value <= 1 else f"is {value!r}, not a number from 0 to 1"


def or_null(of: Check) -> Check:
    """It is null, or what `of` wants."""
    return lambda value: None if value is None else of(value)


def table_of(of: Check) -> Check:
    """It is an object whose every value is what `of` wants."""

    def checked(value: Any) -> str | None:
        if not isinstance(value, dict):
            return "is not an object"
        faults = {key: of(entry) for key, entry in value.items()}
        return "; ".join(f"of {key} {fault}" for key, fault in faults.items() if fault) or None

    return checked


def record(may_lack: frozenset[str] = frozenset(), **checks: Check) -> Check:
    """It is an object with exactly these keys, each of them what its check wants; some it `may_lack`."""

    def checked(value: Any) -> str | None:
        if not isinstance(value, dict) or not checks.keys() - may_lack <= value.keys() <= checks.keys():
            return f"is not an object with the keys {', '.join(checks)}"
        faults = {key: check(value[key]) for key, check in checks.items() if key in value}
        return "; ".join(f"{key} {fault}" for key, fault in faults.items() if fault) or None

    return checked


def number(value: Any) -> str | None:
    """It is a finite number."""
    return None if is_number(value) else f"is {value!r}, not a number"


def not_negative(value: Any) -> str | None:
    """It is a finite number from 0 on."""
    return None if is_number(value) and value >= 0 else f"is {value!r}, not a number from 0 on"


def exactly(wanted: str) -> Check:
    """It is this text."""
    return lambda value: None if value == wanted else f"is {value!r}, this software reads {wanted!r}"


def method(value: Any) -> str | None:
    """It is an object that names its method."""
    return None if isinstance(value, dict) and text(value.get("method")) is None else "does not name its method"


count = whole(1, 10**12)
metrics = table_of(record(value=number, low=number, high=number, n=count))
