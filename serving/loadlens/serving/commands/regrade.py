"""`loadlens regrade`: loads that were graded before, under another standard, calibration or model."""

from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from loadlens.grading.standard import DEFAULT_STANDARD
from loadlens.serving.commands.choices import find_standard
from loadlens.serving.commands.evidence import Data, site_of
from loadlens.serving.commands.settings import SettingsFile
from loadlens.serving.errors import WrongUseError, extra, told_plainly

if TYPE_CHECKING:
    from loadlens.grading.calibration import SiteCalibration
    from loadlens.grading.standard import Standard
    from loadlens.serving.regrading import Regraded


def regrade(
    archive: Annotated[
        Path | None,
        typer.Argument(
            help="Folder of `grade --out`, bundles or `loadlens archive`; without it the service's database."
        ),
    ] = None,
    *,
    out: Annotated[Path, typer.Option(help="Folder of the new reports; a run that was cut off goes on there.")],
    standard: Annotated[str, typer.Option(help="Id of a shipped standard, or a .toml file.")] = DEFAULT_STANDARD,
    calibration: Annotated[Path | None, typer.Option(help="What tickets of the site taught.")] = None,
    model: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Let this model look at the key frames in a folder of `loadlens archive`."),
    ] = None,
    ray: Annotated[
        str | None, typer.Option(metavar="ADDRESS", help="Grade a folder of `loadlens archive` on this Ray cluster.")
    ] = None,
    settings_file: SettingsFile = None,
    data: Data = None,
) -> None:
    """Grade stored observations again, or what another model sees in their key frames. Nothing is recorded."""
    from sqlalchemy.orm import Session  # noqa: PLC0415

    from loadlens.grading.calibration import load_calibration  # noqa: PLC0415
    from loadlens.serving.regrading import loads_of_archive, loads_of_database  # noqa: PLC0415
    from loadlens.serving.regrading import regrade as regrade_found  # noqa: PLC0415

    if archive is not None and data is not None:
        raise WrongUseError("an archive is graded by itself; leave out --data")
    in_parts = archive is not None and (archive / "archive.json").is_file()
    for name, given in (("--ray", ray), ("--model", model)):
        if given is not None and not in_parts:
            raise WrongUseError(f"{name} grades a folder that `loadlens archive` wrote; name one")
    with told_plainly(), ExitStack() as opened:
        site = None if calibration is None else load_calibration(calibration)
        chosen = find_standard(standard)
        if archive is None:
            _, engine, _ = opened.enter_context(site_of(settings_file, data))
            done = regrade_found(loads_of_database(opened.enter_context(Session(engine))), out, chosen, site)
        elif in_parts:
            done = _regrade_parts(archive, out, chosen, site, model=model, ray=ray)
        else:
            done = regrade_found(loads_of_archive(archive), out, chosen, site)
    rate = f"{done.layers / done.seconds:.0f} layers a second" if done.layers else "nothing was left to do"
    print(f"{done.graded} loads graded, {done.before} before, {done.refused} refused ({out / 'refused.csv'}); {rate}")
    if model is not None:
        print("as they were observed: when layers lay open, what of them was new or hidden, hazards between key frames")
        print("left out: what people corrected, since they saw what another model made of the load")
    print(f"summary {out / 'summary.csv'}")


def _regrade_parts(
    archive: Path,
    out: Path,
    standard: "Standard",
    calibration: "SiteCalibration | None",
    *,
    model: Path | None,
    ray: str | None,
) -> "Regraded":
    with extra("archive" if ray is None else "ray"):
        from loadlens.serving.archive.folder import open_archive  # noqa: PLC0415
        from loadlens.serving.archive.looking import read_file  # noqa: PLC0415
        from loadlens.serving.archive.regrading import Doing, in_turn, regrade_archive  # noqa: PLC0415

        doing: Doing = in_turn
        if ray is not None:
            from loadlens.serving.archive.on_ray import on_ray  # noqa: PLC0415

            doing = partial(on_ray, ray)
    file = None if model is None else read_file(model)
    return regrade_archive(open_archive(archive), out, standard, calibration, doing, file=file)
