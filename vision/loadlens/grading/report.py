"""An assessment as plain data: the report that programs read, and the lines that people read.

The only place where numbers are rounded for reading: shares to six decimals, masses to grams, seconds to thousandths.
"""

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from loadlens.grading.deduction import Deduction, Item, total_mass
from loadlens.grading.observation import HazardSighting, number_of
from loadlens.grading.quantity import Mass, round_to
from loadlens.grading.standard import UNGRADED

if TYPE_CHECKING:
    from loadlens.grading.assessment import LoadAssessment
    from loadlens.grading.composition import LayerComposition, Shares
    from loadlens.grading.correction import LayerCorrection

SCHEMA = "loadlens.report/1"
# A share of the net that is read as 0.01 %; what is less is told in one line, unless all of it is 30 g of 30 t.
_LEAST_TOLD, _NOTHING = 5e-5, 1e-6


def report(assessment: "LoadAssessment") -> dict[str, Any]:
    """The report as JSON-ready data, schema "loadlens.report/1"; kg are None without weights."""
    observation, standard = assessment.observation, assessment.standard
    return {
        "schema": SCHEMA,
        "load": {
            "id": observation.load_id,
            "source": observation.source,
            "started_at": observation.started_at,
            "frames_seen": observation.frames_seen,
            "frames_used": observation.frames_used,
            "declared": assessment.declared,
            "coverage": _share(observation.coverage),
            "duplicate_area": _share(observation.duplicate_area),
        },
        "versions": {
            "software": observation.software,
            "model": {
                "name": observation.model.name,
                "version": observation.model.version,
                "sha256": observation.model.sha256,
            },
            "standard": {"id": standard.id, "version": standard.version, "sha256": standard.sha256},
            **_calibration(assessment),
        },
        "layers": [_layer(assessment, layer) for layer in assessment.composition.layers],
        "truck": _truck(assessment),
        "explain": explain(assessment),
    }


def _calibration(assessment: "LoadAssessment") -> dict[str, Any]:
    """The site's calibration; no word of it where none was given, as in reports made before there were any."""
    site = assessment.composition.calibration
    return {} if site is None else {"calibration": {"site": site.site, "sha256": site.sha256}}


def _layer(assessment: "LoadAssessment", layer: "LayerComposition") -> dict[str, Any]:
    seen = layer.seen
    return {
        "index": seen.index,
        "start_s": _seconds(seen.start_s),
        "end_s": _seconds(seen.end_s),
        "key_frame_s": _seconds(seen.key_frame_s),
        "key_frame_sha256": seen.key_frame_sha256,
        "new_area": _share(seen.new_area),
        "visible": _share(seen.visible),
        "weight": _share(layer.weight),
        "forms": _shares(seen.forms),
        "grades": _grades(layer.grades, layer.ungraded),
        "contaminants": {
            name: {"area": _share(seen.contaminants[name]), "mass": _share(layer.mass[name])}
            for name in sorted(seen.contaminants)
        },
        "hazards": [_hazard(hazard) for hazard in seen.hazards],
        "unknown": _share(seen.unknown),
        "confidence": _share(seen.confidence),
        "overlay": None,
        **_correction(assessment, seen.index),
    }


def _correction(assessment: "LoadAssessment", index: int) -> dict[str, Any]:
    """What a person has corrected in a layer, beside what the eye had seen; no word of it where nobody has."""
    correction = assessment.corrected.applied.get(index)
    if correction is None:
        return {}
    before = next(layer for layer in assessment.observation.layers if layer.index == index)
    return {
        "corrected": {
            "grade": correction.grade,
            "regions": [region.label for region in correction.regions],
            "contaminants": _shares(correction.contaminants),
            "seen": {
                "forms": _shares(before.forms),
                "contaminants": _shares(before.contaminants),
                "unknown": _share(before.unknown),
            },
        }
    }


def _truck(assessment: "LoadAssessment") -> dict[str, Any]:
    composition = assessment.composition
    weights = assessment.weights
    uncertainty = weights.scale_uncertainty() if weights else None
    measured = composition.calibration or assessment.observation.area_error
    return {
        "grade": assessment.grade,
        "main_grade": composition.main_grade,
        "grades": _grades(composition.grades, composition.ungraded),
        "forms": _shares(composition.forms),
        "families": _shares(composition.families),
        "unknown": _share(composition.unknown),
        "confidence": _share(composition.confidence),
        "weighted_by": composition.weighted_by,
        "contaminants": {name: _contaminant(assessment, name) for name in assessment.contaminants},
        "deduction": {
            **_deduction(assessment.deduction),
            "coverage_level": measured and measured.level,
            "scale_uncertainty_kg": _kg(uncertainty),
        },
        "net_kg": _kg(weights.net if weights else None),
        "settlement_kg": _kg(assessment.settlement),
        "hazards": [_hazard(hazard) for hazard in assessment.hazards],
        "flags": [{"code": flag.code, "level": flag.level, "why": flag.why} for flag in assessment.flags],
        "decision": assessment.decision,
    }


def _contaminant(assessment: "LoadAssessment", name: str) -> dict[str, float | None]:
    mass = assessment.contaminants[name]
    net = assessment.weights.net if assessment.weights else None
    return {
        "area": _share(assessment.composition.contaminants.get(name, 0.0)),
        "mass": _share(mass.share),
        "mass_low": None if mass.low is None else _share(mass.low),
        "mass_high": None if mass.high is None else _share(mass.high),
        "kg": _kg_of(net, mass.share),
        "kg_low": _kg_of(net, mass.low),
        "kg_high": _kg_of(net, mass.high),
    }


def _deduction(deduction: Deduction) -> dict[str, Any]:
    causes: dict[str, dict[str, Any]] = {}
    for cause in dict.fromkeys(item.cause for item in deduction.items):
        causes[cause] = _cause([item for item in deduction.items if item.cause == cause])
    limit = deduction.tolerated.limit
    return {
        "kg": _kg(deduction.mass),
        "kg_low": _kg(deduction.low),
        "kg_high": _kg(deduction.high),
        "percent_of_net": _percent(deduction.share),
        "percent_low": _percent(deduction.share_low),
        "percent_high": _percent(deduction.share_high),
        "by_cause": causes,
        "tolerance": {
            "policy": deduction.tolerated.policy,
            "limit_percent": None if limit is None else float(limit.value),
            "limit_verified": None if limit is None else limit.verified,
            "limit_decides": deduction.tolerated.decided,
            "inclusions_percent": _percent(Decimal(str(deduction.tolerated.inclusions.share))),
        },
    }


def _cause(items: list[Item]) -> dict[str, Any]:
    """The items of one cause summed; only picked items come in several."""
    weighed = items[0].mass is not None
    calibrated = items[0].low is not None
    return {
        "kg": _kg(total_mass(item.mass for item in items)) if weighed else None,
        "kg_low": _kg(total_mass(item.low for item in items)) if calibrated else None,
        "kg_high": _kg(total_mass(item.high for item in items)) if calibrated else None,
        "percent_of_net": _percent(sum((item.share for item in items), Decimal(0))),
        "why": "; ".join(item.why for item in items),
    }


def _hazard(hazard: HazardSighting) -> dict[str, Any]:
    return {
        "class": hazard.class_id,
        "score": _share(hazard.score),
        "box": list(hazard.box),
        "frame_s": _seconds(hazard.frame_s),
        "frame_sha256": hazard.frame_sha256,
    }


def explain(assessment: "LoadAssessment") -> list[str]:
    """Each kilogram traced to a layer and a rule, one plain line each, in the order of reading."""
    composition, deduction, weights = assessment.composition, assessment.deduction, assessment.weights
    weighed_by = f"Layers are weighed by {composition.weighted_by.replace('_', ' ')} ({assessment.standard.id})."
    lines = [weighed_by if composition.layers else "No layer of the load was seen by a camera."]
    if (site := composition.calibration) is not None:
        tilt = f"the last layer of a load counts {site.layer_factors(2)[1] / site.layer_factors(2)[0]:.2f} x the first"
        lines.append(f"Calibrated on {site.tickets} tickets of {site.site} ({site.sha256[:12]}…): {tilt}.")
    for index, correction in sorted(assessment.corrected.applied.items()):
        lines.append(_correction_line(index, correction))
    lines += _contaminant_lines(assessment)
    lines += [_item_line(item) for item in deduction.items]
    total = f"Deduction: {_readable(float(deduction.share))} of the net"
    if deduction.mass is not None:
        total += f" = {deduction.mass}"
    if deduction.low is not None and deduction.high is not None:
        total += f" (between {deduction.low} and {deduction.high})"
    elif deduction.share_low is not None and deduction.share_high is not None:
        total += f" (between {_readable(float(deduction.share_low))} and {_readable(float(deduction.share_high))})"
    uncertainty = weights.scale_uncertainty() if weights else None
    if uncertainty is not None:
        total += f"; the scale itself may be wrong by {uncertainty}"
    lines.append(total + ".")
    if weights is not None and assessment.settlement is not None:
        lines.append(f"Settlement: {weights.net} net - {deduction.mass} = {assessment.settlement}.")
    return lines


def _contaminant_lines(assessment: "LoadAssessment") -> list[str]:
    """Where the impurity comes from: they add up to it, whatever a person judged in place of what was seen."""
    composition, weights = assessment.composition, assessment.weights
    net = weights.net if weights else None
    judged = assessment.judged.contaminants if weights else {}
    lines, little = [], 0.0
    for layer in composition.layers:
        for name in sorted(layer.mass.keys() - judged.keys()):
            share = layer.mass[name] * layer.weight
            if share < _LEAST_TOLD:
                little += share
            else:
                lines.append(_seen_line(assessment, layer, name))
    if little > _NOTHING:
        lines.append(f"Elsewhere, each less than {_readable(_LEAST_TOLD)} of the net: {_amount(net, little)}.")
    for name, mass in sorted(judged.items()):
        lines.append(f"A person judged {name.replace('_', ' ')}: {_grams(mass)} in place of what was seen.")
    if composition.unseen and not judged:
        lines.append(f"Not seen by a camera: {_amount(net, composition.unseen)} of every load of the site.")
    return lines


def _seen_line(assessment: "LoadAssessment", layer: "LayerComposition", name: str) -> str:
    site, net = assessment.composition.calibration, assessment.weights.net if assessment.weights else None
    density = assessment.corrected.observation.classes[name].density
    taught = f" x {site.factor[name]:.3f} (site)" if site and name in site.factor else ""
    return (
        f"Layer {layer.seen.number}: {name.replace('_', ' ')} on {_readable(layer.seen.contaminants[name])} of "
        f"the area x density {density:g} / {layer.density:.3f}{taught} = {_readable(layer.mass[name])} of its "
        f"mass; x weight {layer.weight:.3f} = {_amount(net, layer.mass[name] * layer.weight)}."
    )


def _correction_line(index: int, correction: "LayerCorrection") -> str:
    parts = [f"a region is {region.label.replace('_', ' ')}" for region in correction.regions]
    parts += [
        f"{name.replace('_', ' ')} covers {_readable(share)} of its area"
        for name, share in sorted(correction.contaminants.items())
    ]
    parts += [f"its grade is {correction.grade}"] if correction.grade else []
    return f"Layer {number_of(index)}, as a person corrected it: {'; '.join(parts)}."


def _item_line(item: Item) -> str:
    amount = _readable(float(item.share)) + " of the net" if item.mass is None else f"{_grams(item.mass)}"
    return f"{item.cause.replace('_', ' ').capitalize()}: {amount} ({item.why})."


def _amount(net: Mass | None, share: float) -> str:
    return f"{_readable(share)} of the net" if net is None else f"{float(net.kg) * share:.1f} kg"


def _grams(mass: Mass) -> str:
    return f"{round_to(mass.kg, Decimal('0.1')):.1f} kg"


def _readable(share: float) -> str:
    return f"{100 * share:.2f} %"


def _share(value: float) -> float:
    return round(value, 6)


def _shares(shares: "Shares") -> dict[str, float]:
    return {name: _share(shares[name]) for name in sorted(shares)}


def _grades(grades: "Shares", ungraded: float) -> dict[str, float]:
    """Shares by grade; what this standard has no grade for stands beside them, so that nothing is dropped."""
    return _shares({**grades, UNGRADED: ungraded} if ungraded else grades)


def _seconds(value: float) -> float:
    return round(value, 3)


def _kg(mass: Mass | None) -> float | None:
    return None if mass is None else float(round_to(mass.kg, Decimal("0.001")))


def _kg_of(net: Mass | None, share: float | None) -> float | None:
    return None if net is None or share is None else round(float(net.kg) * share, 3)


def _percent(share: Decimal | None) -> float | None:
    return None if share is None else float(round_to(share * 100, Decimal("0.0001")))
