"""What a person corrects in a layer: kept beside what was seen, never in its place.

    a region        "this is wood": what the eye counted there counts as that class from now on
    contaminants    "wood covers 3 % of this layer": all else shares what is left as it did before
    the grade       "this layer is HRS101": all of its scrap, also what the eye could not name, has that grade

They are applied in this order. A person's look at an area has no measured error, so the interval keeps the width that
the camera's own error gives it.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from loadlens.grading.observation import LayerObservation, LoadObservation, SurfaceClass, number_of

UNKNOWN = "unknown"


class CorrectionError(ValueError):
    """A correction that cannot be applied: the message names the layer, the figure and the remedy."""


@dataclass(frozen=True, slots=True)
class RegionCorrection:
    """A part of a layer that a person names: `label` is a form, a contaminant or UNKNOWN.

    `taken` says what share (0..1) of each class that the layer showed lies in the region, UNKNOWN among them; the
    regions of a layer do not overlap.
    """

    label: str
    taken: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class LayerCorrection:
    """What a person corrects in the layer of this number, whose key frame has this digest.

    `contaminants` are shares 0..1 of its newly exposed visible surface, `grade` is a grade of the standard.
    """

    layer: int
    key_frame_sha256: str
    regions: tuple[RegionCorrection, ...] = ()
    contaminants: Mapping[str, float] = field(default_factory=dict)
    grade: str | None = None


@dataclass(frozen=True, slots=True)
class Corrections:
    """All that a person corrects in the layers of a load; `classes` are those named that the model does not know."""

    layers: tuple[LayerCorrection, ...] = ()
    classes: Mapping[str, SurfaceClass] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Corrected:
    """An observation as corrected. `grades` are those that a person gave, by layer; `applied` the corrections that fit,
    by layer; `unfit` the numbers of layers that show something else than was corrected."""

    observation: LoadObservation
    grades: Mapping[int, str]
    applied: Mapping[int, LayerCorrection]
    unfit: tuple[int, ...]


def correct_layers(observation: LoadObservation, corrections: Corrections) -> Corrected:
    """Apply corrections to what was seen. A layer is known again by its number and its key frame: a load that was
    watched once more may have others. Raises CorrectionError where a correction contradicts itself."""
    by_layer: dict[int, LayerCorrection] = {}
    for correction in corrections.layers:
        if correction.layer in by_layer:
            raise CorrectionError(f"layer {number_of(correction.layer)} is corrected twice; say it once")
        by_layer[correction.layer] = correction
    classes = {**corrections.classes, **observation.classes}
    applied = {
        layer.index: by_layer[layer.index]
        for layer in observation.layers
        if layer.index in by_layer and by_layer[layer.index].key_frame_sha256 == layer.key_frame_sha256
    }
    layers = tuple(
        _corrected(layer, applied[layer.index], classes) if layer.index in applied else layer
        for layer in observation.layers
    )
    return Corrected(
        observation=replace(observation, layers=layers, classes=classes) if applied else observation,
        grades={index: one.grade for index, one in applied.items() if one.grade is not None},
        applied=applied,
        unfit=tuple(sorted(by_layer.keys() - applied.keys())),
    )


def _corrected(
    layer: LayerObservation, correction: LayerCorrection, classes: Mapping[str, SurfaceClass]
) -> LayerObservation:
    where = f"layer {layer.number}"
    shares = {**layer.forms, **layer.contaminants, UNKNOWN: layer.unknown}
    _check_regions(where, correction.regions, classes)
    taken = {name: math.fsum(region.taken.get(name, 0.0) for region in correction.regions) for name in shares}
    if any(share > 1 + 1e-6 for share in taken.values()):
        raise CorrectionError(f"{where}: the regions overlap; they take more of a class than there is")
    named = [
        (region.label, math.fsum(shares[name] * share for name, share in region.taken.items() if name in shares))
        for region in correction.regions
    ]
    shares = {name: share * max(0.0, 1 - taken[name]) for name, share in shares.items()}
    for label, area in named:
        shares[label] = shares.get(label, 0.0) + area
    shares = _with_contaminants(where, shares, correction.contaminants, classes)
    unknown = shares.pop(UNKNOWN)
    return replace(
        layer,
        forms={name: share for name, share in shares.items() if classes[name].kind == "form"},
        contaminants={name: share for name, share in shares.items() if classes[name].kind == "contaminant"},
        unknown=unknown,
    )


def _check_regions(where: str, regions: Iterable[RegionCorrection], classes: Mapping[str, SurfaceClass]) -> None:
    for region in regions:
        known = classes.get(region.label)
        if region.label != UNKNOWN and (known is None or known.kind not in ("form", "contaminant")):
            raise CorrectionError(f"{where}: {region.label!r} is no form and no contaminant; choose one")
        if not all(math.isfinite(share) and 0 <= share <= 1 for share in region.taken.values()):
            raise CorrectionError(f"{where}: a region takes a share outside 0..1")


def _with_contaminants(
    where: str, shares: Mapping[str, float], said: Mapping[str, float], classes: Mapping[str, SurfaceClass]
) -> dict[str, float]:
    """The shares with some contaminants as a person says; all else is scaled to what these leave."""
    for name, share in said.items():
        if name not in classes or classes[name].kind != "contaminant":
            raise CorrectionError(f"{where}: {name!r} is no contaminant; choose one")
        if not (math.isfinite(share) and 0 <= share <= 1):
            raise CorrectionError(f"{where}: {name} on {share:.2%} of the area; give 0 to 100 %")
    left = 1 - math.fsum(said.values())
    if left < -1e-9:
        raise CorrectionError(
            f"{where}: the contaminants cover {1 - left:.2%} of the area; they cannot cover more than it"
        )
    others = {name: share for name, share in shares.items() if name not in said}
    before = math.fsum(others.values())
    if before <= 0:  # the eye saw nothing but these: what they no longer cover nobody has named
        return {**others, **said, UNKNOWN: max(0.0, left)}
    return {**{name: share * max(0.0, left) / before for name, share in others.items()}, **said}
