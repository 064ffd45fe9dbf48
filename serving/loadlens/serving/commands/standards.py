"""`loadlens standards`: what is installed, and whether a mill's own file is right."""

from pathlib import Path
from typing import Annotated

import typer

from loadlens.grading.standard import Figure, Standard, list_standards
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
        "",
        "grades:",
    ]
    for grade in standard.grades:
        limit = "" if grade.inclusion_limit is None else f", inclusions {_figure(grade.inclusion_limit)}"
        forms = [rule.form for rule in standard.forms if rule.grade == grade.code]
        named = f"  <- {', '.join(forms)}" if forms else ""
        lines.append(f"  {grade.code:<10} {grade.name_en} {grade.name_zh} ({grade.verified}{limit}){named}")
    lines += ["", "sources:", *(f"  {name}: {text}" for name, text in standard.sources.items())]
    return lines


def _figure(figure: Figure | None) -> str:
    return "none" if figure is None else f"{figure.value} % ({figure.verified})"
