"""Pages for browsers, each with a policy that allows its own script and style and nothing else."""

import base64
import hashlib

from fastapi.responses import HTMLResponse


def html_page(text: str, *allows: str, status: int = 200, headers: dict[str, str] | None = None) -> HTMLResponse:
    """A page; `allows` are directives of its content security policy beside those for what it holds itself."""
    own = [f"{tag}-src 'sha256-{_digest(text, tag)}'" for tag in ("script", "style") if f"<{tag}>" in text]
    # Its icon is a picture too; a page that names none is asked for one at an address where nobody is let in.
    policy = ["default-src 'none'", "img-src 'self'", *own, "frame-ancestors 'none'", "base-uri 'none'", *allows]
    return HTMLResponse(text, status, {"Content-Security-Policy": "; ".join(policy), **(headers or {})})


def _digest(text: str, tag: str) -> str:
    inside = text.partition(f"<{tag}>")[2].partition(f"</{tag}>")[0]
    return base64.b64encode(hashlib.sha256(inside.encode()).digest()).decode()
