"""`loadlens regrade`: an archive of graded loads under another standard or calibration."""

from pathlib import Path
from typing import Annotated

import typer

from loadlens.grading.standard import DEFAULT_STANDARD
from loadlens.serving.commands.choices import find_standard
from loadlens.serving.errors import told_plainly


def regrade(
    archive: Annotated[Path, typer.Argument(help="Folder of graded loads (`grade --out`) or bundles of the service.")],
    out: Annotated[Path, typer.Option(help="Folder of the new reports; a run that was cut off goes on there.")],
    standard: Annotated[str, typer.Option(help="Id of a shipped standard, or a .toml file.")] = DEFAULT_STANDARD,
    calibration: Annotated[Path | None, typer.Option(help="What tickets of the site taught.")] = None,
) -> None:
    """Grade stored observations again, each load once; no picture and no model is needed."""
    from loadlens.grading.calibration import load_calibration  # noqa: PLC0415
    from loadlens.serving.regrading import regrade as regrade_archive  # noqa: PLC0415

    with told_plainly():
        site = None if calibration is None else load_calibration(calibration)
        done = regrade_archive(archive, out, find_standard(standard), site)
    rate = f"{done.layers / done.seconds:.0f} layers a second" if done.layers else "nothing was left to do"
    print(f"{done.graded} loads graded, {done.before} before, {done.refused} refused ({out / 'refused.csv'}); {rate}")
    print(f"summary {out / 'summary.csv'}")
