"""Keys of machines: random, shown once, kept as a hash, for one role and perhaps one lane, until a day that is set.

A key is `llk_ID_SECRET`. ID is public and finds the row; of the whole only the SHA-256 is kept. Any number of keys may
be valid at once: to change one without a gap, add the new one, hand it over, then revoke the old one.
"""

import hmac
import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import Engine, select

from loadlens.serving.access.caller import LANE_ROLES, Caller, Role
from loadlens.serving.access.secrets import NO_DIGEST, digest, new_secret
from loadlens.serving.store.access_tables import ApiKey, KeyRevocation
from loadlens.serving.store.database import read_session, write_session
from loadlens.serving.store.journal import append
from loadlens.serving.store.tables import now

_PREFIX = "llk"
# For so long a key that was good is taken to be good still where a camera sends frame upon frame.
_STILL_GOOD_S = 1.0
_KEYS_REMEMBERED = 1000


class KeyRefusedError(Exception):
    """A key that opens nothing; the message says why, and no more than its holder may know."""


class KeyUseError(Exception):
    """A key that cannot be made or revoked as asked."""


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key as it is asked for; `days` is how long it is valid, `replaces` the id of the key that it follows."""

    name: str
    role: Role
    lane: str | None
    days: int
    replaces: str | None = None


class Keys:
    """The keys in one sealed database. Every method is one transaction and may be called from any thread."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._good: dict[str, tuple[Caller, float]] = {}
        self._revocations = 0

    def add(self, new: NewKey, by: str) -> tuple[ApiKey, str]:
        """Make a key; returns its row and the key itself, which nobody can show again."""
        if new.lane is not None and new.role not in LANE_ROLES:
            raise KeyUseError(f"a key with the role {new.role} is for every lane; leave the lane out")
        key_id = secrets.token_hex(6)
        token = f"{_PREFIX}_{key_id}_{new_secret()}"
        expires_at = (datetime.now(UTC) + timedelta(days=new.days)).isoformat(timespec="milliseconds")
        row = ApiKey(
            id=key_id,
            name=new.name,
            sha256=digest(token),
            role=new.role,
            lane=new.lane,
            expires_at=expires_at,
            created_by=by,
        )
        with write_session(self._engine) as session:
            if new.replaces is not None and session.get(ApiKey, new.replaces) is None:
                raise KeyUseError(f"there is no key {new.replaces!r} to replace; `loadlens keys list` shows all")
            session.add(row)
            append(session, "key.created", f"key:{key_id}", {"replaces": new.replaces}, by, rows=[row])
        return row, token

    def revoke(self, key_id: str, by: str) -> KeyRevocation:
        """Let a key open nothing from now on; one that was revoked before stays as it is."""
        with write_session(self._engine) as session:
            if session.get(ApiKey, key_id) is None:
                raise KeyUseError(f"there is no key {key_id!r}; `loadlens keys list` shows all")
            revocation = session.get(KeyRevocation, key_id)
            if revocation is None:
                revocation = KeyRevocation(key_id=key_id, by=by)
                session.add(revocation)
                append(session, "key.revoked", f"key:{key_id}", {}, by, rows=[revocation])
        self._revocations += 1
        self._good.clear()
        return revocation

    def all(self) -> Sequence[tuple[ApiKey, KeyRevocation | None]]:
        """Every key that was ever made, oldest first, with its revocation."""
        query = select(ApiKey, KeyRevocation).outerjoin(KeyRevocation).order_by(ApiKey.created_at, ApiKey.id)
        with read_session(self._engine) as session:
            return [(key, revocation) for key, revocation in session.execute(query)]

    def caller(self, token: str) -> Caller:
        """Whose key this is; KeyRefusedError where it opens nothing.

        That a key is expired or revoked is told only to who holds the whole of it.
        """
        _, _, rest = token.partition("_")
        key_id, _, _ = rest.partition("_")
        revocations = self._revocations
        query = select(ApiKey, KeyRevocation).outerjoin(KeyRevocation).where(ApiKey.id == key_id)
        with read_session(self._engine) as session:
            found = session.execute(query).one_or_none()
        key, revocation = found or (None, None)
        is_right = hmac.compare_digest(digest(token), key.sha256 if key else NO_DIGEST)
        if key is None or not is_right:
            raise KeyRefusedError("the key is not known here")
        if revocation is not None:
            raise KeyRefusedError(f"the key {key_id} was revoked at {revocation.at}; ask for another one")
        if key.expires_at <= now():
            raise KeyRefusedError(f"the key {key_id} expired at {key.expires_at}; ask for another one")
        caller = Caller(f"key:{key.id}", Role(key.role), key.lane)
        if len(self._good) >= _KEYS_REMEMBERED:
            self._good.clear()
        self._good[digest(token)] = caller, time.monotonic()
        if self._revocations != revocations:  # perhaps of this key, after it was read: do not take it for good
            self._good.clear()
        return caller

    def still_good(self, token: str) -> Caller | None:
        """Whose key this is, if it was found good less than a second ago; the database is not asked."""
        caller, found_at = self._good.get(digest(token), (None, 0.0))
        return caller if time.monotonic() - found_at < _STILL_GOOD_S else None
