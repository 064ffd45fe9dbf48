"""`loadlens serve`: the HTTP server."""

import socket
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated, Any

import typer

from loadlens.serving.commands.settings import SettingsFile
from loadlens.serving.errors import CommandError, told_plainly


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
    if settings.bed is not None:
        with told_plainly():
            from loadlens.vision.bed import Bed  # noqa: PLC0415

            Bed.parse(settings.bed)
    _listen(settings)


def _listen(settings: Any) -> None:
    import uvicorn  # noqa: PLC0415

    from loadlens.serving.api.app import FolderInUseError, alone_in, create_app  # noqa: PLC0415
    from loadlens.serving.api.request_log import RequestLog  # noqa: PLC0415
    from loadlens.serving.logs import set_up_logs  # noqa: PLC0415
    from loadlens.serving.store.database import open_database  # noqa: PLC0415
    from loadlens.serving.store.errors import StoreError  # noqa: PLC0415

    set_up_logs(settings.log_format, settings.log_level)
    try:
        listener = socket.create_server((settings.host, settings.port), backlog=256)
    except OSError as error:
        raise CommandError(f"cannot listen on {settings.host}:{settings.port} ({error.strerror})") from error
    try:
        # Any number of servers work on one PostgreSQL; a SQLite file has one.
        with listener, alone_in(settings.data) if settings.database is None else nullcontext():
            open_database(settings.database_url).dispose()  # a fault of it is told here, in one line
            server = uvicorn.Server(
                uvicorn.Config(
                    RequestLog(create_app(settings)), log_config=None, access_log=False, timeout_graceful_shutdown=10
                )
            )
            address, port = listener.getsockname()[:2]
            print(f"serving on http://{address}:{port}", flush=True)
            server.run(sockets=[listener])
            if not server.started:
                raise CommandError("the server could not start; its log above says why")
    except (FolderInUseError, StoreError) as error:
        raise CommandError(str(error)) from error
