"""`loadlens serve`: the HTTP server."""

from pathlib import Path
from typing import Annotated

import typer

from loadlens.serving.commands.settings import SettingsFile
from loadlens.serving.errors import told_plainly


def serve(
    *,
    settings_file: SettingsFile = None,
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(min=0, max=65535, help="0 takes any free port.")] = None,
    data: Annotated[Path | None, typer.Option(help="Folder that holds all the server must not lose.")] = None,
    database: Annotated[str | None, typer.Option(help="postgresql://user@host/name; default: in --data.")] = None,
    store: Annotated[str | None, typer.Option(help="s3://bucket/prefix for pictures; default: in --data.")] = None,
    model: Annotated[Path | None, typer.Option(help="A model file; default: the one that is shipped.")] = None,
    standard: Annotated[str | None, typer.Option(help="Standard of loads that name none.")] = None,
    bed: Annotated[str | None, typer.Option(metavar="X,Y,W,H", help="The truck bed in pixels of the frames.")] = None,
) -> None:
    """Run the server. Options win over the environment (LOADLENS_HOST and so on), and that over the settings file."""
    from loadlens.serving.commands.choices import find_standard  # noqa: PLC0415
    from loadlens.serving.settings import read_settings  # noqa: PLC0415

    settings = read_settings(
        settings_file,
        host=host,
        port=port,
        data=data,
        database=database,
        store=store,
        model=model,
        standard=standard,
        bed=bed,
    )
    find_standard(settings.standard)
    with told_plainly():
        from loadlens.serving.beds import Beds  # noqa: PLC0415

        Beds.parse(settings.bed, settings.beds)
    from loadlens.serving.api.server import listen  # noqa: PLC0415

    listen(settings)
