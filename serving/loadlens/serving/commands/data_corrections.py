"""`loadlens data corrections`: what inspectors corrected, as labelled pictures to learn from."""

from pathlib import Path
from typing import Annotated

import typer

from loadlens.serving.commands.evidence import Data, site_of
from loadlens.serving.commands.settings import SettingsFile
from loadlens.serving.errors import RefusedError, WrongUseError


def corrections(
    *,
    out: Annotated[Path, typer.Option(help="Folder to write, new or empty; `loadlens data import coco` reads it.")],
    settings_file: SettingsFile = None,
    data: Data = None,
) -> None:
    """Write the regions that inspectors corrected, with the frames they drew on and where each comes from."""
    from sqlalchemy.orm import Session  # noqa: PLC0415

    from loadlens.serving.correction_export import export_corrections  # noqa: PLC0415

    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise WrongUseError(f"{out} holds something; give another --out, or an empty folder")
    with site_of(settings_file, data) as (_, engine, blobs), Session(engine) as session:
        out.mkdir(parents=True, exist_ok=True)
        pictures, regions = export_corrections(session, blobs, out)
    if not regions:
        raise RefusedError("nobody has corrected a region of a layer yet; there is nothing to learn from")
    file = out / "coco.json"
    print(f"{file}: {regions} regions on {pictures} pictures; next: loadlens data import coco {file}")
