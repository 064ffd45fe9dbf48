"""The report as a file and as one page that needs nothing else: no script, no font, no picture from elsewhere."""

import base64
from collections.abc import Mapping
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from loadlens.grading.observation import number_of
from loadlens.grading.standard import UNGRADED, Standard
from loadlens.vision.taxonomy import load_taxonomy

DECISIONS = {
    "accept": "Accept 接收",
    "review": "A person must look 人工复核",
    "stop": "Stop unloading 停止卸料",
}
_BAR_WIDTH = 600
_THIN_SPACE = "\u202f"


def render_report(report: Mapping[str, Any], pictures: Mapping[int, bytes], standard: Standard) -> str:
    """The report as HTML; `pictures` are the drawn-on key frames by layer, as JPEG bytes."""
    return (
        templates()
        .get_template("report.html")
        .render(
            load=report["load"],
            truck=report["truck"],
            deduction=report["truck"]["deduction"],
            layers=report["layers"],
            explain=report["explain"],
            versions=report["versions"],
            digests=_digests(report),
            decision=DECISIONS[report["truck"]["decision"]],
            bar=_bar(report["truck"]["deduction"]),
            pictures={index: base64.b64encode(jpeg).decode() for index, jpeg in pictures.items()},
            grade_names={grade.code: f"{grade.name_en} {grade.name_zh}" for grade in standard.grades}
            | {UNGRADED: "Without a grade 未定级"},
            standard_title=f"{standard.title_en} {standard.title_zh}",
        )
    )


@cache
def templates() -> Environment:
    """The pages that are made here, with what they write figures and names by."""
    environment = Environment(
        loader=PackageLoader("loadlens.serving", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"percent": _percent, "kg": _kg, "class_name": class_name, "top": _top}
    return environment


def class_name(class_id: str) -> str:
    """A surface class as a person reads it, in two languages."""
    taxonomy = load_taxonomy()
    return f"{taxonomy[class_id].name_en} {taxonomy[class_id].name_zh}" if class_id in taxonomy else class_id


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{100 * share:.1f} %"


def _kg(mass: float | None) -> str:
    """Kilograms with thin spaces between thousands; no more decimals than there are."""
    if mass is None:
        return "–"
    text = f"{mass:,.3f}".rstrip("0").rstrip(".")
    return text.replace(",", _THIN_SPACE) + _THIN_SPACE + "kg"


def _top(shares: Mapping[str, float], least: float) -> list[tuple[str, float]]:
    """The shares that are at least `least`, largest first."""
    return sorted(((name, share) for name, share in shares.items() if share >= least), key=lambda entry: -entry[1])


def _bar(deduction: Mapping[str, Any]) -> dict[str, Any] | None:
    """Where the estimate and its interval lie on a bar _BAR_WIDTH wide; in kg, or in percent without weights."""
    unit = "percent_of_net" if deduction["kg"] is None else "kg"
    low, high = ("percent_low", "percent_high") if deduction["kg"] is None else ("kg_low", "kg_high")
    if deduction[low] is None:
        return None
    reach = max(deduction[high], deduction[unit], 1e-9) * 1.15
    return {
        "width": _BAR_WIDTH,
        "low": round(deduction[low] / reach * _BAR_WIDTH, 1),
        "high": round(deduction[high] / reach * _BAR_WIDTH, 1),
        "middle": round(deduction[unit] / reach * _BAR_WIDTH, 1),
    }


def _digests(report: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What the report rests on: every key frame and every frame with a hazard, once, in time."""
    named = {
        (hazard["frame_s"], hazard["frame_sha256"]): f"hazard at {hazard['frame_s']:.1f} s"
        for hazard in report["truck"]["hazards"]
    }
    for layer in report["layers"]:
        at_s = layer["key_frame_s"]
        named[at_s, layer["key_frame_sha256"]] = f"layer {number_of(layer['index'])} at {at_s:.1f} s"
    return [(what, sha256) for (_, sha256), what in sorted(named.items())]
