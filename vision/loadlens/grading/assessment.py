"""assess_load: what was seen, under one standard, becomes a grade, a deduction, flags and a decision.

A pure function: the same observations, standard, calibration, weights and judgements give the same bytes, on any
machine, years later. No clock, no file, no random number.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from loadlens.grading.calibration import SiteCalibration
from loadlens.grading.composition import Composition, check_calibration, compose
from loadlens.grading.correction import Corrected, CorrectionError, Corrections, correct_layers
from loadlens.grading.deduction import Deduction, Judged, deduct
from loadlens.grading.flags import (
    Decision,
    Flag,
    correction_flags,
    decide,
    deduction_flags,
    grab_flags,
    grade_flags,
    hazard_flags,
    percent_beside,
    same_grade,
    seeing_flags,
    standard_flags,
)
from loadlens.grading.impurity import ShareInterval, impurity_estimate, impurity_intervals
from loadlens.grading.observation import HazardSighting, LoadObservation, in_time
from loadlens.grading.observation_check import ObservationError
from loadlens.grading.quantity import Mass, exact
from loadlens.grading.report import explain, report
from loadlens.grading.standard import Downgrade, Figure, Standard
from loadlens.grading.weighing import Weights

__all__ = ["LoadAssessment", "ObservationError", "assess_load", "impurity_estimate"]


@dataclass(frozen=True, slots=True)
class LoadAssessment:
    """The result of one load under one standard, with everything it rests on.

    `grade` is the truck's grade after downgrades (None: nothing gradable), `contaminants` the share of the net mass
    of each with its interval, `hazards` every sighting once. `observation` is what was seen, `corrected` what a person
    has made of that.
    """

    observation: LoadObservation
    corrected: Corrected
    standard: Standard
    weights: Weights | None
    declared: str | None
    judged: Judged
    composition: Composition
    grade: str | None
    contaminants: dict[str, ShareInterval]
    deduction: Deduction
    hazards: tuple[HazardSighting, ...]
    flags: tuple[Flag, ...]
    decision: Decision

    @property
    def settlement(self) -> Mass | None:
        """Net minus deduction, never negative; None without weights."""
        if self.weights is None or self.deduction.mass is None:
            return None
        return self.weights.net - self.deduction.mass

    def explain(self) -> list[str]:
        """Each kilogram traced to a layer and a rule, in plain lines."""
        return explain(self)

    def to_report(self) -> dict[str, Any]:
        """The report, "loadlens.report/1"; overlay paths are None, to be filled by whoever writes pictures."""
        return report(self)

    def to_bytes(self) -> bytes:
        """The report as canonical JSON (keys sorted, no spaces, UTF-8): what is hashed and compared."""
        text = json.dumps(report(self), sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
        return text.encode()


def assess_load(
    observation: LoadObservation,
    standard: Standard,
    *,
    weights: Weights | None = None,
    declared: str | None = None,
    judged: Judged | None = None,
    noted: tuple[Flag, ...] = (),
    calibration: SiteCalibration | None = None,
    corrections: Corrections | None = None,
) -> LoadAssessment:
    """Assess a load. Raises ObservationError where the observations contradict themselves, CalibrationError where the
    site's `calibration` is not for them (None: areas count as the classes' densities say), CorrectionError where
    `corrections` of its layers cannot be applied.

    Without `weights` every mass is None and percentages remain. `declared` is the grade the supplier names, `judged`
    what people measured beside the camera, `noted` reasons to look that come from elsewhere (a radiation portal).
    """
    entered = judged or Judged()
    check_calibration(calibration, observation, standard)
    corrected = correct_layers(observation, corrections or Corrections())
    if unknown := sorted({code for code in corrected.grades.values() if standard.grade(code) is None}):
        raise CorrectionError(f"{', '.join(unknown)}: no grade of {standard.id}; choose one of its own")
    seen = corrected.observation
    composition = compose(seen, standard, calibration, corrected.grades)
    weighed = {name: float(mass.per(weights.net)) for name, mass in entered.contaminants.items()} if weights else {}
    impurity, contaminants = impurity_intervals(composition, seen, weighed)
    deduction = deduct(impurity, _limit(composition, standard, declared), standard, weights, entered)
    grade, lowered = _downgraded(composition, deduction, standard)
    hazards = _every_hazard(observation)
    flags = (
        *hazard_flags(hazards),
        *correction_flags(corrected),
        *seeing_flags(seen, composition, standard),
        *standard_flags(seen, composition, standard),
        *grab_flags(composition, weights),
        *lowered,
        *grade_flags(composition, standard, grade, declared, observation.forms_known),
        *deduction_flags(deduction, observation, standard, weights, entered, calibration=calibration),
        *noted,
    )
    return LoadAssessment(
        observation=observation,
        corrected=corrected,
        standard=standard,
        weights=weights,
        declared=declared,
        judged=entered,
        composition=composition,
        grade=grade,
        contaminants=contaminants,
        deduction=deduction,
        hazards=hazards,
        flags=flags,
        decision=decide(flags),
    )


def _limit(composition: Composition, standard: Standard, declared: str | None) -> Figure | None:
    """The inclusion limit of the main grade; of the declared grade where that is a member of the main group."""
    main = composition.main_grade
    if main is None:
        return standard.lot_limit
    if declared is not None and standard.grade(declared) is not None and same_grade(standard, main, declared):
        return standard.inclusion_limit(declared) or standard.inclusion_limit(main)
    return standard.inclusion_limit(main)


def _downgraded(
    composition: Composition, deduction: Deduction, standard: Standard
) -> tuple[str | None, tuple[Flag, ...]]:
    """The truck's grade after every downgrade rule that applies, and a flag for each."""
    grade = composition.main_grade
    if grade is None:
        return None, ()
    ladder = standard.rules.grade_order
    flags: list[Flag] = []
    for rule in standard.downgrades:
        limit = rule.above or deduction.tolerated.limit
        if limit is None:
            continue
        if grade in ladder[:-1] and standard.decides(limit):
            flags += _either_way(rule, deduction, limit)
        share = _measured(rule, composition, deduction)
        if exact(share) <= limit.value / 100:
            continue
        found = f"{rule.why}: {percent_beside(share, limit.value)} is above {limit.value} %"
        if not standard.decides(limit):
            flags.append(Flag("downgrade_unverified", "review", f"{found}, but that figure is unverified"))
        elif grade not in ladder:
            flags.append(Flag("downgrade_impossible", "review", f"{found}, but {grade} is not in the grade order"))
        elif grade == ladder[-1]:
            flags.append(Flag("downgrade_impossible", "review", f"{found}, but {grade} is the lowest of the order"))
        else:
            lower = ladder[min(ladder.index(grade) + rule.steps, len(ladder) - 1)]
            flags.append(Flag("downgraded", "review", f"{found}, so {grade} becomes {lower}"))
            grade = lower
    return grade, tuple(flags)


def _either_way(rule: Downgrade, deduction: Deduction, limit: Figure) -> Iterator[Flag]:
    """A doubt where the interval of the inclusions leaves open whether a rule lowers the grade."""
    low, high = deduction.tolerated.inclusions.low, deduction.tolerated.inclusions.high
    if rule.of != ("impurity",) or low is None or high is None:
        return
    if exact(low) <= limit.value / 100 < exact(high):
        reach = f"inclusions of {100 * low:.2f} % to {100 * high:.2f} %"
        why = f"{rule.why}: {reach} lie on both sides of {limit.value} %, above which the grade is lowered"
        yield Flag("downgrade_uncertain", "review", why)


def _measured(rule: Downgrade, composition: Composition, deduction: Deduction) -> float:
    if rule.of == ("impurity",):
        return deduction.tolerated.inclusions.share
    return sum(composition.forms.get(form, 0.0) for form in rule.of)


def _every_hazard(observation: LoadObservation) -> tuple[HazardSighting, ...]:
    """The hazards of the load and of its layers, each once, in time; a hazard is never lost between the two."""
    seen = {*observation.hazards, *(hazard for layer in observation.layers for hazard in layer.hazards)}
    return tuple(sorted(seen, key=in_time))
