"""Random secrets and the hashes that are kept of them.

What has 256 random bits cannot be guessed from its SHA-256, so a slow hash would protect nothing and cost every
request; passwords of people are another matter, see `passwords`.
"""

import hashlib
import secrets

# What something unknown is compared with, so that it is answered along the same path as a wrong secret.
NO_DIGEST = hashlib.sha256(b"").hexdigest()


def new_secret() -> str:
    """256 random bits as text that may stand in a URL."""
    return secrets.token_urlsafe(32)


def digest(secret: str) -> str:
    """What is kept of a secret."""
    return hashlib.sha256(secret.encode()).hexdigest()
