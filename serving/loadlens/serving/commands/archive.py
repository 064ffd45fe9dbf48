"""`loadlens archive`: what a site has seen, as files that other programs read."""

from pathlib import Path
from typing import Annotated

import typer

from loadlens.serving.commands.evidence import Data, site_of
from loadlens.serving.commands.settings import SettingsFile
from loadlens.serving.errors import extra


def archive(
    out: Annotated[Path, typer.Argument(help="A new folder.")],
    *,
    settings_file: SettingsFile = None,
    data: Data = None,
) -> None:
    """Write every load with its newest assessment as Parquet, and the frames it rests on, while the server runs."""
    with extra("archive"):
        from loadlens.serving.archive.folder import write_archive  # noqa: PLC0415

    with site_of(settings_file, data) as (_, engine, blobs):
        done = write_archive(engine, blobs, out)
    let_go = f" ({done.let_go} more were let go)" if done.let_go else ""
    print(f"{done.loads} loads of {done.layers} layers, {done.pictures} pictures{let_go}, in {len(done.parts)} parts")
    print(out)
