"""`loadlens standards`: what is installed, and whether a mill's own file is right."""

from dataclasses import fields
from pathlib import Path
from typing import Annotated

import typer

from loadlens.grading.standard import Downgrade, Figure, Gates, Standard, list_standards
from loadlens.grading.standard_check import check_standard
from loadlens.serving.commands.choices import find_standard
from loadlens.serving.errors import RefusedError

app = typer.Typer(rich_markup_mode=None, help="The standards that loads are graded by.")


@app.command("list")
def list_() -> None:
    """List the standards that are shipped."""
    for standard in list_standards():
        print(f"{standard.id:<18} {standard.title_en} {standard.title_zh}")


@app.command()
def show(
    standard: Annotated[str, typer.Argument(metavar="ID", help="Id of a shipped standard, or a .toml file.")],
) -> None:
    """Show a standard: its grades, and how well each figure is known."""
    print("\n".join(_lines(find_standard(standard))))


@app.command()
def check(file: Annotated[Path, typer.Argument(help="A standard as a TOML file.")]) -> None:
    """Name every fault of a file, one a line, with its line number and what to do."""
    try:
        text = file.read_text(encoding="utf-8")
    except OSError as error:
        raise RefusedError(f"{file}: cannot be read ({error.strerror}); check the path") from error
    except UnicodeDecodeError as error:
        raise RefusedError(f"{file}: not UTF-8 text (byte {error.start}); save it as UTF-8") from error
    faults = check_standard(text)
    for fault in faults:
        print(f"{file}: {fault}")
    if faults:
        raise RefusedError(f"{file}: {len(faults)} fault{'s' if len(faults) > 1 else ''}")
    print(f"{file}: no fault")


def _lines(standard: Standard) -> list[str]:
    rules = standard.rules
    lines = [
        f"{standard.title_en} {standard.title_zh}",
        f"{standard.id} version {standard.version}, {standard.edition}",
        *([standard.note] if standard.note else []),
        f"layers weighed by {rules.layer_weight}, tolerance {rules.tolerance}, price by {rules.price}",
        f"inclusion limit of every lot: {_figure(standard.lot_limit)}",
        f"goes back above: {_figure(rules.return_above)}",
        f"a tie goes to: {', '.join(rules.tie_order) or 'the first listed'}",
        *(_downgrade(rule) for rule in standard.downgrades),
        *([f"grades from best to least: {', '.join(rules.grade_order)}"] if rules.grade_order else []),
        *(f"a person looks by {field.name}: {_figure(getattr(standard.gates, field.name))}" for field in fields(Gates)),
        "",
        "grades:",
    ]
    for grade in standard.grades:
        price = "" if grade.price_per_tonne is None else f", {grade.price_per_tonne} {rules.currency} a tonne"
        limit = "" if grade.inclusion_limit is None else f", inclusions {_figure(grade.inclusion_limit)}"
        forms = [rule.form for rule in standard.forms if rule.grade == grade.code]
        named = f"  <- {', '.join(forms)}" if forms else ""
        lines.append(f"  {grade.code:<10} {grade.name_en} {grade.name_zh} ({grade.verified}{limit}{price}){named}")
    lines += ["", "sources:", *(f"  {name}: {text}" for name, text in standard.sources.items())]
    return lines


def _downgrade(rule: Downgrade) -> str:
    above = "the grade's inclusion limit" if rule.above is None else _figure(rule.above)
    return f"lowered by {rule.steps}: {rule.why} ({', '.join(rule.of)} above {above})"


def _figure(figure: Figure | None) -> str:
    return "none" if figure is None else f"{figure.value} % ({figure.verified})"
