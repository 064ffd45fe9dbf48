"""A LoadObservation as JSON text and back, exactly: what is stored, so that a load can be assessed again.

Floats keep every bit (JSON carries their shortest exact form), Decimals travel as text.
"""

import json
from collections.abc import Mapping
from dataclasses import fields
from decimal import Decimal, InvalidOperation
from typing import Any

from loadlens.grading.observation import (
    AreaError,
    Doubt,
    HazardSighting,
    LayerObservation,
    LoadObservation,
    ModelVersion,
    SurfaceClass,
)

SCHEMA = "loadlens.observation/1"


class ObservationJsonError(ValueError):
    """Text that is no stored observation; the message says what is wrong with it."""


def to_json(observation: LoadObservation) -> str:
    """The observation as one line of ASCII JSON. Raises ValueError where a number is not finite."""
    return json.dumps({"schema": SCHEMA, **_plain(observation)}, allow_nan=False, separators=(",", ":"))


def from_json(text: str) -> LoadObservation:
    """The observation that `to_json` wrote. Raises ObservationJsonError for anything else."""
    try:
        data = json.loads(text, parse_constant=_no_constant)
        if data["schema"] != SCHEMA:
            raise ObservationJsonError(f"this is {data['schema']!r}, not {SCHEMA!r}; read it with the version it names")
        return _observation(data)
    except ObservationJsonError:
        raise
    except (KeyError, TypeError, ValueError, AttributeError, InvalidOperation, RecursionError) as error:
        raise ObservationJsonError(f"not a stored observation ({type(error).__name__}: {error})") from None


def _no_constant(name: str) -> float:
    raise ObservationJsonError(f"not a stored observation: {name} is no figure")


def _plain(value: Any) -> Any:
    """Dataclasses as objects, tuples as lists, Decimals as text; everything else as it is."""
    if hasattr(value, "__dataclass_fields__"):
        return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {key: _plain(entry) for key, entry in value.items()}
    if isinstance(value, tuple):
        return [_plain(entry) for entry in value]
    return str(value) if isinstance(value, Decimal) else value


def _observation(data: dict[str, Any]) -> LoadObservation:
    del data["schema"]
    error = data["area_error"]
    return LoadObservation(
        **{
            **data,
            "layers": tuple(_layer(entry) for entry in data["layers"]),
            "hazards": _hazards(data["hazards"]),
            "classes": {name: SurfaceClass(**entry) for name, entry in data["classes"].items()},
            "model": ModelVersion(**data["model"]),
            "area_error": None if error is None else AreaError(**{**error, "area_sd": dict(error["area_sd"])}),
            "doubts": tuple(Doubt(**entry) for entry in data["doubts"]),
            "forms_known": tuple(data["forms_known"]),
        }
    )


def _layer(entry: dict[str, Any]) -> LayerObservation:
    mass = entry["mass_kg"]
    return LayerObservation(
        **{
            **entry,
            "forms": dict(entry["forms"]),
            "contaminants": dict(entry["contaminants"]),
            "hazards": _hazards(entry["hazards"]),
            "mass_kg": None if mass is None else Decimal(mass),
        }
    )


def _hazards(entries: list[dict[str, Any]]) -> tuple[HazardSighting, ...]:
    return tuple(HazardSighting(**{**entry, "box": tuple(entry["box"])}) for entry in entries)
