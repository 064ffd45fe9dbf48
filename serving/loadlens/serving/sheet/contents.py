"""What stands on a ticket or on a supplier's page, ready to be placed: from one version and, if issued, its ticket.

Nothing is computed anew but what a layer cost; every total is that of the stored ticket or report.
"""

import json
from collections.abc import Mapping
from datetime import tzinfo
from decimal import Decimal
from typing import Any, get_args

from loadlens.grading.deduction import Cause
from loadlens.grading.observation import number_of
from loadlens.grading.standard import Standard
from loadlens.serving.load_errors import ConflictError
from loadlens.serving.records.inputs import inputs_from
from loadlens.serving.sentences import reason_told, told
from loadlens.serving.sheet.source import Source, sha256_of
from loadlens.serving.sheet.words import Lang, decimals_of, kilograms, moment, number, percent, words
from loadlens.serving.store.tables import Assessment
from loadlens.vision.taxonomy import load_taxonomy

# Less than this rounds to no kilogram.
_NAMED_FROM_KG = 0.5


def contents(source: Source, lang: Lang, clock: tzinfo | None) -> dict[str, Any]:
    """Texts and figures by name, all as text in one language, times by the yard's clock. Raises ConflictError without
    weights."""
    report, said = json.loads(source.assessment.report), words(lang)
    ticket = None if source.ticket is None else json.loads(source.ticket.body)
    sums = _sums(source.assessment, report) if ticket is None else ticket
    truck = report["truck"]
    about = truck["deduction"]
    level, scale = about["coverage_level"], about["scale_uncertainty_kg"]
    has_interval = sums["deduction"]["kg_low"] is not None and bool(report["layers"])
    return {
        "lang": lang,
        "words": dict(said),
        "heading": _heading(source, ticket, lang),
        "facts": _facts(source, ticket, lang, clock),
        "grade": _grade(source.standard, truck["grade"], lang),
        "gross": kilograms(Decimal(sums["gross_kg"])),
        "tare": kilograms(Decimal(sums["tare_kg"])),
        "net": kilograms(Decimal(sums["net_kg"])),
        "deduction": kilograms(Decimal(sums["deduction"]["kg"])),
        "range": _range(report, sums["deduction"], lang),
        "settlement": kilograms(Decimal(sums["settlement_kg"])),
        "causes": _causes(about["by_cause"], sums["deduction"], lang),
        "notes": [
            said["level"].format(level=percent(level, 0)) if has_interval and level else _no_interval(report, said),
            said["no_scale"] if scale is None else said["scale"].format(kg=kilograms(_exact(scale))),
            said["seen"].format(coverage=percent(report["load"]["coverage"]), unknown=percent(truck["unknown"])),
        ],
        "money": ticket and ticket["money"] and _money(ticket["money"], said),
        "doubts": [told(flag["code"], flag["why"], lang) for flag in truck["flags"] if flag["level"] != "info"],
        "reviews": [_review(review, lang, clock) for review in (ticket["reviews"] if ticket else ())],
        "layers": _layers(source.assessment, report, lang),
        "rests_on": _rests_on(source, report, lang),
    }


def _no_interval(report: Mapping[str, Any], said: Mapping[str, str]) -> str:
    return said["no_interval" if report["layers"] else "nothing_seen"]


def _sums(assessment: Assessment, report: Mapping[str, Any]) -> dict[str, Any]:
    """The masses of a version as its ticket will state them."""
    weights = assessment.inputs and inputs_from(assessment.inputs).weights
    if not weights:
        raise ConflictError(
            f"assessment {assessment.version} of load {assessment.load_id} was made without weights; weigh it first"
        )
    truck = report["truck"]
    return {
        "gross_kg": weights.gross.kg,
        "tare_kg": weights.tare.kg,
        "net_kg": _exact(truck["net_kg"]),
        "deduction": {name: _exact(truck["deduction"][name]) for name in ("kg", "kg_low", "kg_high")},
        "settlement_kg": _exact(truck["settlement_kg"]),
    }


def _heading(source: Source, ticket: Mapping[str, Any] | None, lang: Lang) -> str:
    said = words(lang)
    if ticket is None:
        return f"{said['assessment']} {source.assessment.version}"
    return f"{said['title']} {said['number']} {ticket['number']}"


def _facts(source: Source, ticket: Mapping[str, Any] | None, lang: Lang, clock: tzinfo | None) -> list[list[str]]:
    """What is known of the load, name and value; of a ticket as it said it when it was issued."""
    said, load = words(lang), source.load
    names = ("supplier", "plate", "declared", "lane")
    known = ticket["load"] if ticket else {name: getattr(load, name) for name in names}
    at = (said["issued_at"], ticket["issued_at"]) if ticket else (said["graded_at"], source.assessment.created_at)
    facts = [[said["load"], load.id]]
    facts += [[said[name], known[name]] for name in names if known[name]]
    return [*facts, [at[0], moment(at[1], lang, clock)]]


def _grade(standard: Standard | None, code: str | None, lang: Lang) -> str:
    if code is None:
        return words(lang)["no_grade"]
    grade = standard and standard.grade(code)
    name = grade and (grade.name_zh if lang == "zh" else grade.name_en)
    return f"{code} {name}" if name and name.replace(" ", "") != code else code


def _causes(by_cause: Mapping[str, Any], total: Mapping[str, Any], lang: Lang) -> list[dict[str, str]]:
    """A column of causes that adds up to its last line, every figure with as many decimals as one of them needs."""
    said = words(lang)
    named = [(cause, by_cause[cause]) for cause in get_args(Cause) if cause in by_cause]
    values = [_exact(found[end]) for _, found in named for end in ("kg", "kg_low", "kg_high")]
    decimals = decimals_of([value for value in values if value is not None])

    def row(name: str, found: Mapping[str, Any]) -> dict[str, str]:
        kg, low, high = (_exact(found[end]) for end in ("kg", "kg_low", "kg_high"))
        return {
            "name": name,
            "kg": number(kg, decimals),
            "range": "–" if low == high else _spread(low, high, decimals, lang),
        }

    rows = []
    for cause, found in named:
        # What people wrote of a cause says more than its name; of the others the name says it all.
        why = f": {found['why']}" if cause in ("picked_items", "other") else ""
        rows.append(row(said[f"cause_{cause}"] + why, found))
    return [*rows, row(said["total"], total)]


def _review(review: Mapping[str, Any], lang: Lang, clock: tzinfo | None) -> str:
    decided, reason = words(lang)[f"review_{review['decision']}"], reason_told(review["reason"], lang)
    return f"{decided}: {reason} ({moment(review['at'], lang, clock)})"


def _range(report: Mapping[str, Any], deduction: Mapping[str, Any], lang: Lang) -> str:
    """The interval of the whole deduction, or that it is no estimate; empty where the model gives none."""
    # A report that was made before such loads had no interval has one from 0 to 0.
    if not report["layers"]:
        return words(lang)["not_estimated"]
    if deduction["kg_low"] is None:
        return ""
    low, high = Decimal(deduction["kg_low"]), Decimal(deduction["kg_high"])
    return _spread(low, high, decimals_of([low, high]), lang) + " kg"


def _spread(low: Decimal, high: Decimal, decimals: int, lang: Lang) -> str:
    # What is taken off a deduction, as an allowance is, is greatest at its lower end.
    low, high = sorted((low, high))
    return words(lang)["range"].format(low=number(low, decimals), high=number(high, decimals))


def _money(money: Mapping[str, Any], said: Mapping[str, str]) -> list[list[str]]:
    def amount(text: str) -> str:
        return f"{number(Decimal(text), 2)} {money['currency']}"

    added = [[line["reason"], amount(line["amount"])] for line in money["adjustments"]]
    return [[said["price"], amount(money["price_per_tonne"])], *added, [said["amount"], amount(money["amount"])]]


def _layers(assessment: Assessment, report: Mapping[str, Any], lang: Lang) -> list[dict[str, Any]]:
    """The layers in order; `cost` is what was seen in each that a person has not measured in its place, in kg."""
    said, net = words(lang), report["truck"]["net_kg"] or 0.0
    correction = assessment.inputs and inputs_from(assessment.inputs).correction
    measured = json.loads(correction)["contaminants_kg"] if correction else {}
    layers = []
    for layer in report["layers"]:
        found = layer["contaminants"]
        seen = {name: found[name]["mass"] * layer["weight"] * net for name in found if name not in measured}
        cost = sum(seen.values())
        top = sorted((name for name, kg in seen.items() if kg >= _NAMED_FROM_KG), key=lambda name: -seen[name])
        named = [f"{_class_name(name, lang)} {number(Decimal(seen[name]), 0)} kg" for name in top]
        about = said["layer_kg"].format(kg=f"{number(Decimal(cost), 0)} kg")
        layers.append(
            {
                "index": layer["index"],
                "cost": cost,
                "weight": layer["weight"],
                "name": said["layer"].format(n=number_of(layer["index"])),
                "share": said["layer_share"].format(weight=percent(layer["weight"])),
                "found": f"{about}: {', '.join(named)}" if named else said["layer_clean"],
                "hazards": [_class_name(hazard["class"], lang) for hazard in layer["hazards"]],
                "alt": said["picture"].format(n=number_of(layer["index"])),
            }
        )
    return layers


def costliest(layers: list[dict[str, Any]], most: int) -> list[dict[str, Any]]:
    """The layers that cost most, the dearest first; among equals the one that is more of the load."""
    return sorted(layers, key=lambda layer: (-layer["cost"], -layer["weight"], layer["index"]))[:most]


def _rests_on(source: Source, report: Mapping[str, Any], lang: Lang) -> list[list[str]]:
    said, versions = words(lang), report["versions"]
    standard, model = versions["standard"], versions["model"]
    lines = [
        [said["assessment"], str(source.assessment.version)],
        [said["standard"], f"{standard['id']} {standard['version']}, SHA-256 {standard['sha256']}"],
        [said["model"], f"{model['name']} {model['version']}, SHA-256 {model['sha256']}"],
        [said["software"], f"LoadLens {versions['software']}"],
        [said["digest_report"], sha256_of(source.assessment.report)],
    ]
    return lines if source.ticket is None else [*lines, [said["digest_ticket"], sha256_of(source.ticket.body)]]


def _class_name(class_id: str, lang: Lang) -> str:
    taxonomy = load_taxonomy()
    if class_id not in taxonomy:
        return class_id
    return taxonomy[class_id].name_zh if lang == "zh" else taxonomy[class_id].name_en


def _exact(kg: float | None) -> Any:
    """A mass of a report as a Decimal; None stays None."""
    return None if kg is None else Decimal(str(kg))
