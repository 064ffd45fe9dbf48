"""How often a login may be tried: per account and per address, counted in the database, so for all servers together.

Whoever knows a name can keep its owner out by trying: that is the price of a limit. It ends by itself after a quarter
of an hour, and sessions that exist go on.
"""

from datetime import UTC, datetime, timedelta

from sqlalchemy import Engine, delete, func, select

from loadlens.serving.store.access_tables import LoginAttempt
from loadlens.serving.store.database import write_session
from loadlens.serving.store.tables import now

WINDOW = timedelta(minutes=15)
PER_ACCOUNT, PER_ADDRESS = 10, 60


class TooManyAttemptsError(Exception):
    """Too many logins were tried for this account or from this address."""


class LoginLimit:
    """Counts attempts before they are checked, so that many at once do not slip through."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def attempt(self, name: str, address: str) -> None:
        """Count one attempt; raises TooManyAttemptsError where it is one too many, whatever the password."""
        since = (datetime.now(UTC) - WINDOW).isoformat(timespec="milliseconds")
        with write_session(self._engine) as session:
            session.execute(delete(LoginAttempt).where(LoginAttempt.at < since))
            tried = select(func.count()).select_from(LoginAttempt)
            of_account = session.scalars(tried.where(LoginAttempt.name == name)).one()
            of_address = session.scalars(tried.where(LoginAttempt.address == address)).one()
            if of_account >= PER_ACCOUNT or of_address >= PER_ADDRESS:
                raise TooManyAttemptsError(
                    f"too many logins were tried; wait {WINDOW.total_seconds() / 60:.0f} minutes, then try again"
                )
            session.add(LoginAttempt(at=now(), name=name, address=address))

    def succeeded(self, name: str, address: str) -> None:
        """Forget what was tried for this account from this address."""
        with write_session(self._engine) as session:
            session.execute(delete(LoginAttempt).where(LoginAttempt.name == name, LoginAttempt.address == address))
