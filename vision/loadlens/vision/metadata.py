"""What a model file says of itself: the JSON under the key `loadlens.model`, read strictly.

Free of ONNX Runtime, so that training writes it with the same code that serving reads it with.
"""

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

from loadlens.grading.observation import AreaError
from loadlens.vision.taxonomy import load_taxonomy

METADATA_KEY = "loadlens.model"
SCHEMA = "loadlens.model/1"
_REMEDY = "export it with `loadlens export`"


class ModelError(ValueError):
    """A model file that cannot be used, or metadata that does not say what it must; the message has the remedy."""


@dataclass(frozen=True, slots=True)
class Metric:
    """One held-out number: its value, the ends of its interval, and the number of samples behind it."""

    value: float
    low: float
    high: float
    n: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelMetadata:
    """All that a model must say of itself.

    `class_ids` are taxonomy ids in the order of the output's planes; `stride` and `trained_width` are pixels;
    `calibration` names its method and is otherwise free. `conformal` holds, for every class that was calibrated, the
    quantile of 1 - p (0..1) at coverage `conformal_level`. `hazard_thresholds` has a probability for every hazard
    among the classes, chosen for recall, and `hazard_recall` the share (0..1) of held-out hazards that it finds. Cells
    whose best class stays under `unsure_below` count as unknown; pictures whose out-of-distribution score is over
    `ood_threshold` (None: not measured) are not judged. `area_error` is None where it was not measured: then there is
    no interval. Digests are of the training data and the recipe.
    """

    name: str
    version: str
    class_ids: tuple[str, ...]
    stride: int
    trained_width: int
    calibration: Mapping[str, Any]
    conformal: Mapping[str, float]
    conformal_level: float
    hazard_thresholds: Mapping[str, float]
    hazard_recall: Mapping[str, float]
    unsure_below: float
    ood_threshold: float | None
    area_error: AreaError | None
    data_digest: str
    config_digest: str
    metrics: Mapping[str, Metric]
    software: str

    def to_json(self) -> str:
        """The metadata as the model file holds it. Raises ModelError where `from_json` would refuse it."""
        about = {"schema": SCHEMA, **asdict(self), "class_ids": list(self.class_ids)}
        _refuse_faults(about, "model metadata")
        return json.dumps(about, ensure_ascii=False, allow_nan=False, sort_keys=True)

    @classmethod
    def from_json(cls, text: str, *, name: str = "model metadata") -> Self:
        """Read what `to_json` wrote. Raises ModelError that lists every fault; `name` is what the message is about."""
        try:
            about = json.loads(text, parse_constant=_no_constant)
        except (ValueError, RecursionError) as fault:
            raise ModelError(f"{name}: metadata is not JSON ({fault}); {_REMEDY}") from None
        if not isinstance(about, dict):
            raise ModelError(f"{name}: metadata is not a JSON object; {_REMEDY}")
        _refuse_faults(about, name)
        values = {key: value for key, value in about.items() if key != "schema"}
        values["class_ids"] = tuple(about["class_ids"])
        values["area_error"] = None if about["area_error"] is None else AreaError(**about["area_error"])
        values["metrics"] = {key: Metric(**metric) for key, metric in about["metrics"].items()}
        return cls(**values)


Check = Callable[[Any], str | None]


def _refuse_faults(about: Mapping[str, Any], name: str) -> None:
    lacking = [key for key in _CHECKS if key not in about]
    faults = [f"metadata lacks {', '.join(lacking)}"] if lacking else []
    faults += [f"{key} is not a key of {SCHEMA}" for key in about if key not in _CHECKS]
    found = {key: check(about[key]) for key, check in _CHECKS.items() if key in about}
    faults += [f"{key} {fault}" for key, fault in found.items() if fault]
    if not any(found.get(key, "lacking") for key in ("class_ids", "conformal", "hazard_thresholds")):
        faults += _faults_between(about)
    if faults:
        raise ModelError(f"{name}: {'; '.join(faults)}; {_REMEDY}")


def _faults_between(about: Mapping[str, Any]) -> list[str]:
    """What only shows when keys are compared; each of them is right by itself."""
    class_ids, thresholds = about["class_ids"], about["hazard_thresholds"]
    hazards = [name for name in class_ids if load_taxonomy()[name].kind == "hazard"]
    unset = [name for name in hazards if name not in thresholds]
    faults = [f"hazard_thresholds lacks {', '.join(unset)}"] if unset else []
    faults += [f"hazard_thresholds names {name}, no hazard of this model" for name in thresholds if name not in hazards]
    faults += [
        f"conformal names {name}, no class of this model" for name in about["conformal"] if name not in class_ids
    ]
    return faults


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is not a number")


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _schema(value: Any) -> str | None:
    return None if value == SCHEMA else f"is {value!r}, this software reads {SCHEMA!r}"


def _text(value: Any) -> str | None:
    return None if isinstance(value, str) and value.strip() else "is not text"


def _whole(low: int, high: int) -> Check:
    def check(value: Any) -> str | None:
        right = isinstance(value, int) and not isinstance(value, bool) and low <= value <= high
        return None if right else f"is {value!r}, not a whole number from {low} to {high}"

    return check


def _share(value: Any) -> str | None:
    return None if _is_number(value) and 0 <= value <= 1 else f"is {value!r}, not a number from 0 to 1"


def _or_null(check: Check) -> Check:
    return lambda value: None if value is None else check(value)


def _table_of(check: Check) -> Check:
    def check_table(value: Any) -> str | None:
        if not isinstance(value, dict):
            return "is not an object"
        faults = {key: check(entry) for key, entry in value.items()}
        return "; ".join(f"of {key} {fault}" for key, fault in faults.items() if fault) or None

    return check_table


def _record(**checks: Check) -> Check:
    """An object with exactly these keys."""

    def check(value: Any) -> str | None:
        if not isinstance(value, dict) or set(value) != set(checks):
            return f"is not an object with the keys {', '.join(checks)}"
        faults = {key: check(value[key]) for key, check in checks.items()}
        return "; ".join(f"{key} {fault}" for key, fault in faults.items() if fault) or None

    return check


def _number(value: Any) -> str | None:
    return None if _is_number(value) else f"is {value!r}, not a number"


def _class_ids(value: Any) -> str | None:
    if not isinstance(value, list) or not value or not all(isinstance(name, str) for name in value):
        return "is not a list of class ids"
    unknown = [name for name in value if name not in load_taxonomy()]
    if unknown:
        return f"names {', '.join(unknown)}, not in this software's taxonomy"
    return "names a class twice" if len(set(value)) < len(value) else None


def _calibration(value: Any) -> str | None:
    return None if isinstance(value, dict) and _text(value.get("method")) is None else "does not name its method"


_COUNT = _whole(1, 10**12)
_CHECKS: Mapping[str, Check] = {
    "schema": _schema,
    "name": _text,
    "version": _text,
    "class_ids": _class_ids,
    "stride": _whole(1, 256),
    "trained_width": _whole(1, 8192),
    "calibration": _calibration,
    "conformal": _table_of(_share),
    "conformal_level": _share,
    "hazard_thresholds": _table_of(_share),
    "hazard_recall": _table_of(_share),
    "unsure_below": _share,
    "ood_threshold": _or_null(_share),
    "area_error": _or_null(
        _record(
            area_sd=_table_of(_share),
            default_sd=_share,
            level=_share,
            low_quantile=_number,
            high_quantile=_number,
            n=_COUNT,
        )
    ),
    "data_digest": _text,
    "config_digest": _text,
    "metrics": _table_of(_record(value=_number, low=_number, high=_number, n=_COUNT)),
    "software": _text,
}
