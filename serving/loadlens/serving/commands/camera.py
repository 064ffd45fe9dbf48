"""`loadlens camera`: the agent beside the cameras of one lane."""

import logging
import os
import re
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from loadlens.serving.errors import RefusedError, WrongUseError

if TYPE_CHECKING:
    from loadlens.serving.ingest.camera import Camera, Options
    from loadlens.serving.ingest.server import LaneServer

_NAMED = re.compile(r"(?:(\w[\w.\-]{0,63})=)?(.+)", re.DOTALL | re.ASCII)
_DEFAULT_NAME = "camera"


def camera(
    sources: Annotated[
        list[str] | None,
        typer.Argument(metavar="[NAME=]URL...", help="rtsp, http or video file; $VARIABLES are filled in."),
    ] = None,
    *,
    lane: Annotated[str, typer.Option(help="The lane that the cameras look at.")],
    to: Annotated[str, typer.Option(metavar="URL", help="The server, such as https://loadlens.example.")],
    folder: Annotated[
        list[str] | None, typer.Option(metavar="[NAME=]DIR", help="A folder that pictures are uploaded to.")
    ] = None,
    key_file: Annotated[Path | None, typer.Option(help="File with the key; default: LOADLENS_KEY.")] = None,
    spool: Annotated[Path, typer.Option(help="Folder for frames that wait for the server.")] = Path("loadlens-spool"),
    spool_mb: Annotated[int, typer.Option(min=1, help="How much may wait, per camera.")] = 20_000,
    fps: Annotated[float, typer.Option(min=0.1, max=60, help="Frames looked at per second.")] = 5.0,
    heartbeat: Annotated[float, typer.Option(min=1, help="Seconds between frames where nothing happens.")] = 5.0,
    timeout: Annotated[float, typer.Option(min=0.5, help="Seconds a stream may be silent.")] = 10.0,
) -> None:
    """Send what cameras see to a server: keeps what tells something, loses nothing while the server is away."""
    from loadlens.serving.ingest.agent import run_cameras  # noqa: PLC0415
    from loadlens.serving.ingest.camera import Options  # noqa: PLC0415
    from loadlens.serving.ingest.server import LaneServer, check_address, read_key  # noqa: PLC0415
    from loadlens.serving.ingest.spool import SpoolError  # noqa: PLC0415

    streams, folders = _named(sources or [], folder or [])
    options = Options(fps=fps, heartbeat_s=heartbeat, timeout_s=timeout, spool_bytes=spool_mb * 10**6)
    server = LaneServer(check_address(to), lane, read_key(key_file))
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger("httpx2").setLevel(logging.WARNING)
    stop = threading.Event()
    try:
        cameras = _cameras(streams, folders, spool, server, stop=stop, options=options)
    except SpoolError as error:
        raise RefusedError(str(error)) from error
    run_cameras(cameras, server, stop)


def _cameras(
    streams: dict[str, str],
    folders: dict[str, str],
    spool: Path,
    server: "LaneServer",
    *,
    stop: threading.Event,
    options: "Options",
) -> list["Camera"]:
    from loadlens.serving.ingest.camera import FolderCamera, StreamCamera  # noqa: PLC0415
    from loadlens.serving.ingest.spool import Spool  # noqa: PLC0415

    cameras: list[Camera] = []
    for name, address in streams.items():
        kept = Spool(spool / name, options.spool_bytes)
        cameras.append(StreamCamera(name, address, kept, server, stop, options=options))
    for name, path in folders.items():
        kept = Spool(spool / name, options.spool_bytes)
        cameras.append(FolderCamera(name, Path(path), kept, server, stop))
    return cameras


def _named(streams: list[str], folders: list[str]) -> tuple[dict[str, str], dict[str, str]]:
    """Both by name, which several cameras need because their numbers at the server go by it."""
    if not streams and not folders:
        raise WrongUseError("give the address of a camera, or a folder with --folder")
    found: tuple[dict[str, str], dict[str, str]] = ({}, {})
    for by_name, words in zip(found, (streams, folders), strict=True):
        for word in words:
            match = _NAMED.fullmatch(word)
            if match is None:
                raise WrongUseError(f"{word!r} is not a camera; give NAME=URL")
            name = match[1] or (_DEFAULT_NAME if len(streams) + len(folders) == 1 else "")
            if not name or any(name in names for names in found):
                raise WrongUseError("several cameras need names that differ: give each as NAME=URL, and keep its name")
            by_name[name] = _filled_in(match[2])
    return found


def _filled_in(address: str) -> str:
    """The address with its $VARIABLES filled in from the environment: a list of processes must show no password."""
    filled = os.path.expandvars(address)
    left = re.search(r"\$\w+|\$\{\w+\}", filled)
    if left is not None:
        raise WrongUseError(f"{left[0]} is not set; a camera's address names it")
    return filled
