"""Passwords of people, kept as Argon2id (RFC 9106, second recommended option: 64 MiB, three passes)."""

import threading

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerifyMismatchError

SHORTEST, LONGEST = 12, 256

_hasher = PasswordHasher()
# Each check takes 64 MiB and all cores for a moment; a flood of logins must not take the cameras' memory.
_turns = threading.Semaphore(2)
# Checked where there is no such user, so that an unknown name takes as long as a wrong password.
_NOBODY = _hasher.hash("nobody has this password")


class PasswordError(ValueError):
    """A password that may not be chosen; the message says why."""


def hash_password(password: str, *, name: str) -> str:
    """The Argon2id hash of a new password. Raises PasswordError where it is too short, too long or the user's name."""
    if not SHORTEST <= len(password) <= LONGEST:
        raise PasswordError(f"a password has {SHORTEST} to {LONGEST} characters; several words make a good one")
    if name.lower() in password.lower() and len(password) < len(name) + SHORTEST:
        raise PasswordError("the password is little more than the name; choose another one")
    if len(set(password)) < 5:
        raise PasswordError("the password repeats a few characters; choose another one")
    with _turns:
        return _hasher.hash(password)


def is_password(password: str, kept: str | None) -> bool:
    """Whether this is the password whose hash is kept; takes as long where nothing is kept."""
    if len(password) > LONGEST:
        return False
    with _turns:
        try:
            return _hasher.verify(kept or _NOBODY, password) and kept is not None
        except (VerifyMismatchError, InvalidHashError):
            return False
