"""What a model file says of itself: the JSON under the key `loadlens.model`, read strictly.

Free of ONNX Runtime, so that training writes it with the same code that serving reads it with.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

from loadlens.grading.observation import AreaError
from loadlens.vision import json_check as check
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
            about = check.read_object(text)
        except ValueError as fault:
            raise ModelError(f"{name}: {fault}; {_REMEDY}") from None
        _refuse_faults(about, name)
        values = {key: value for key, value in about.items() if key != "schema"}
        values["class_ids"] = tuple(about["class_ids"])
        values["area_error"] = None if about["area_error"] is None else AreaError(**about["area_error"])
        values["metrics"] = {key: Metric(**metric) for key, metric in about["metrics"].items()}
        return cls(**values)


def _refuse_faults(about: Mapping[str, Any], name: str) -> None:
    faults = check.faults_of(about, _CHECKS, SCHEMA)
    between = ("class_ids", "conformal", "hazard_thresholds")
    if all(key in about and _CHECKS[key](about[key]) is None for key in between):
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


def _class_ids(value: Any) -> str | None:
    if not isinstance(value, list) or not value or not all(isinstance(name, str) for name in value):
        return "is not a list of class ids"
    unknown = [name for name in value if name not in load_taxonomy()]
    if unknown:
        return f"names {', '.join(unknown)}, not in this software's taxonomy"
    return "names a class twice" if len(set(value)) < len(value) else None


_CHECKS: Mapping[str, check.Check] = {
    "schema": check.exactly(SCHEMA),
    "name": check.text,
    "version": check.text,
    "class_ids": _class_ids,
    "stride": check.whole(1, 256),
    "trained_width": check.whole(1, 8192),
    "calibration": check.method,
    "conformal": check.table_of(check.share),
    "conformal_level": check.share,
    "hazard_thresholds": check.table_of(check.share),
    "hazard_recall": check.table_of(check.share),
    "unsure_below": check.share,
    "ood_threshold": check.or_null(check.share),
    "area_error": check.or_null(
        check.record(
            may_lack=frozenset({"relative_sd"}),  # models from before it was measured
            area_sd=check.table_of(check.share),
            default_sd=check.share,
            level=check.share,
            low_quantile=check.number,
            high_quantile=check.number,
            n=check.count,
            relative_sd=check.not_negative,
        )
    ),
    "data_digest": check.text,
    "config_digest": check.text,
    "metrics": check.metrics,
    "software": check.text,
}
