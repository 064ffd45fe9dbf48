"""What every request and every answer must keep to: strict paths, and headers that tie a browser's hands."""

import re

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from loadlens.serving.api.problems import problem

# Names in paths are words, dots and hyphens; whatever could mean another path to somebody is refused before routing.
_ODD = re.compile(r"[\x00-\x1f\x7f\\%]|//|/\.{1,2}(/|$)")
_ODD_RAW = re.compile(rb"%(2f|5c|25|00)", re.IGNORECASE)
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(), payment=(), usb=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    "Cache-Control": "no-store",
}
_HTTPS_ONLY = ("Strict-Transport-Security", "max-age=31536000; includeSubDomains")


class Guard:
    """Stands before everything else. A route that sets one of the headers itself keeps its own."""

    def __init__(self, app: ASGIApp, is_https: bool) -> None:
        """`is_https`: people reach this server over https, as the settings say."""
        self._app = app
        self._is_https = is_https

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse an odd path with 400; let anything else through and complete the headers of its answer."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        is_reshaped = False

        async def send_guarded(message: Message) -> None:
            nonlocal is_reshaped
            if is_reshaped:
                return
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                if message["status"] == 413 and headers.get("content-type", "").startswith("text/plain"):
                    # The framework's own words for a body longer than its route takes; errors have one shape here.
                    await problem(413, "the body is longer than is taken here; send less")(scope, receive, send_guarded)
                    is_reshaped = True
                    return
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
                if self._is_https or scope["scheme"] == "https":
                    headers.setdefault(*_HTTPS_ONLY)
            await send(message)

        names = [name for name, _ in scope["headers"]]
        if b"transfer-encoding" in names and b"content-length" in names:
            # A proxy in front may have believed the other one, and what follows may not be what it let through.
            refused = problem(400, "the length of the body is told in two ways", headers={"Connection": "close"})
            await refused(scope, receive, send_guarded)
            return
        if _ODD.search(scope["path"]) or _ODD_RAW.search(scope["raw_path"]):
            await problem(400, "the path is written in an odd way; write it plainly")(scope, receive, send_guarded)
            return
        await self._app(scope, receive, send_guarded)
