"""Every reason why a person must look at a load, in sentences that a person understands.

A flag is `info` (read it), `review` (a person decides) or `stop` (unloading halts). The decision is the gravest flag,
so nothing averages a hazard away.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Literal

from loadlens.grading.calibration import SiteCalibration
from loadlens.grading.composition import Composition
from loadlens.grading.correction import Corrected
from loadlens.grading.deduction import Deduction, Judged
from loadlens.grading.observation import HazardSighting, LoadObservation, number_of
from loadlens.grading.quantity import ZERO, Mass, exact, round_to
from loadlens.grading.standard import Figure, Gates, Standard
from loadlens.grading.weighing import Weights

# Of fewer divisions rounding to one of them is more than 1 % of the net. Assumed; tonnes taken for kilograms are less.
_LEAST_DIVISIONS = 50
# A share that is read as 0.01 % is told; of a form that is less than 1 % of the load nobody asks what else it could be.
_LEAST_TOLD, _LEAST_DOUBTED = 5e-5, 0.01
# So far may the grabs be from the net weight: crane scales err by about 1 %, and some scrap falls back. Assumed.
_GRABS_OFF = Decimal("0.05")

Level = Literal["info", "review", "stop"]
Decision = Literal["accept", "review", "stop"]


@dataclass(frozen=True, slots=True)
class Flag:
    """One reason to look: a stable code, how grave it is, and why in one plain sentence."""

    code: str
    level: Level
    why: str


def decide(flags: Iterable[Flag]) -> Decision:
    """The gravest flag decides: stop before review before accept."""
    levels = {flag.level for flag in flags}
    if "stop" in levels:
        return "stop"
    return "review" if "review" in levels else "accept"


def hazard_flags(hazards: Iterable[HazardSighting]) -> Iterator[Flag]:
    """One stop flag for every class of hazard seen."""
    by_class: dict[str, list[HazardSighting]] = {}
    for hazard in hazards:
        by_class.setdefault(hazard.class_id, []).append(hazard)
    for name, seen in sorted(by_class.items()):
        first = min(seen, key=lambda hazard: hazard.frame_s)
        times = "once" if len(seen) == 1 else f"{len(seen)} times"
        why = f"{name.replace('_', ' ')} seen {times}, first at {first.frame_s:.1f} s (score {first.score:.2f}): "
        yield Flag("hazard", "stop", why + "stop unloading and look")


def correction_flags(corrected: Corrected) -> Iterator[Flag]:
    """That a person has corrected layers, and where such a correction is of a layer that is no longer there."""
    if corrected.applied:
        layers = ", ".join(str(number_of(index)) for index in sorted(corrected.applied))
        yield Flag("layers_corrected", "info", f"a person has corrected what was seen in layer {layers}")
    if corrected.unfit:
        layers = ", ".join(str(number_of(index)) for index in corrected.unfit)
        why = f"the load was watched again, and layer {layers} is another than a person had corrected; correct it anew"
        yield Flag("correction_unfit", "review", why)


def seeing_flags(observation: LoadObservation, composition: Composition, standard: Standard) -> Iterator[Flag]:
    """Doubts about what was seen: gates of quality, and what the eye itself reports."""
    if not observation.layers:
        yield Flag("no_layers", "review", "no layer of the load was seen, so nothing could be graded")
    else:
        yield from _gate_flags(observation, composition, standard.gates)
    for doubt in sorted(observation.doubts, key=lambda doubt: doubt.code):
        yield Flag(doubt.code, "review", doubt.why)


def standard_flags(observation: LoadObservation, composition: Composition, standard: Standard) -> Iterator[Flag]:
    """Doubts about the standard: its dates, its unknown figures, and what it has no grade for."""
    yield from _date_flags(observation, standard)
    asked, used = standard.rules.layer_weight, composition.weighted_by
    if used != asked:
        missing = sum(layer.mass_kg is None for layer in observation.layers)
        why = f"{missing} of {len(observation.layers)} layers have no grab mass; they are weighed by area and density"
        yield Flag("grab_mass_missing", "review", why)
    if composition.ungraded >= _LEAST_TOLD:
        share = composition.ungraded
        told = {form for form, part in composition.forms.items() if part >= _LEAST_TOLD and _ungraded(form, standard)}
        forms = sorted(told or (form for form in composition.forms if _ungraded(form, standard)))
        high = share > standard.gates.ungraded_max.share
        why = f"{_percent(share)} of the load has no grade in {standard.id}: {', '.join(forms)}"
        yield Flag("ungraded", "review" if high else "info", why)
    known = set(observation.forms_known)
    blind = sorted(rule.form for rule in standard.forms if rule.grade and rule.form not in known) if known else []
    if blind:
        why = f"the model does not know {', '.join(blind)}; such material is named as something else or unknown"
        yield Flag("forms_outside_model", "info", why)


def grab_flags(composition: Composition, weights: Weights | None) -> Iterator[Flag]:
    """Where layers are weighed by their grabs: what that rests on, and whether the grabs can be the whole load."""
    if composition.weighted_by != "grab_mass" or not composition.layers:
        return
    total = sum((Mass(layer.seen.mass_kg) for layer in composition.layers if layer.seen.mass_kg is not None), ZERO)
    number = len(composition.layers)
    yield Flag("weighed_by_grabs", "info", f"{number} layers are weighed by the crane scale: {total} in all")
    if weights is not None and abs(total.kg - weights.net.kg) > _GRABS_OFF * weights.net.kg:
        why = f"the grabs weigh {total} in all, the load {weights.net}; a grab was not weighed, or not of this load"
        yield Flag("grabs_are_not_the_load", "review", why)


def grade_flags(
    composition: Composition, standard: Standard, grade: str | None, declared: str | None, forms_known: tuple[str, ...]
) -> Iterator[Flag]:
    """Doubts about the truck's grade, and how it compares with the declared one."""
    if composition.layers and grade is None:
        yield Flag("no_grade", "review", f"nothing on the load has a grade in {standard.id} that could name the truck")
    main = standard.grade(composition.main_grade) if composition.main_grade else None
    if main is not None:
        yield from _appearance(composition, standard, main.code)
        if main.verified == "unverified":
            why = f"nobody has read grade {main.code} in a source; check it before it is used"
            yield Flag("grade_unverified", "review", why)
    if declared is None:
        return
    said = standard.grade(declared)
    if said is None:
        yield Flag("declared_unknown", "review", f"the declared grade {declared!r} is not in {standard.id}")
        return
    if grade is not None and not same_grade(standard, grade, declared):
        yield Flag("declared_differs", "review", f"declared {declared}, but the load was graded {grade}")
    forms = [rule.form for rule in standard.forms if rule.grade and same_grade(standard, rule.grade, declared)]
    if forms_known and not set(forms) & set(forms_known):
        yield Flag("declared_not_recognisable", "review", f"the model knows no form that is graded {declared}")


def deduction_flags(
    deduction: Deduction,
    observation: LoadObservation,
    standard: Standard,
    weights: Weights | None,
    judged: Judged,
    *,
    calibration: SiteCalibration | None,
) -> Iterator[Flag]:
    """Doubts about the deduction: its interval, its limit, its weights."""
    if calibration is not None:
        why = f"contaminants count as {calibration.tickets} tickets of {calibration.site} taught"
        yield Flag("site_calibration", "info", why)
    elif observation.area_error is None:
        why = "the model carries no measured errors, so the deduction has no interval (not calibrated)"
        yield Flag("not_calibrated", "review", why)
    elif standard.rules.layer_weight != "area_density":
        why = "the interval was measured with layers weighed by area and density; this standard weighs them otherwise"
        yield Flag("interval_other_policy", "info", why)
    yield from _limit_flags(deduction, standard, seen=bool(observation.layers))
    items = deduction.items
    if any(item.cause == "cap" and item.share for item in items):
        yield Flag("deduction_capped", "review", "the causes add up to more than the net; the deduction was capped")
    if weights is not None and judged.residue.kg and any(item.cause == "impurity" and item.share for item in items):
        why = "the weighed residue is added to what was seen in the layers; the same dirt may be in both"
        yield Flag("residue_added", "info", why)
    if weights is not None and judged.contaminants:
        names = ", ".join(f"{name.replace('_', ' ')} ({mass})" for name, mass in sorted(judged.contaminants.items()))
        yield Flag("contaminants_judged", "info", f"a person's figures stand in place of what was seen: {names}")
    yield from _weight_flags(deduction, weights, judged)


def same_grade(standard: Standard, one: str, other: str) -> bool:
    """Whether two codes are one grade, or one is a group that holds the other."""
    groups = [standard.grade(code) for code in (one, other)]
    members = [set(group.members) if group else set() for group in groups]
    return one == other or other in members[0] or one in members[1]


def _gate_flags(observation: LoadObservation, composition: Composition, gates: Gates) -> Iterator[Flag]:
    if observation.coverage < gates.coverage_min.share:
        seen = percent_beside(observation.coverage, gates.coverage_min.value)
        yield _gate("coverage_low", f"only {seen} of the bed was seen", gates.coverage_min)
    if observation.duplicate_area >= gates.duplicate_max.share:
        seen = percent_beside(observation.duplicate_area, gates.duplicate_max.value)
        yield _gate("duplicate_high", f"{seen} of the graded area may have been graded twice", gates.duplicate_max)
    if composition.unnamed > gates.unknown_max.share:
        seen = percent_beside(composition.unnamed, gates.unknown_max.value)
        yield _gate("unknown_high", f"{seen} of the load could not be named", gates.unknown_max)
    if composition.confidence < gates.confidence_min.share:
        seen = percent_beside(composition.confidence, gates.confidence_min.value)
        yield _gate("confidence_low", f"the model's mean confidence is {seen}", gates.confidence_min)


def percent_beside(share: float, limit: Decimal) -> str:
    """A share 0..1 in percent, with as many decimals as show on which side of a limit in percent it lies."""
    percent = 100 * exact(share)
    for places in range(2, 8):
        shown = round_to(percent, Decimal(1).scaleb(-places))
        if shown.compare(limit) == percent.compare(limit):
            break
    return f"{shown:f} %"


def _limit_flags(deduction: Deduction, standard: Standard, *, seen: bool) -> Iterator[Flag]:
    result = deduction.tolerated
    inclusions, limit = result.inclusions.share, result.limit
    needs_limit = result.policy != "deduct_all"
    if limit is None:
        if needs_limit:
            yield Flag("limit_missing", "review", "the grade has no inclusion limit, so everything was deducted")
    elif not result.decided:
        why = f"the inclusion limit of {limit.value} % was not read in {standard.edition}, so it decided nothing"
        yield Flag("limit_unverified", "review" if needs_limit else "info", why)
    elif result.above:
        # A policy with an allowance has foreseen this; without one the load simply does not meet its grade.
        share = percent_beside(inclusions, limit.value)
        why = f"inclusions of {share} are above the limit of {limit.value} %"
        yield Flag("above_limit", "info" if needs_limit else "review", why)
    elif seen:
        share = percent_beside(inclusions, limit.value)
        yield Flag("within_limit", "info", f"inclusions of {share} are within the limit of {limit.value} %")
    ceiling = standard.rules.return_above
    if result.above_ceiling and ceiling is not None:
        share = percent_beside(inclusions, ceiling.value)
        why = f"inclusions of {share} are above {ceiling.value} %, where the load goes back"
        yield Flag("above_ceiling", "review", why)
    if ceiling is not None and not standard.decides(ceiling):
        yield Flag(
            "ceiling_unverified", "review", f"the ceiling of {ceiling.value} % is unverified and decided nothing"
        )
    if result.straddles_limit or result.straddles_ceiling:
        matters = needs_limit or result.straddles_ceiling
        reach = f"{_percent(result.inclusions.low or 0)} to {_percent(result.inclusions.high or 0)}"
        why = f"inclusions of {reach} lie on both sides of {'the ceiling' if result.straddles_ceiling else 'the limit'}"
        yield Flag("interval_straddles_limit", "review" if matters else "info", why)


def _weight_flags(deduction: Deduction, weights: Weights | None, judged: Judged) -> Iterator[Flag]:
    if weights is None:
        yield Flag("no_weights", "info", "there are no weights, so the deduction is in percent alone")
        if judged.has_masses:
            why = "kilograms were judged but there are no weights; they are not in the deduction yet"
            yield Flag("judged_without_weights", "review", why)
        return
    if weights.division is None:
        yield Flag("division_assumed", "info", f"the scale division is not given; {weights.step} is assumed")
    if weights.net.kg < _LEAST_DIVISIONS * weights.step.kg:
        least = f"{_LEAST_DIVISIONS} divisions of {weights.step}"
        why = f"the net of {weights.net} is less than {least}; were tonnes given?"
        yield Flag("net_too_small", "review", why)
    uncertainty = weights.scale_uncertainty()
    if uncertainty is None:
        why = f"{weights.gross} is more than 10000 divisions of {weights.step}; the scale's own error is not known"
        yield Flag("scale_error_unknown", "review", why)
    elif deduction.mass is not None and deduction.mass < uncertainty:
        why = f"the deduction of {deduction.mass} is below what the scale can show (+-{uncertainty})"
        yield Flag("below_scale_uncertainty", "info", why)


def _date_flags(observation: LoadObservation, standard: Standard) -> Iterator[Flag]:
    try:
        day = date.fromisoformat(observation.started_at[:10])
    except ValueError:
        return  # the load carries no date to hold against the standard's
    if standard.superseded is not None and day >= standard.superseded:
        by = f" by {standard.superseded_by}" if standard.superseded_by else ""
        yield Flag("standard_superseded", "info", f"{standard.edition} is superseded since {standard.superseded}{by}")
    if standard.in_force is not None and day < standard.in_force:
        yield Flag("standard_not_in_force", "info", f"{standard.edition} is in force only from {standard.in_force}")


def _appearance(composition: Composition, standard: Standard, main: str) -> Iterator[Flag]:
    there = {form for form, share in composition.forms.items() if share >= _LEAST_DOUBTED}
    rules = [rule for rule in standard.forms if rule.grade == main and rule.form in there]
    could_be = sorted({code for rule in rules for code in rule.could_be})
    members = standard.grade(main)
    within = f" (one of {', '.join(members.members)})" if members and members.members else ""
    if could_be or within:
        reasons = "; ".join(dict.fromkeys(rule.why for rule in rules if rule.why))
        other = f"; it could also be {', '.join(could_be)}" if could_be else ""
        why = f"{main}{within} is judged from appearance{other}{': ' + reasons if reasons else ''}"
        yield Flag("grade_from_appearance", "info", why)


def _ungraded(form: str, standard: Standard) -> bool:
    rule = standard.form_rule(form)
    return rule is None or rule.grade is None


def _gate(code: str, seen: str, gate: Figure) -> Flag:
    return Flag(code, "review", f"{seen}; the limit is {gate.value} %")


def _percent(share: float) -> str:
    return f"{100 * share:.2f} %"
