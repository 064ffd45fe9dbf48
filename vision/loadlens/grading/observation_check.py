"""Whether observations can be true: those that are stored may have been edited by hand, or damaged."""

import math
from collections.abc import Iterable, Mapping

from loadlens.grading.observation import AreaError, HazardSighting, LayerObservation, LoadObservation, SurfaceClass

_SUM_TOLERANCE = 1e-3


class ObservationError(ValueError):
    """Observations that contradict themselves: the message names the layer and the figure."""


def check_observation(observation: LoadObservation) -> None:
    """Raise ObservationError for a figure that cannot be, or figures that contradict each other."""
    for name, about in observation.classes.items():
        _check_class(name, about)
    _check_shares("the load", {"coverage": observation.coverage, "duplicate_area": observation.duplicate_area})
    if observation.area_error is not None:
        _check_error(observation.area_error)
    _check_hazards("the load", observation.hazards)
    for layer in observation.layers:
        _check_layer(layer, observation.classes)


def _check_layer(layer: LayerObservation, classes: Mapping[str, SurfaceClass]) -> None:
    where = f"layer {layer.index}"
    for kind, shares in (("form", layer.forms), ("contaminant", layer.contaminants)):
        for name in shares:
            if name not in classes or classes[name].kind != kind:
                raise ObservationError(f"{where}: {name!r} is no {kind} among the observation's classes")
    parts = {**layer.forms, **layer.contaminants, "unknown": layer.unknown}
    _check_shares(where, parts)
    total = math.fsum(parts.values())
    if abs(total - 1) > _SUM_TOLERANCE:
        raise ObservationError(f"{where}: forms, contaminants and unknown sum to {total:.4f}, not to 1")
    _check_shares(where, {name: getattr(layer, name) for name in ("new_area", "visible", "confidence")})
    _check_finite(where, {name: getattr(layer, name) for name in ("start_s", "end_s", "key_frame_s")})
    _check_hazards(where, layer.hazards)
    if layer.mass_kg is not None and not (layer.mass_kg.is_finite() and layer.mass_kg >= 0):
        raise ObservationError(f"{where}: the mass of the grab is {layer.mass_kg} kg")


def _check_class(name: str, about: SurfaceClass) -> None:
    densities = (about.density_low, about.density, about.density_high)
    if about.id != name:
        raise ObservationError(f"class {name!r} calls itself {about.id!r}")
    if not (all(map(math.isfinite, densities)) and 0 <= about.density_low <= about.density <= about.density_high):
        raise ObservationError(f"class {name!r}: densities {densities} do not rise from 0")


def _check_error(error: AreaError) -> None:
    where = "the area error"
    _check_finite(where, {"low_quantile": error.low_quantile, "high_quantile": error.high_quantile})
    _check_shares(where, {**error.area_sd, "default_sd": error.default_sd, "level": error.level})
    _check_finite(where, {"relative_sd": error.relative_sd})
    if error.relative_sd < 0:
        raise ObservationError(f"{where}: relative_sd is {error.relative_sd}, below 0")


def _check_hazards(where: str, hazards: Iterable[HazardSighting]) -> None:
    for hazard in hazards:
        _check_finite(f"{where}: {hazard.class_id}", {"score": hazard.score, "frame_s": hazard.frame_s})


def _check_shares(where: str, shares: Mapping[str, float]) -> None:
    _check_finite(where, shares)
    for name, share in shares.items():
        if not 0 <= share <= 1 + _SUM_TOLERANCE:
            raise ObservationError(f"{where}: {name} is {share}, outside 0..1")


def _check_finite(where: str, figures: Mapping[str, float]) -> None:
    for name, figure in figures.items():
        if not (isinstance(figure, int | float) and math.isfinite(figure)):
            raise ObservationError(f"{where}: {name} is {figure!r}, no figure that can be")
