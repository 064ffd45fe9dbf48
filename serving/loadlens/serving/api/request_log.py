"""One id for every request: in the answer, and on every log line that the request causes."""

import re
import time
import uuid

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from loadlens.serving import metrics

log = structlog.get_logger("loadlens.http")

_ID = re.compile(rb"[\w.\-]{1,64}", re.ASCII)
_HEADER = b"x-request-id"
_LINK = b"/s/"
_ASKED_ALL_THE_TIME = ("/healthz", "/readyz", "/metrics")
_REFUSALS = {
    401: "no key",
    403: "not allowed",
    404: "no such load or lane",
    408: "too slow",
    409: "conflict",
    413: "too large",
    429: "too many",
    503: "busy",
    507: "disk full",
}


class RequestLog:
    """The outermost layer of the application; keeps the id that a proxy in front may have given (X-Request-Id)."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request under its id, then log one line about it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = _given_id(scope) or uuid.uuid4().hex.encode()
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=request_id.decode())
        status, began = 500, time.perf_counter()

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", ()), (_HEADER, request_id)]
            await send(message)

        try:
            await self._app(scope, receive, send_with_id)
        finally:
            _tell(scope, status, time.perf_counter() - began)


def _given_id(scope: Scope) -> bytes | None:
    given: bytes | None = next((value for name, value in scope["headers"] if name == _HEADER), None)
    return given if given is not None and _ID.fullmatch(given) else None


def _tell(scope: Scope, status: int, seconds: float) -> None:
    is_frame = scope["method"] == "PUT" and "/frames/" in scope["path"]
    if is_frame and status >= 400:
        metrics.frames_refused.labels(_REFUSALS.get(status, "not usable" if status < 500 else "server failed")).inc()
    is_routine = status < 400 and (is_frame or scope["path"] in _ASKED_ALL_THE_TIME)
    caller = getattr(scope.get("state", {}).get("caller"), "name", None)
    # The raw path: decoded, it could hold line breaks. The query stays out: it may hold what nobody should read.
    (log.debug if is_routine else log.info)(
        "request",
        method=scope["method"],
        path=_shown(scope["raw_path"]),
        status=status,
        ms=round(1000 * seconds, 1),
        caller=caller,
    )


def _shown(raw_path: bytes) -> str:
    """A path as it is logged. What follows in a supplier's link lets in whoever reads it."""
    return "/s/…" if raw_path.startswith(_LINK) else raw_path.decode("ascii", "replace")
