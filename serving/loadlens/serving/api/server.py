"""The server process: it listens, and when it is asked to end it keeps what it has promised first."""

import gc
import socket
import threading
from contextlib import nullcontext
from types import FrameType

import uvicorn

from loadlens.serving.access.users import Users
from loadlens.serving.api.app import FolderInUseError, alone_in, create_app
from loadlens.serving.api.http_protocol import HttpProtocol
from loadlens.serving.api.request_log import RequestLog
from loadlens.serving.errors import CommandError
from loadlens.serving.folders import make_private
from loadlens.serving.logs import set_up_logs
from loadlens.serving.seal import open_seal
from loadlens.serving.settings import Settings
from loadlens.serving.store.database import open_database
from loadlens.serving.store.errors import StoreError
from loadlens.serving.store.journal import sealed
from loadlens.serving.store.signing import SigningKeyError

# Python's own is 700, which frames that come in bundles pass many times a second.
_OBJECTS_BETWEEN_COLLECTIONS = 10_000


class _Server(uvicorn.Server):
    """Ends with exit code 0 on SIGTERM and SIGINT: once to finish what is in hand, twice to drop it and go."""

    def __init__(self, config: uvicorn.Config, stopping: threading.Event) -> None:
        super().__init__(config)
        self._stopping = stopping

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to listen. What is there by then stays for good: to look it through for garbage would cost a server
        that is busy one part in sixteen of its time."""
        await super().startup(sockets)
        gc.collect()
        gc.freeze()
        gc.set_threshold(_OBJECTS_BETWEEN_COLLECTIONS)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002
        """Begin to stop. The signal is not raised again at the end: a stop that was asked for is no fault."""
        self._stopping.set()
        self.force_exit = self.should_exit
        self.should_exit = True


def listen(settings: Settings) -> None:
    """Serve until a signal ends it; prints the address. Raises CommandError where it cannot start."""
    set_up_logs(settings.log_format, settings.log_level)
    try:
        listener = socket.create_server((settings.host, settings.port), backlog=256)
    except OSError as error:
        raise CommandError(f"cannot listen on {settings.host}:{settings.port} ({error.strerror})") from error
    try:
        make_private(settings.data)
        # Any number of servers work on one PostgreSQL; a SQLite file has one.
        with listener, alone_in(settings.data) if settings.database is None else nullcontext():
            open_database(settings.database_url).dispose()  # a fault of it is told here, in one line
            stopping = threading.Event()
            config = uvicorn.Config(
                RequestLog(create_app(settings, stopping)),
                http=HttpProtocol,
                log_config=None,
                access_log=False,
                log_level=settings.log_level,
                server_header=False,
                # Else whoever comes from this machine could choose the address that its attempts are counted for.
                proxy_headers=bool(settings.trusted_proxies),
                forwarded_allow_ips=list(settings.trusted_proxies),
                timeout_graceful_shutdown=settings.stop_within_s,
            )
            server = _Server(config, stopping)
            address, port = listener.getsockname()[:2]
            print(f"serving on http://{address}:{port}", flush=True)
            _invite_first_admin(settings, settings.public_url or f"http://{address}:{port}")
            server.run(sockets=[listener])
            if not server.started:
                raise CommandError("the server could not start; its log above says why")
    except (FolderInUseError, StoreError, SigningKeyError) as error:
        raise CommandError(str(error)) from error


def _invite_first_admin(settings: Settings, address: str) -> None:
    """Print the link by which the first admin comes in. It is printed and not logged: whoever has it is the admin."""
    engine = sealed(open_database(settings.database_url), open_seal(settings))
    token = Users(engine).first_invitation()
    engine.dispose()
    if token is not None:
        print(f"first admin (works once, for a day): {address}/login#{token}", flush=True)
