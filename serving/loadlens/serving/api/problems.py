"""Every error of the API has one shape: application/problem+json with type, title, status and detail.

Where the detail is known in Chinese too, `detail_zh` says it.
"""

import logging
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from sqlalchemy.exc import DataError
from sqlalchemy.exc import TimeoutError as NoConnectionLeftError
from starlette.exceptions import HTTPException

from loadlens.serving.access.keys import KeyUseError
from loadlens.serving.access.limits import WINDOW, TooManyAttemptsError
from loadlens.serving.access.oidc import OidcError
from loadlens.serving.access.passwords import PasswordError
from loadlens.serving.access.users import UserError
from loadlens.serving.load_errors import (
    ChangedError,
    ClaimedError,
    ConflictError,
    FramesMissingError,
    LoadError,
    UnacceptableError,
    UnknownLoadError,
)
from loadlens.serving.sentences import refusal_zh
from loadlens.serving.store.errors import BlobError, StoreFullError, StoreUnavailableError

log = logging.getLogger("loadlens.api")

_LATER = {"Retry-After": "2"}
_STATUS = {
    UnknownLoadError: 404,
    ConflictError: 409,
    ChangedError: 412,
    UnacceptableError: 422,
}


def problem(status: int, detail: str, *, headers: dict[str, str] | None = None, **more: Any) -> JSONResponse:
    """A response of an error; `more` are members beside the usual four."""
    body = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "detail": detail, **more}
    if (chinese := refusal_zh(detail)) is not None:
        body["detail_zh"] = chinese
    return JSONResponse(body, status, headers, media_type="application/problem+json")


_WHEN = {
    400: "a header is missing or malformed",
    401: "no key or session was sent, or one that is not known",
    403: "the caller may not do this",
    404: "there is no such thing",
    408: "the body did not arrive in time",
    409: "the thing is not in a state for this, or was told something else before",
    410: "it was let go when it was old, as the settings of the site say",
    412: "the thing is no longer what If-Match says",
    413: "the body is too large",
    422: "what was sent cannot be used",
    429: "too many requests; Retry-After says when to come again",
    500: "the server failed",
    503: "the server cannot do this now; Retry-After says when to come again",
    507: "the server's disk is full",
}
_ALWAYS = (400, 401, 403, 413, 422, 429, 500, 503)
_SCHEMA = {
    "type": "object",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "detail_zh": {"type": "string"},
    },
}


def answers(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """What OpenAPI says of the errors a route may answer with: those of every route, and these."""
    content = {"application/problem+json": {"schema": _SCHEMA}}
    return {status: {"description": _WHEN[status], "content": content} for status in sorted({*_ALWAYS, *statuses})}


def install(app: FastAPI) -> None:
    """Answer every error of the app in the one shape."""

    @app.exception_handler(LoadError)
    def load_error(_: Request, error: LoadError) -> JSONResponse:
        if isinstance(error, FramesMissingError):
            return problem(409, str(error), missing=error.missing)
        if isinstance(error, ClaimedError):
            return problem(409, str(error), holder=error.holder, expires_at=error.expires_at)
        return problem(_STATUS[type(error)], str(error))

    @app.exception_handler(UserError)
    @app.exception_handler(PasswordError)
    @app.exception_handler(KeyUseError)
    def access_error(_: Request, error: Exception) -> JSONResponse:
        return problem(409 if isinstance(error, UserError) else 422, str(error))

    @app.exception_handler(OidcError)
    def not_vouched_for(_: Request, error: OidcError) -> JSONResponse:
        return problem(403, str(error))

    @app.exception_handler(TooManyAttemptsError)
    def too_many(_: Request, error: TooManyAttemptsError) -> JSONResponse:
        return problem(429, str(error), headers={"Retry-After": f"{WINDOW.total_seconds():.0f}"})

    @app.exception_handler(HTTPException)
    def http_error(_: Request, error: HTTPException) -> JSONResponse:
        return problem(error.status_code, error.detail, headers=dict(error.headers or {}))

    @app.exception_handler(RequestValidationError)
    def not_valid(_: Request, error: RequestValidationError) -> JSONResponse:
        faults = [(".".join(str(part) for part in fault["loc"]), fault["msg"]) for fault in error.errors()]
        # A frame without a usable header is a malformed request, not an unusable frame.
        status = 400 if any(where.startswith("header.") for where, _ in faults) else 422
        return problem(status, "; ".join(f"{where}: {what}" for where, what in faults))

    @app.exception_handler(StoreUnavailableError)
    def store_away(_: Request, error: StoreUnavailableError) -> JSONResponse:
        log.error("%s", error)
        return problem(503, "the server's records cannot be reached now; nothing was lost, ask again", headers=_LATER)

    @app.exception_handler(NoConnectionLeftError)
    def all_busy(_: Request, error: NoConnectionLeftError) -> JSONResponse:
        log.error("%s", error)
        return problem(503, "the server is too busy; ask again", headers=_LATER)

    @app.exception_handler(DataError)
    def cannot_be_kept(_: Request, error: DataError) -> JSONResponse:
        log.warning("%s", error.orig)
        return problem(422, "a text holds the character NUL, or a number is too large, to be kept")

    @app.exception_handler(StoreFullError)
    def store_full(_: Request, error: StoreFullError) -> JSONResponse:
        log.error("%s", error)
        return problem(507, "the server's disk is full; nothing was stored")

    @app.exception_handler(BlobError)
    def blob_error(_: Request, error: BlobError) -> JSONResponse:
        log.error("%s", error)
        return problem(500, str(error))

    @app.exception_handler(OSError)
    def disk_error(_: Request, error: OSError) -> JSONResponse:
        log.error("the disk refused: %s", error)
        return problem(500, "the server could not use its disk; nothing was stored")

    @app.exception_handler(Exception)
    def unforeseen(_: Request, __: Exception) -> JSONResponse:
        return problem(500, "the server failed; its log says why")
