"""Cookies: out of reach of scripts and of other sites, over TLS wherever there is a network between."""

import ipaddress

from fastapi import Request, Response

from loadlens.serving.api.parts import parts_of

_SESSION, _DEVICE = "loadlens_session", "loadlens_device"
# The prefix makes browsers refuse such a cookie from another host or over plain http.
_SECURE_PREFIX = "__Host-"
_DEVICE_FOR_S = 180 * 24 * 3600


def is_secure(request: Request) -> bool:
    """Whether the browser is reached over TLS: directly, by a trusted proxy, or as the settings say."""
    public = parts_of(request).settings.public_url or ""
    return request.url.scheme == "https" or public.startswith("https:")


def is_loopback(request: Request) -> bool:
    """Whether the other end is on this machine."""
    try:
        return request.client is not None and ipaddress.ip_address(request.client.host).is_loopback
    except ValueError:
        return False


def session_of(request: Request) -> str | None:
    """The id of the session that a browser brought."""
    return request.cookies.get(_named(request, _SESSION))


def set_session(request: Request, response: Response, token: str) -> None:
    """Let the browser bring this session from now on, until it is closed."""
    _set(request, response, _SESSION, token)


def end_session(request: Request, response: Response) -> None:
    """Let the browser forget its session."""
    response.delete_cookie(_named(request, _SESSION), path="/")


def device_of(request: Request) -> str:
    """What a browser brought to show that it is known; empty where it brought nothing."""
    return request.cookies.get(_named(request, _DEVICE), "")


def set_device(request: Request, response: Response, cookie: str) -> None:
    """Let the browser show for half a year that it is known."""
    _set(request, response, _DEVICE, cookie, _DEVICE_FOR_S)


def _named(request: Request, name: str) -> str:
    return f"{_SECURE_PREFIX}{name}" if is_secure(request) else name


def _set(request: Request, response: Response, name: str, value: str, for_s: int | None = None) -> None:
    response.set_cookie(
        _named(request, name),
        value,
        max_age=for_s,
        path="/",
        httponly=True,
        secure=is_secure(request),
        samesite="strict",
    )
