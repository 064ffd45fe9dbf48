"""Known devices: a browser that a person has logged in with keeps a cookie that says so, and it lets nobody in.

Attempts from such a browser are counted apart from all others (see `limits`), so nobody who merely knows a name can
keep its owner out of it. OWASP calls them device cookies. The cookie is a number and its HMAC under the hash of the
person's password: only this server can make it, another password ends it, and nothing has to be kept.
"""

import hmac
import secrets


def new_device(name: str, kept: str) -> str:
    """The cookie of a browser that this person has logged in with; `kept` is the hash of their password."""
    device = secrets.token_hex(8)
    return f"{device}.{_proof(device, name, kept)}"


def known_device(cookie: str, name: str, kept: str) -> str | None:
    """The device that a cookie stands for; None where it is not this person's, or was made before another password."""
    device, _, proof = cookie.partition(".")
    return device if hmac.compare_digest(proof.encode(), _proof(device, name, kept).encode()) else None


def _proof(device: str, name: str, kept: str) -> str:
    return hmac.digest(kept.encode(), f"loadlens device {device} {name}".encode(), "sha256").hex()
