"""From the address of a device to the reader that reads it."""

import os
import re
import socket
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Literal
from urllib.parse import SplitResult, unquote, urlsplit

from loadlens.serving.errors import WrongUseError
from loadlens.serving.ingest.weighbridge.agent import Reader
from loadlens.serving.ingest.weighbridge.device import Device
from loadlens.serving.ingest.weighbridge.indication import Unit
from loadlens.serving.ingest.weighbridge.lines import Line, SerialLine, TcpLine
from loadlens.serving.ingest.weighbridge.modbus import ModbusReader
from loadlens.serving.ingest.weighbridge.mqtt import MqttReader, Subscription
from loadlens.serving.ingest.weighbridge.protocols import PROTOCOLS, Protocol
from loadlens.serving.ingest.weighbridge.register_map import read_map
from loadlens.serving.ingest.weighbridge.spool import ReadingSpool
from loadlens.serving.ingest.weighbridge.stability import Settling
from loadlens.serving.ingest.weighbridge.stream import StreamReader

_DEFAULT_PREFIX = "yard"
_MODBUS_REPEATS = 5
_PORTS = {"modbus": 502, "mqtt": 1883, "mqtts": 8883}
_KNOWN = (*_PORTS, "tcp", "")
_FORMS = "a serial port, tcp://host:port, modbus://host[:port], mqtt[s]://[user:password@]host[:port][/prefix]"


@dataclass(frozen=True, slots=True)
class Serial:
    """How a serial port is set."""

    baud: int
    parity: Literal["N", "E", "O"]
    bits: Literal[7, 8]
    stop_bits: Literal[1, 2]


@dataclass(frozen=True, slots=True)
class Scale:
    """What the site says of a device; None: the protocol says it, or it is not known."""

    lane: str
    name: str
    capacity_kg: Decimal
    division_kg: Decimal | None
    protocol: str | None
    unit: Unit | None
    repeats: int | None
    register_map: Path | None
    serial: Serial


def open_reader(port: str, scale: Scale, spool: ReadingSpool) -> Reader:
    """The reader of a device. Raises WrongUseError where address and options do not go together, RefusedError."""
    address = _address(port)
    if address.scheme in ("", "tcp"):
        protocol = _protocol(scale)
        device = _device(scale.name, scale, spool, repeats=protocol.repeats)
        return StreamReader(device, _line(port, address, scale.serial), protocol, scale.unit)
    if scale.protocol is not None or scale.unit is not None:
        raise WrongUseError(f"{address.scheme} tells protocol and unit itself; leave --protocol and --unit out")
    if address.scheme == "modbus":
        if scale.register_map is None:
            raise WrongUseError("a Modbus device needs --map, a file that says where its weight is")
        device = _device(scale.name, scale, spool, repeats=_MODBUS_REPEATS)
        return ModbusReader(device, _host(address), _port(address), read_map(scale.register_map))
    return MqttReader(_subscription(address, scale), _new_device(scale, spool))


def _device(name: str, scale: Scale, spool: ReadingSpool, *, repeats: int, talks_always: bool = True) -> Device:
    settling = Settling(repeats=scale.repeats or repeats, capacity_kg=scale.capacity_kg)
    return Device(name, spool, settling, division_kg=scale.division_kg, talks_always=talks_always)


def _new_device(scale: Scale, spool: ReadingSpool) -> Callable[[str], Device]:
    # A device that publishes says itself whether it has settled, and speaks when it has something to say.
    return lambda name: _device(name, scale, spool, repeats=1, talks_always=False)


def _address(port: str) -> SplitResult:
    filled = os.path.expandvars(port)
    if left := re.search(r"\$\w+|\$\{\w+\}", filled):
        raise WrongUseError(f"{left[0]} is not set; the address names it")
    address = urlsplit(filled)
    if address.scheme not in _KNOWN:
        raise WrongUseError(f"{port!r} is no address of a device; give {_FORMS}")
    return address


def _protocol(scale: Scale) -> Protocol:
    if scale.protocol not in PROTOCOLS:
        listed = "; ".join(f"{name} ({protocol.about})" for name, protocol in PROTOCOLS.items())
        raise WrongUseError(f"say with --protocol how the indicator speaks: {listed}")
    protocol = PROTOCOLS[scale.protocol]
    if protocol.tells_unit == (scale.unit is not None):
        how = "tells its unit; leave --unit out" if protocol.tells_unit else "does not tell its unit; give --unit"
        raise WrongUseError(f"{scale.protocol} {how}")
    return protocol


def _line(port: str, address: SplitResult, serial: Serial) -> Line:
    if address.scheme == "tcp":
        return TcpLine(_host(address), _port(address))
    return SerialLine(port, baud=serial.baud, parity=serial.parity, bits=serial.bits, stop_bits=serial.stop_bits)


def _subscription(address: SplitResult, scale: Scale) -> Subscription:
    prefix = address.path.strip("/") or _DEFAULT_PREFIX
    if "+" in prefix or "#" in prefix:
        raise WrongUseError(f"{prefix!r}: the prefix of the topics holds no wildcard")
    return Subscription(
        host=_host(address),
        port=_port(address),
        prefix=prefix,
        lane=scale.lane,
        client_id=f"loadlens-{scale.lane}-{scale.name}-{socket.gethostname()}",
        username=None if address.username is None else unquote(address.username),
        password=None if address.password is None else unquote(address.password),
        tls=address.scheme == "mqtts",
    )


def _host(address: SplitResult) -> str:
    if not address.hostname:
        raise WrongUseError(f"the address names no host; give {_FORMS}")
    return address.hostname


def _port(address: SplitResult) -> int:
    try:
        port = address.port or _PORTS.get(address.scheme)
    except ValueError as error:
        raise WrongUseError(f"the address has no usable port ({error}); give {_FORMS}") from error
    if port is None:
        raise WrongUseError(f"the address names no port; give {_FORMS}")
    return port
