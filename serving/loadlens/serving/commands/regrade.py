"""`loadlens regrade`: loads that were graded before, under another standard or calibration."""

from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer

from loadlens.grading.standard import DEFAULT_STANDARD
from loadlens.serving.commands.choices import find_standard
from loadlens.serving.commands.evidence import Data, site_of
from loadlens.serving.commands.settings import SettingsFile
from loadlens.serving.errors import WrongUseError, told_plainly


def regrade(
    archive: Annotated[
        Path | None,
        typer.Argument(help="Folder of graded loads (`grade --out`) or bundles; without it the service's database."),
    ] = None,
    *,
    out: Annotated[Path, typer.Option(help="Folder of the new reports; a run that was cut off goes on there.")],
    standard: Annotated[str, typer.Option(help="Id of a shipped standard, or a .toml file.")] = DEFAULT_STANDARD,
    calibration: Annotated[Path | None, typer.Option(help="What tickets of the site taught.")] = None,
    settings_file: SettingsFile = None,
    data: Data = None,
) -> None:
    """Grade stored observations again, each load once; no picture and no model is needed. Nothing is recorded."""
    from sqlalchemy.orm import Session  # noqa: PLC0415

    from loadlens.grading.calibration import load_calibration  # noqa: PLC0415
    from loadlens.serving.regrading import loads_of_archive, loads_of_database  # noqa: PLC0415
    from loadlens.serving.regrading import regrade as regrade_found  # noqa: PLC0415

    if archive is not None and data is not None:
        raise WrongUseError("an archive is graded by itself; leave out --data")
    with told_plainly(), ExitStack() as opened:
        site = None if calibration is None else load_calibration(calibration)
        chosen = find_standard(standard)
        if archive is not None:
            found = loads_of_archive(archive)
        else:
            _, engine, _ = opened.enter_context(site_of(settings_file, data))
            found = loads_of_database(opened.enter_context(Session(engine)))
        done = regrade_found(found, out, chosen, site)
    rate = f"{done.layers / done.seconds:.0f} layers a second" if done.layers else "nothing was left to do"
    print(f"{done.graded} loads graded, {done.before} before, {done.refused} refused ({out / 'refused.csv'}); {rate}")
    print(f"summary {out / 'summary.csv'}")
