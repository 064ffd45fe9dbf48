"""`loadlens data queue`: which pictures a person should label next, and why."""

import json
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer

from loadlens.serving.commands.choices import ModelPath
from loadlens.serving.commands.evidence import Data, site_of
from loadlens.serving.commands.settings import SettingsFile
from loadlens.serving.commands.training import run_training
from loadlens.serving.errors import RefusedError, WrongUseError

_SHOWN = 20


def queue(
    pictures: Annotated[
        Path | None, typer.Argument(help="Folder of pictures; without it the key frames of the service's loads.")
    ] = None,
    *,
    out: Annotated[Path, typer.Option(help="Folder to write, new or empty: pictures in their order, and queue.csv.")],
    count: Annotated[int, typer.Option(min=1, help="How many pictures to queue.")] = 50,
    known: Annotated[
        Path | None, typer.Option(help="A data set that is labelled already (`loadlens data import`).")
    ] = None,
    beside: Annotated[
        list[Path] | None,
        typer.Option(help="A model whose answers count as another opinion; may be given several times."),
    ] = None,
    loads: Annotated[int, typer.Option(min=1, help="Of the service, the newest so many loads.")] = 100,
    model: ModelPath = None,
    settings_file: SettingsFile = None,
    data: Data = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print what it came to as JSON.")] = False,
) -> None:
    """Pick the pictures that teach most: doubtful, strange, disputed or with a hazard, and unlike each other."""
    from sqlalchemy.orm import Session  # noqa: PLC0415

    from loadlens.datasets.errors import DataError  # noqa: PLC0415
    from loadlens.datasets.samples import Sample, pictures_below  # noqa: PLC0415
    from loadlens.serving.label_candidates import write_candidates  # noqa: PLC0415

    if pictures is not None and data is not None:
        raise WrongUseError("a folder of pictures is looked at by itself; leave out --data")
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise WrongUseError(f"{out} holds something; give another --out, or an empty folder")
    asked = {"model": model, "beside": beside or (), "known": known}
    if pictures is not None:
        try:
            paths = pictures_below(pictures)
        except DataError as error:
            raise RefusedError(str(error)) from error
        names = [path.relative_to(pictures) for path in paths]
        sites = ["" if len(name.parts) == 1 else name.parts[0] for name in names]
        samples = [
            Sample(path, (), site=site, name=str(name)) for path, name, site in zip(paths, names, sites, strict=True)
        ]
        done = run_training("label_queue", "queue", samples, out, count, disputes={}, **asked)
    else:
        with (
            TemporaryDirectory(prefix="loadlens-queue-") as folder,
            site_of(settings_file, data) as (_, engine, blobs),
            Session(engine) as session,
        ):
            frames, disputes = write_candidates(session, blobs, Path(folder), loads)
            done = run_training("label_queue", "queue", frames, out, count, disputes=disputes, **asked)
    if as_json:
        print(json.dumps(done, ensure_ascii=False))
        return
    for fault in done["unreadable"][:_SHOWN]:
        print(f"left out: {fault}", file=sys.stderr)
    print(f"{out / 'queue.csv'}: {done['queued']} of {done['pictures']} pictures, the most telling first")
