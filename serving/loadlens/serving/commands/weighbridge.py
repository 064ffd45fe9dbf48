"""`loadlens weighbridge`: the reader beside a scale, or beside the broker of a lane's sensors."""

import logging
import signal
import threading
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal, cast

import typer

from loadlens.serving.errors import RefusedError, WrongUseError


class Parity(StrEnum):
    """Parity of a serial port: none, even or odd."""

    N = "N"
    E = "E"
    O = "O"  # noqa: E741


def weighbridge(
    port: Annotated[
        str,
        typer.Argument(
            metavar="PORT",
            help="Serial port, tcp://host:port, modbus://host or mqtt://host/prefix; $VARIABLES are filled in.",
        ),
    ],
    *,
    lane: Annotated[str, typer.Option(help="The lane of the scale.")],
    to: Annotated[str, typer.Option(metavar="URL", help="The server, such as https://loadlens.example.")],
    capacity: Annotated[str, typer.Option(metavar="KG", help="The scale's capacity; nothing above it counts.")],
    protocol: Annotated[str | None, typer.Option(help="How the indicator speaks; without it all are named.")] = None,
    unit: Annotated[str | None, typer.Option(help="kg, t or lb, where the indicator does not tell.")] = None,
    division: Annotated[str | None, typer.Option(metavar="KG", help="The interval of the scale.")] = None,
    register_map: Annotated[Path | None, typer.Option("--map", help="Register map of a Modbus device, .toml.")] = None,
    name: Annotated[str, typer.Option(help="The name of the device in the lane.")] = "weighbridge",
    settle: Annotated[int | None, typer.Option(min=1, help="Equal indications that make a weighing.")] = None,
    baud: Annotated[int, typer.Option(min=300, help="Speed of a serial port.")] = 9600,
    parity: Annotated[Parity, typer.Option(help="Parity of a serial port.")] = Parity.N,
    bits: Annotated[int, typer.Option(min=7, max=8, help="Data bits of a serial port.")] = 8,
    stop_bits: Annotated[int, typer.Option(min=1, max=2, help="Stop bits of a serial port.")] = 1,
    key_file: Annotated[Path | None, typer.Option(help="File with the key; default: LOADLENS_KEY.")] = None,
    spool: Annotated[Path, typer.Option(help="Folder for readings that wait for the server.")] = Path("loadlens-spool"),
) -> None:
    """Read a scale and send its settled weighings to a server; loses none while the server is away."""
    from loadlens.serving.ingest.server import LaneServer, check_address, read_key  # noqa: PLC0415
    from loadlens.serving.ingest.weighbridge.agent import run_reader  # noqa: PLC0415
    from loadlens.serving.ingest.weighbridge.indication import Unit  # noqa: PLC0415
    from loadlens.serving.ingest.weighbridge.spool import ReadingSpool, SpoolError  # noqa: PLC0415
    from loadlens.serving.ingest.weighbridge.wiring import Scale, Serial, open_reader  # noqa: PLC0415

    if unit is not None and unit not in set(Unit):
        raise WrongUseError(f"--unit {unit}: give one of {', '.join(Unit)}")
    scale = Scale(
        lane=lane,
        name=name,
        capacity_kg=_kilograms("--capacity", capacity),
        division_kg=None if division is None else _kilograms("--division", division),
        protocol=protocol,
        unit=None if unit is None else Unit(unit),
        repeats=settle,
        register_map=register_map,
        serial=Serial(baud, parity.value, cast(Literal[7, 8], bits), cast(Literal[1, 2], stop_bits)),
    )
    server = LaneServer(check_address(to), lane, read_key(key_file))
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    for chatty in ("httpx2", "pymodbus"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    try:
        kept = ReadingSpool(spool / f"weighbridge-{lane}-{name}.sqlite")
    except SpoolError as error:
        raise RefusedError(str(error)) from error
    stop = threading.Event()
    reader = open_reader(port, scale, kept)
    for wanted in (signal.SIGTERM, signal.SIGINT):
        signal.signal(wanted, lambda *_: stop.set())
    run_reader(reader, kept, server, stop)


def _kilograms(option: str, text: str) -> Decimal:
    from loadlens.grading.quantity import QuantityError, decimal_of  # noqa: PLC0415

    try:
        kg = decimal_of(text)
    except QuantityError as error:
        raise WrongUseError(f"{option} {error}; give kilograms") from error
    if kg <= 0:
        raise WrongUseError(f"{option} {text}: must be above zero")
    return kg
