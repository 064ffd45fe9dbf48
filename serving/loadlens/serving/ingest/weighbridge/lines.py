"""Lines that bytes come in by: a serial port, or TCP as serial servers give it."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Literal, Protocol, Self

import serialx

# How long one look at a line may take; a stop of the reader waits for it.
READ_S = 0.5
_CONNECT_S = 5.0
_CHUNK = 4096


class Line(Protocol):
    """Opened as a context; everything may raise OSError, after which it has to be opened anew."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def read(self) -> bytes:
        """What has come; empty where nothing came for half a second."""

    def write(self, data: bytes) -> None:
        """Send a command."""


class SerialLine:
    """A serial port, held for us alone."""

    def __init__(
        self, path: str, *, baud: int, parity: Literal["N", "E", "O"], bits: Literal[7, 8], stop_bits: Literal[1, 2]
    ) -> None:
        self._path = path
        self._baud = baud
        self._form: dict[str, Any] = {"parity": parity, "byte_size": bits, "stopbits": stop_bits}
        self._port: serialx.BaseSerial | None = None

    def __enter__(self) -> Self:
        with _as_os_error():
            port = serialx.serial_for_url(
                self._path, self._baud, read_timeout=READ_S, write_timeout=READ_S, **self._form
            )
            port.open()
        self._port = port
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._port is not None:
            self._port.close()
            self._port = None

    @property
    def _open(self) -> serialx.BaseSerial:
        if self._port is None:
            raise OSError("the port is not open")
        return self._port

    def read(self) -> bytes:
        """What has come; empty where nothing came for half a second."""
        with _as_os_error():
            return bytes(self._open.read(_CHUNK))

    def write(self, data: bytes) -> None:
        """Send a command."""
        with _as_os_error():
            self._open.write(data)


@contextmanager
def _as_os_error() -> Iterator[None]:
    """The library's own errors, such as a port that takes no more bytes, are errors of the line as well."""
    try:
        yield
    except serialx.SerialException as error:
        raise OSError(str(error)) from error


class TcpLine:
    """The port of a serial server, or of an indicator with a network socket."""

    def __init__(self, host: str, port: int) -> None:
        self._address = host, port
        self._socket: socket.socket | None = None

    def __enter__(self) -> Self:
        self._socket = socket.create_connection(self._address, _CONNECT_S)
        self._socket.settimeout(READ_S)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    @property
    def _open(self) -> socket.socket:
        if self._socket is None:
            raise OSError("the connection is not open")
        return self._socket

    def read(self) -> bytes:
        """What has come; empty where nothing came for half a second."""
        try:
            data = self._open.recv(_CHUNK)
        except TimeoutError:
            return b""
        if not data:
            raise ConnectionError("the other side has closed the connection")
        return data

    def write(self, data: bytes) -> None:
        """Send a command."""
        self._open.sendall(data)
