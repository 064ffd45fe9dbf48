"""What the tickets of a site taught: how the contaminants that are seen there become mass.

    impurity = unseen + sum over layers of weight x sum over contaminants of factor x (share of the layer's mass seen)

`factor` says for every contaminant how much more or less of it lies in the load than its seen area makes (1 = as much),
`unseen` what every load of the site has that no camera saw, `depth_trend` how much more the last layer counts than the
first: weights are multiplied by exp(trend x place), places running evenly from -1/2 to 1/2. Nothing is negative, and
more that is seen is never less that is deducted.

A calibration is a JSON file ("loadlens.calibration/1") made by `loadlens train RECIPE --tickets FILE`. It is an input
of grading like the standard: whoever grades names it, and the assessment says its digest.
"""

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from loadlens.grading.standard import LayerWeight

SCHEMA = "loadlens.calibration/1"
# With more, the last layer would count a hundred thousand times as much as the first, or as little: no site is so.
_STEEPEST = 12.0


class CalibrationError(ValueError):
    """A calibration that cannot be used, or not on this load; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class SiteCalibration:
    """A calibration, loaded and checked. Shares 0..1 are of the net mass.

    `factor` is by contaminant class. `level`, `low_quantile` and `high_quantile` are the conformal interval of
    (ticket - estimate) / sigma on tickets that the estimate was not fitted on, `tickets` their number; sigma is the
    root of the squares of `unseen_sd` and of `relative_sd` times every contaminant's share.
    """

    site: str
    sha256: str
    model_sha256: str
    layer_weight: LayerWeight
    factor: Mapping[str, float]
    unseen: float
    depth_trend: float
    unseen_sd: float
    relative_sd: float
    level: float
    low_quantile: float
    high_quantile: float
    tickets: int

    def layer_factors(self, count: int) -> list[float]:
        """What the weights of `count` layers, first to last, are multiplied by; they are then made to sum to 1."""
        places = [index / (count - 1) - 0.5 if count > 1 else 0.0 for index in range(count)]
        return [math.exp(self.depth_trend * place) for place in places]


def load_calibration(path: Path) -> SiteCalibration:
    """Read a calibration file. Raises CalibrationError."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise CalibrationError(f"cannot read the calibration {path}: {error.strerror}") from None
    return parse_calibration(data, name=str(path))


def parse_calibration(data: bytes, *, name: str) -> SiteCalibration:
    """A calibration from the bytes of its file; `name` is for messages. Raises CalibrationError."""
    try:
        said = json.loads(data)
        if said["schema"] != SCHEMA:
            raise CalibrationError(f"{name} is {said['schema']!r}, not {SCHEMA!r}; read it with the version it names")
        found = _calibration(said, hashlib.sha256(data).hexdigest())
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        if isinstance(error, CalibrationError):
            raise
        why = f"{type(error).__name__}: {error}"
        raise CalibrationError(f"{name} is no calibration ({why}); make one with `loadlens train`") from None
    _check(found, name)
    return found


def _calibration(said: dict[str, Any], sha256: str) -> SiteCalibration:
    return SiteCalibration(
        site=str(said["site"]),
        sha256=sha256,
        model_sha256=str(said["model"]["sha256"]),
        layer_weight=said["standard"]["layer_weight"],
        factor={str(name): float(value) for name, value in said["factor"].items()},
        unseen=float(said["unseen"]),
        depth_trend=float(said["depth_trend"]),
        unseen_sd=float(said["interval"]["unseen_sd"]),
        relative_sd=float(said["interval"]["relative_sd"]),
        level=float(said["interval"]["level"]),
        low_quantile=float(said["interval"]["low_quantile"]),
        high_quantile=float(said["interval"]["high_quantile"]),
        tickets=int(said["tickets"]["used"]),
    )


def _check(found: SiteCalibration, name: str) -> None:
    numbers = {
        **{f"factor.{key}": value for key, value in found.factor.items()},
        "unseen": found.unseen,
        "unseen_sd": found.unseen_sd,
        "relative_sd": found.relative_sd,
    }
    for key, value in numbers.items():
        if not (math.isfinite(value) and value >= 0):
            raise CalibrationError(f"{name}: {key} is {value}; it cannot be negative or without end")
    ends = (found.depth_trend, found.low_quantile, found.high_quantile)
    right = abs(found.depth_trend) <= _STEEPEST and all(map(math.isfinite, ends))
    right = right and found.low_quantile <= found.high_quantile and 0 < found.level < 1
    if not right or found.unseen >= 1 or found.tickets < 1:
        raise CalibrationError(f"{name}: its figures contradict themselves; make it again with `loadlens train`")
