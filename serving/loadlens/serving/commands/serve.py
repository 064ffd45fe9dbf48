"""`loadlens serve`: the HTTP server."""

import logging
import socket
from pathlib import Path
from typing import Annotated, Any

import typer

from loadlens.serving.errors import CommandError, WrongUseError, told_plainly


def serve(
    *,
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(min=0, max=65535, help="0 takes any free port.")] = None,
    data: Annotated[Path | None, typer.Option(help="Folder that holds all the server must not lose.")] = None,
    model: Annotated[Path | None, typer.Option(help="A model file; default: the one that is shipped.")] = None,
    standard: Annotated[str | None, typer.Option(help="Standard of loads that name none.")] = None,
    bed: Annotated[str | None, typer.Option(metavar="X,Y,W,H", help="The truck bed in pixels of the frames.")] = None,
) -> None:
    """Run the server. What is not given here is read from the environment: LOADLENS_HOST, LOADLENS_DATA and so on."""
    from pydantic import ValidationError  # noqa: PLC0415

    from loadlens.serving.commands.choices import find_standard  # noqa: PLC0415
    from loadlens.serving.settings import Settings  # noqa: PLC0415

    given: dict[str, Any] = {"host": host, "port": port, "data": data, "model": model, "standard": standard, "bed": bed}
    try:
        settings = Settings(**{name: value for name, value in given.items() if value is not None})
    except ValidationError as error:
        faults = [f"LOADLENS_{fault['loc'][0]}: {fault['msg']}" for fault in error.errors()]
        raise WrongUseError("; ".join(faults)) from error
    find_standard(settings.standard)
    if settings.bed is not None:
        with told_plainly():
            from loadlens.vision.bed import Bed  # noqa: PLC0415

            Bed.parse(settings.bed)
    _listen(settings)


def _listen(settings: Any) -> None:
    import uvicorn  # noqa: PLC0415

    from loadlens.serving.api.app import FolderInUseError, alone_in, create_app  # noqa: PLC0415

    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    try:
        listener = socket.create_server((settings.host, settings.port), backlog=256)
    except OSError as error:
        raise CommandError(f"cannot listen on {settings.host}:{settings.port} ({error.strerror})") from error
    try:
        with listener, alone_in(settings.data):
            server = uvicorn.Server(
                uvicorn.Config(create_app(settings), log_config=None, access_log=False, timeout_graceful_shutdown=10)
            )
            address, port = listener.getsockname()[:2]
            print(f"serving on http://{address}:{port}", flush=True)
            server.run(sockets=[listener])
            if not server.started:
                raise CommandError("the server could not start; its log above says why")
    except FolderInUseError as error:
        raise CommandError(str(error)) from error
