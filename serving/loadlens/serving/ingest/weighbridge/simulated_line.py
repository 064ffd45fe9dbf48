"""A simulated indicator on a real line: a TCP port, or a pseudo-terminal that looks like a serial port.

with simulated_tcp(frames) as address: ...      frames: what it sends, one after the other, then again the last
"""

import os
import pty
import select
import socket
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from itertools import repeat

# Indicators send about ten frames a second; a demo may be quicker.
EVERY_S = 0.1


@contextmanager
def simulated_tcp(frames: Iterable[bytes], *, every_s: float = EVERY_S) -> Iterator[str]:
    """An indicator behind a serial server; gives its address as tcp://host:port. It goes on where a client left off."""
    stop = threading.Event()
    script = _for_ever(frames)
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.05)
        thread = threading.Thread(target=_serve, args=(server, script, every_s, stop), name="simulated indicator")
        thread.start()
        try:
            yield f"tcp://127.0.0.1:{server.getsockname()[1]}"
        finally:
            stop.set()
            thread.join()


def _serve(server: socket.socket, script: Iterator[bytes], every_s: float, stop: threading.Event) -> None:
    while not stop.is_set():
        try:
            client, _ = server.accept()
        except TimeoutError:
            continue
        with client, suppress(OSError):  # a client that hangs up is met again at the next accept
            while not stop.wait(every_s):
                client.sendall(next(script))


@contextmanager
def simulated_serial(frames: Iterable[bytes], *, every_s: float = EVERY_S) -> Iterator[str]:
    """An indicator on a serial port; gives the path of the port. It speaks while somebody has the port open."""
    stop = threading.Event()
    ours, theirs = pty.openpty()
    path = os.ttyname(theirs)
    # Once its other end was closed, the system tells whether somebody has opened it.
    os.close(theirs)
    script = _for_ever(frames)
    somebody = select.poll()
    somebody.register(ours, select.POLLHUP)

    def send() -> None:
        while not stop.wait(every_s):
            if not somebody.poll(0):
                os.write(ours, next(script))

    thread = threading.Thread(target=send, name="simulated indicator")
    thread.start()
    try:
        yield path
    finally:
        stop.set()
        thread.join()
        os.close(ours)


@contextmanager
def simulated_dialogue(answer: Callable[[bytes], bytes | None]) -> Iterator[str]:
    """A scale that speaks when it is asked, line by line; None is no answer. Gives its address as tcp://host:port."""
    stop = threading.Event()

    def talk(server: socket.socket) -> None:
        while not stop.is_set():
            try:
                client, _ = server.accept()
            except TimeoutError:
                continue
            client.settimeout(0.05)
            with client, suppress(OSError):
                _answer_lines(client, answer, stop)

    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.05)
        thread = threading.Thread(target=talk, args=(server,), name="simulated scale")
        thread.start()
        try:
            yield f"tcp://127.0.0.1:{server.getsockname()[1]}"
        finally:
            stop.set()
            thread.join()


def _answer_lines(client: socket.socket, answer: Callable[[bytes], bytes | None], stop: threading.Event) -> None:
    waiting = b""
    while not stop.is_set():
        try:
            data = client.recv(256)
        except TimeoutError:
            continue
        if not data:
            return
        *lines, waiting = (waiting + data).split(b"\r\n")
        for reply in filter(None, map(answer, lines)):
            client.sendall(reply)


def _for_ever(frames: Iterable[bytes]) -> Iterator[bytes]:
    last = b""
    for frame in frames:
        last = frame
        yield frame
    yield from repeat(last)
