"""What a load is made of: forms to grades, layers to the truck.

Every truck share is the mean of the layer shares under the layers' weights, which the report shows, so that anybody
can check it by hand. Sums are exact (`math.fsum`), so neither the order of the layers nor the machine matters.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from loadlens.grading.calibration import CalibrationError, SiteCalibration
from loadlens.grading.observation import LayerObservation, LoadObservation, SurfaceClass
from loadlens.grading.observation_check import check_observation
from loadlens.grading.standard import UNGRADED, LayerWeight, Standard

Shares = Mapping[str, float]
# Two shares nearer than this are a tie; the model is far coarser.
_TIE = 1e-6


@dataclass(frozen=True, slots=True)
class LayerComposition:
    """One layer in the words of a standard.

    `weight` is its part of the truck (all layers sum to 1). `grades` are shares of visible area and with
    `ungraded`, the contaminants' area and `unknown` sum to 1. `mass` is every contaminant's share of the layer's
    mass (times the factor of the site's calibration, where there is one), `density` the mass per area of the layer
    relative to clean scrap. `said` is the grade that a person gave to all scrap of the layer, what is unknown included.
    """

    seen: LayerObservation
    weight: float
    grades: Shares
    ungraded: float
    mass: Shares
    density: float
    said: str | None = None


@dataclass(frozen=True, slots=True)
class Composition:
    """The truck: weighted means of its layers. All shares 0..1; `contaminants` of area, `mass` of the net mass.

    `weighted_by` is the policy that was used; it differs from the standard's only where grab masses are missing.
    A load without layers is all unknown. `calibration` is the site's, where one was given.
    """

    layers: tuple[LayerComposition, ...]
    weighted_by: LayerWeight
    forms: Shares
    families: Shares
    grades: Shares
    ungraded: float
    contaminants: Shares
    mass: Shares
    unknown: float
    confidence: float
    main_grade: str | None
    calibration: SiteCalibration | None = None

    @property
    def unnamed(self) -> float:
        """The share of `unknown` whose grade no person has given either."""
        return math.fsum(layer.weight * layer.seen.unknown for layer in self.layers if layer.said is None)

    @property
    def unseen(self) -> float:
        """The share of the net mass that the site's tickets say no camera sees; 0 without a calibration."""
        return self.calibration.unseen if self.calibration and self.layers else 0.0

    @property
    def impurity(self) -> float:
        """The contaminants' share of the net mass, 0..1."""
        return min(1.0, math.fsum([self.unseen, *self.mass.values()]))


def compose(
    observation: LoadObservation,
    standard: Standard,
    calibration: SiteCalibration | None = None,
    said: Mapping[int, str] | None = None,
) -> Composition:
    """Put the layers together under the standard's rules, and as the site's tickets taught where that is given.

    `said` are the grades that a person gave to all scrap of a layer, by its number. Whether the calibration is for
    this load is for `check_calibration` to say. Raises ObservationError for impossible observations.
    """
    check_observation(observation)
    policy = standard.rules.layer_weight
    if policy == "grab_mass" and any(layer.mass_kg is None for layer in observation.layers):
        policy = "area_density"
    classes = observation.classes
    weights = layer_weights(observation.layers, policy, classes)
    factors: Mapping[str, float] = {}
    if calibration is not None:
        weights, factors = _by_depth(observation.layers, weights, calibration), calibration.factor
    grade_of = {rule.form: rule.grade or UNGRADED for rule in standard.forms}
    layers = tuple(
        _layer((layer, weight), grade_of, classes, factors, said=(said or {}).get(layer.index))
        for layer, weight in zip(observation.layers, weights, strict=True)
    )
    forms = _mean((layer.weight, layer.seen.forms) for layer in layers)
    grades = _mean((layer.weight, layer.grades) for layer in layers)
    return Composition(
        layers=layers,
        weighted_by=policy,
        forms=forms,
        families=_by_family(forms, classes),
        grades=grades,
        ungraded=math.fsum(layer.weight * layer.ungraded for layer in layers),
        contaminants=_mean((layer.weight, layer.seen.contaminants) for layer in layers),
        mass=_mean((layer.weight, layer.mass) for layer in layers),
        unknown=math.fsum(layer.weight * layer.seen.unknown for layer in layers) if layers else 1.0,
        confidence=math.fsum(layer.weight * layer.seen.confidence for layer in layers),
        main_grade=main_grade(grades, standard),
        calibration=calibration,
    )


def layer_weights(
    layers: tuple[LayerObservation, ...], policy: LayerWeight, classes: Mapping[str, SurfaceClass]
) -> tuple[float, ...]:
    """Each layer's part of the truck, summing to 1.

    equal: every layer counts the same. area: by newly exposed area. area_density: by area times the mean density of
    what was seen, relative to clean scrap. grab_mass: by the crane-scale mass of the grabs (every layer must have
    one). Layers that all weigh nothing count the same.
    """
    if policy == "equal":
        raw = [1.0 for _ in layers]
    elif policy == "area":
        raw = [layer.new_area for layer in layers]
    elif policy == "area_density":
        raw = [layer.new_area * mean_density(layer, classes) for layer in layers]
    else:
        raw = [float(layer.mass_kg or 0) for layer in layers]
    total = math.fsum(raw)
    if total <= 0:
        return tuple(1 / len(layers) for _ in layers)
    return tuple(weight / total for weight in raw)


def mean_density(layer: LayerObservation, classes: Mapping[str, SurfaceClass]) -> float:
    """Mass per visible area of a layer relative to clean scrap; what is unknown counts as clean scrap."""
    seen = {**layer.forms, **layer.contaminants}
    return math.fsum([layer.unknown, *(share * classes[name].density for name, share in seen.items())])


def main_grade(grades: Shares, standard: Standard) -> str | None:
    """The grade with the largest share, of those that may be the main grade; ties go by the standard's tie order.

    Where a group and its members were found, of which a person may have named one, they count as the group.
    """
    order = [*standard.rules.tie_order, *(grade.code for grade in standard.grades)]
    allowed = {grade.code for grade in standard.grades if grade.counts_for_main_grade}
    found = _by_group({code: share for code, share in grades.items() if code in allowed and share > 0}, standard)
    if not found:
        return None
    largest = max(found.values())
    return min((code for code, share in found.items() if share >= largest - _TIE), key=order.index)


def _by_group(grades: Shares, standard: Standard) -> Shares:
    """Shares by grade; of several that are one group, or members of it, under the group's code."""
    group_of = {
        member: grade.code for grade in standard.grades if grade.counts_for_main_grade for member in grade.members
    }
    parts: dict[str, list[str]] = {}
    for code in grades:
        parts.setdefault(group_of.get(code, code), []).append(code)
    return {
        group if len(codes) > 1 else codes[0]: math.fsum(grades[code] for code in codes)
        for group, codes in parts.items()
    }


def _by_depth(
    layers: tuple[LayerObservation, ...], weights: tuple[float, ...], calibration: SiteCalibration
) -> tuple[float, ...]:
    """The weights as the calibration tilts them from the first layer to the last, summing to 1."""
    in_time = sorted(range(len(layers)), key=lambda place: (layers[place].start_s, layers[place].index))
    factors = dict(zip(in_time, calibration.layer_factors(len(layers)), strict=True))
    raw = [weight * factors[place] for place, weight in enumerate(weights)]
    return tuple(weight / math.fsum(raw) for weight in raw)


def check_calibration(calibration: SiteCalibration | None, observation: LoadObservation, standard: Standard) -> None:
    """Raise CalibrationError where a site's calibration is not for what a model saw and the standard of the grading."""
    if calibration is None:
        return
    about = f"the calibration of {calibration.site}"
    if calibration.model_sha256 != observation.model.sha256:
        raise CalibrationError(
            f"{about} was fitted on what model {calibration.model_sha256[:12]}… saw, but this load was seen by "
            f"{observation.model.sha256[:12]}…; fit it anew on loads that this model has seen"
        )
    if calibration.layer_weight != standard.rules.layer_weight:
        raise CalibrationError(
            f"{about} was fitted with layers weighed by {calibration.layer_weight}, but {standard.id} weighs them by "
            f"{standard.rules.layer_weight}; fit it anew under {standard.id}"
        )
    contaminants = {name for name, about_class in observation.classes.items() if about_class.kind == "contaminant"}
    if missing := sorted(contaminants - calibration.factor.keys()):
        raise CalibrationError(f"{about} knows no factor for {', '.join(missing)}; fit it anew")


def _layer(
    weighted: tuple[LayerObservation, float],
    grade_of: Mapping[str, str],
    classes: Mapping[str, SurfaceClass],
    factors: Mapping[str, float],
    *,
    said: str | None,
) -> LayerComposition:
    seen, weight = weighted
    by_grade: dict[str, list[float]] = {}
    for form, share in seen.forms.items():
        by_grade.setdefault(grade_of.get(form, UNGRADED), []).append(share)
    density = mean_density(seen, classes)
    mass = {
        name: share * classes[name].density / density * factors.get(name, 1.0) if density else 0.0
        for name, share in seen.contaminants.items()
    }
    ungraded = math.fsum(by_grade.pop(UNGRADED, ()))
    grades = {code: math.fsum(by_grade[code]) for code in sorted(by_grade)}
    if said is not None:
        grades, ungraded = {said: math.fsum([ungraded, seen.unknown, *grades.values()])}, 0.0
    return LayerComposition(seen, weight, grades, ungraded, mass, density, said)


def _mean(weighted: Iterable[tuple[float, Shares]]) -> dict[str, float]:
    """The weighted mean of shares by name, in the order of names, whatever the order of the layers."""
    parts: dict[str, list[float]] = {}
    for weight, shares in weighted:
        for name, share in shares.items():
            parts.setdefault(name, []).append(weight * share)
    return {name: math.fsum(parts[name]) for name in sorted(parts)}


def _by_family(forms: Shares, classes: Mapping[str, SurfaceClass]) -> dict[str, float]:
    parts: dict[str, list[float]] = {}
    for form, share in forms.items():
        parts.setdefault(classes[form].family or "other", []).append(share)
    return {family: math.fsum(parts[family]) for family in sorted(parts)}
