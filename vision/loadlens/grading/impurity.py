"""How much of the net mass is contaminants, and how wrong that may be.

The estimate is the mass share R = sum over layers of weight x sum over contaminants of (area x density) / (mean
density of the layer). Its sigma is first-order error propagation of two independent errors for each contaminant:
- the area error of the model, a_c + r x area: a part that is always there and one that grows with what is seen, as the
  error of an instrument is told; of one sign in every layer (one camera, one light, one material, so errors do not
  average out over layers);
- the density, known as a range low..high, read as the middle 90 % of a normal error: (high - low) / (2 x 1.645).
Split-conformal quantiles of (truth - R) / sigma on held-out loads then make the interval honest whatever the shape
of the errors; sigma only has to say which loads are harder than others.

With a site's calibration both come from there: what its tickets taught of the mass, and how far they lay from it.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from loadlens.grading.calibration import SiteCalibration
from loadlens.grading.composition import Composition, LayerComposition, check_calibration, compose
from loadlens.grading.observation import AreaError, LoadObservation, SurfaceClass
from loadlens.grading.observation_check import ObservationError
from loadlens.grading.standard import Standard

_Z90 = 1.645


@dataclass(frozen=True, slots=True)
class ShareInterval:
    """A share of the net mass with its interval; `low` and `high` are None where nothing was calibrated or seen."""

    share: float
    low: float | None
    high: float | None


def impurity_estimate(
    observation: LoadObservation, standard: Standard, calibration: SiteCalibration | None = None
) -> tuple[float, float]:
    """The contaminants' share of the net mass and its sigma, exactly as `assess_load` uses them.

    Without `area_error` the sigma holds the density error alone: calibration data must carry the area errors that
    the model file will carry. Raises ObservationError, CalibrationError.
    """
    check_calibration(calibration, observation, standard)
    composition = compose(observation, standard, calibration)
    sigmas = sigma_by_class(composition, observation.classes, observation.area_error)
    return composition.impurity, math.hypot(_unseen_sd(composition), *sigmas.values())


def impurity_intervals(
    composition: Composition, observation: LoadObservation, weighed: Mapping[str, float]
) -> tuple[ShareInterval, dict[str, ShareInterval]]:
    """The impurity of the truck and of each contaminant with intervals, all shares of the net mass.

    `weighed` are shares that a person has measured: they take the place of the estimates and have no error of the
    camera. Once a person has weighed something, nothing is added for what no camera sees: it may be what was weighed.
    The quantiles were measured on the total; for a single contaminant they are the best guess there is.
    Raises ObservationError where a weighed class is no contaminant that the model knows.
    """
    sigmas = sigma_by_class(composition, observation.classes, observation.area_error)
    if unknown := sorted(weighed.keys() - sigmas.keys()):
        known = ", ".join(sigmas)
        raise ObservationError(
            f"{', '.join(unknown)}: no contaminant of the model (it knows {known}); give it as an item"
        )
    sigmas |= dict.fromkeys(weighed, 0.0)
    shares = dict(sorted({**composition.mass, **weighed}.items()))
    unseen, unseen_sd = (0.0, 0.0) if weighed else (composition.unseen, _unseen_sd(composition))
    # Perhaps more than the net, where a person's figure is wrong: the deduction caps it, in sight.
    impurity = math.fsum([unseen, *shares.values()])
    # Where no layer was seen there is nothing to be uncertain about: 0 is no estimate, and has no interval.
    measured = (composition.calibration or observation.area_error) if composition.layers else None
    total = _interval(impurity, math.hypot(unseen_sd, *sigmas.values()), measured)
    return total, {name: _interval(share, sigmas[name], measured) for name, share in shares.items()}


def sigma_by_class(
    composition: Composition, classes: Mapping[str, SurfaceClass], error: AreaError | None
) -> dict[str, float]:
    """The sigma of every contaminant's mass share, for all contaminants the model knows, seen or not."""
    contaminants = sorted(name for name, about in classes.items() if about.kind == "contaminant")
    if (site := composition.calibration) is not None:
        return {name: site.relative_sd * composition.mass.get(name, 0.0) for name in contaminants}
    impure = [(layer, math.fsum(layer.mass.values())) for layer in composition.layers if layer.density > 0]
    return {name: _sigma(impure, classes[name], error) for name in contaminants}


def _sigma(impure: list[tuple[LayerComposition, float]], about: SurfaceClass, error: AreaError | None) -> float:
    """The sigma of one class; `impure` are the layers with the impurity of each, 0..1."""
    density_sd = (about.density_high - about.density_low) / (2 * _Z90)
    by_area, by_density = [], []
    for layer, impurity in impure:
        seen = layer.seen.contaminants.get(about.id, 0.0)
        area_sd = 0.0 if error is None else error.area_sd.get(about.id, error.default_sd) + error.relative_sd * seen
        # Area taken from clean scrap (density 1) changes the layer's impurity q by (d + q (1 - d)) / density.
        by_area.append(area_sd * layer.weight * (about.density + impurity * (1 - about.density)) / layer.density)
        by_density.append(layer.weight * seen * (1 - impurity) / layer.density)
    return math.hypot(math.fsum(by_area), density_sd * math.fsum(by_density))


def _unseen_sd(composition: Composition) -> float:
    return composition.calibration.unseen_sd if composition.calibration and composition.layers else 0.0


def _interval(share: float, sigma: float, measured: AreaError | SiteCalibration | None) -> ShareInterval:
    """The conformal interval, inside 0..1 but for the estimate itself, which it always holds."""
    if measured is None:
        return ShareInterval(share, None, None)
    low = min(share, max(0.0, share + sigma * measured.low_quantile))
    high = max(share, min(1.0, share + sigma * measured.high_quantile))
    return ShareInterval(share, low, high)
