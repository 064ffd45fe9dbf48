"""`loadlens demo`: a rendered load, streamed to a real server and graded."""

from pathlib import Path
from typing import Annotated, Any

import typer

from loadlens.serving.commands.grade import HAZARD_FOUND, summary
from loadlens.serving.errors import told_plainly


def demo(
    out: Annotated[Path, typer.Option(help="Folder for the report.")] = Path("loadlens-demo"),
    seed: Annotated[int, typer.Option(min=0, help="Another seed renders another load.")] = 7,
) -> int:
    """Render an unloading, stream it to a real server over HTTP, grade it live and write the report."""
    with told_plainly():
        from loadlens.serving.demo import run_demo  # noqa: PLC0415
        from loadlens.serving.folders import check_out  # noqa: PLC0415

        check_out(out)
        report, truth = run_demo(out, seed)
    print(summary(report, out))
    print(_truth(truth, report["truck"]))
    return HAZARD_FOUND if report["truck"]["decision"] == "stop" else 0


def _truth(truth: dict[str, Any], graded: dict[str, Any]) -> str:
    impurity = truth["truck"]["impurity_mass"]
    kg, deduction = impurity * graded["net_kg"], graded["deduction"]
    held = ""
    if deduction["kg_low"] is not None:
        where = "inside" if deduction["kg_low"] <= kg <= deduction["kg_high"] else "outside"
        held = f", {where} the interval, which is to hold {100 * deduction['coverage_level']:.0f} of 100 loads"
    hazards = sorted({hazard["class"] for layer in truth["layers"] for hazard in layer["hazards"]})
    forms = sorted(truth["truck"]["forms"].items(), key=lambda entry: -entry[1])[:3]
    return "\n".join(
        (
            "rendered truth (this load is drawn, not filmed; it says nothing of a real yard):",
            f"  contaminants {kg:.0f} kg ({100 * impurity:.2f} % of net){held}",
            f"  forms        {', '.join(f'{name} {share:.0%}' for name, share in forms)}",
            f"  hazards      {', '.join(hazards).replace('_', ' ') or 'none'}",
        )
    )
