"""How often a login may be tried, counted in the database, so for all servers together.

A stranger's attempts are counted for the name from his address, for his address, and for the name from all addresses:
that last count is ten times higher, so one address keeps nobody else out of a name, and many that guess together are
slowed all the same. A browser that the person has logged in with before is counted by itself alone (see `devices`):
whatever strangers try, its owner comes in. Waiting ends by itself after a quarter of an hour; sessions go on meanwhile.
"""

import ipaddress
import threading
import time
from collections import Counter
from datetime import UTC, datetime, timedelta

from sqlalchemy import Engine, delete, func, select

from loadlens.serving.store.access_tables import LoginAttempt
from loadlens.serving.store.database import write_session
from loadlens.serving.store.tables import now

WINDOW = timedelta(minutes=15)
PER_NAME_AND_SOURCE, PER_ADDRESS, PER_NAME = 10, 60, 100
PER_LINK = 300
# What stands before a known device in place of an address.
_DEVICE = "device:"
# Whoever has an IPv6 address has the 2^64 beside it.
_IPV6_NETWORK = 64


class TooManyAttemptsError(Exception):
    """Too many logins were tried for this account or from this address, or too much was asked for through a link."""


class LoginLimit:
    """Counts attempts before they are checked, so that many at once do not slip through."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def attempt(self, name: str, address: str, device: str | None) -> None:
        """Count one attempt; raises TooManyAttemptsError where it is one too many, whatever the password.

        `device` is the known device that it comes from, None for any other.
        """
        since = (datetime.now(UTC) - WINDOW).isoformat(timespec="milliseconds")
        source = _source(address, device)
        tried = select(func.count()).select_from(LoginAttempt)
        of_name = tried.where(LoginAttempt.name == name)
        limits = [(of_name.where(LoginAttempt.address == source), PER_NAME_AND_SOURCE)]
        if device is None:
            limits.append((tried.where(LoginAttempt.address == source), PER_ADDRESS))
            limits.append((of_name.where(LoginAttempt.address.not_like(f"{_DEVICE}%")), PER_NAME))
        with write_session(self._engine) as session:
            session.execute(delete(LoginAttempt).where(LoginAttempt.at < since))
            if any(session.scalars(count).one() >= limit for count, limit in limits):
                raise TooManyAttemptsError(
                    f"too many logins were tried; wait {WINDOW.total_seconds() / 60:.0f} minutes, then try again"
                )
            session.add(LoginAttempt(at=now(), name=name, address=source))

    def succeeded(self, name: str, address: str, device: str | None) -> None:
        """Forget what was tried for this account from there."""
        source = _source(address, device)
        with write_session(self._engine) as session:
            session.execute(delete(LoginAttempt).where(LoginAttempt.name == name, LoginAttempt.address == source))


class LinkLimit:
    """Counts what is asked for through each supplier's link, in this process alone and anew in every window."""

    def __init__(self) -> None:
        self._window = 0
        self._asked: Counter[str] = Counter()
        self._turn = threading.Lock()

    def ask(self, link: str) -> None:
        """Count one request; raises TooManyAttemptsError where it is one too many."""
        window = int(time.monotonic() // WINDOW.total_seconds())
        with self._turn:
            if window != self._window:
                self._window, self._asked = window, Counter()
            self._asked[link] += 1
            if self._asked[link] > PER_LINK:
                raise TooManyAttemptsError("this link was used too often; wait 15 minutes, then try again")


def _source(address: str, device: str | None) -> str:
    """What attempts are counted for: the known device, the address, or of an IPv6 address its network."""
    if device is not None:
        return f"{_DEVICE}{device}"
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    return str(ipaddress.ip_network((parsed, _IPV6_NETWORK), strict=False)) if parsed.version == 6 else address
