"""The cookie of a session: out of reach of scripts and of other sites, over TLS wherever there is a network between."""

import ipaddress

from fastapi import Request, Response

from loadlens.serving.api.parts import parts_of

_PLAIN = "loadlens_session"
# The prefix makes browsers refuse such a cookie from another host or over plain http.
_SECURE = f"__Host-{_PLAIN}"


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


def session_cookie(request: Request) -> str:
    """The name of the cookie."""
    return _SECURE if is_secure(request) else _PLAIN


def session_of(request: Request) -> str | None:
    """The id of the session that a browser brought."""
    return request.cookies.get(session_cookie(request))


def set_session(request: Request, response: Response, token: str) -> None:
    """Let the browser bring this session from now on, until it is closed."""
    response.set_cookie(
        session_cookie(request), token, path="/", httponly=True, secure=is_secure(request), samesite="strict"
    )
