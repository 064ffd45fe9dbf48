"""Sessions of people: kept at the server, so that they can be ended there.

A session has a new id at every login, ends when nobody used it for a while and at the latest after a set time. The
server keeps the SHA-256 of the id alone. Requests that change something also show a second token that only a page of
our own can know (`csrf_token`): a foreign page makes a browser send the cookie, but cannot read this.
"""

import hmac
from datetime import UTC, datetime, timedelta

from sqlalchemy import Engine, delete, select, update
from sqlalchemy.orm import Session

from loadlens.serving.access.caller import Caller, Role
from loadlens.serving.access.secrets import digest, new_secret
from loadlens.serving.store.access_tables import LoginSession, User
from loadlens.serving.store.database import write_session
from loadlens.serving.store.tables import now

# How often at most the last use of a session is written down.
_NOTED_EVERY = timedelta(minutes=1)


class Sessions:
    """The sessions in one database. Every method is one transaction and may be called from any thread."""

    def __init__(self, engine: Engine, *, idle: timedelta, longest: timedelta) -> None:
        self._engine = engine
        self._idle = idle
        self._longest = longest

    def begin(self, user_name: str) -> str:
        """A new session of a user; returns its id, which nobody can show again. Those that are over are swept."""
        token = new_secret()
        with write_session(self._engine) as session:
            session.execute(delete(LoginSession).where(LoginSession.expires_at <= now()))
            expires_at = _text(datetime.now(UTC) + self._longest)
            session.add(LoginSession(sha256=digest(token), user_name=user_name, seen_at=now(), expires_at=expires_at))
        return token

    def caller(self, token: str, *, in_use: bool = True) -> Caller | None:
        """Whose session this is; None where it is over or never was. `in_use`: its person does something with it."""
        query = select(LoginSession, User).join(User).where(LoginSession.sha256 == digest(token))
        with Session(self._engine, expire_on_commit=False) as reading:
            found = reading.execute(query).one_or_none()
        if found is None:
            return None
        row, user = found
        unused = datetime.now(UTC) - datetime.fromisoformat(row.seen_at)
        if not user.is_active or row.expires_at <= now() or unused >= self._idle:
            return None
        if in_use and unused >= _NOTED_EVERY:
            with write_session(self._engine) as session:
                session.execute(update(LoginSession).where(LoginSession.sha256 == row.sha256).values(seen_at=now()))
        return Caller(f"user:{user.name}", Role(user.role))

    def end(self, token: str) -> None:
        """Log out here."""
        with write_session(self._engine) as session:
            session.execute(delete(LoginSession).where(LoginSession.sha256 == digest(token)))

    def end_all(self, user_name: str) -> None:
        """Log out everywhere."""
        with write_session(self._engine) as session:
            session.execute(delete(LoginSession).where(LoginSession.user_name == user_name))


def csrf_token(token: str) -> str:
    """The second token of a session; it follows from the id and does not give it away."""
    return digest(f"csrf {token}")


def is_csrf_token(given: str, token: str) -> bool:
    """Whether this is the second token of the session, compared in constant time."""
    return hmac.compare_digest(given.encode(), csrf_token(token).encode())


def _text(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds")
