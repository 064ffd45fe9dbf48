"""All that decides who comes in, over one database."""

from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import Engine

from loadlens.serving.access.keys import Keys
from loadlens.serving.access.limits import LinkLimit, LoginLimit
from loadlens.serving.access.oidc import Oidc
from loadlens.serving.access.sessions import Sessions
from loadlens.serving.access.users import Users
from loadlens.serving.settings import Settings


@dataclass(frozen=True, slots=True)
class Access:
    """Keys of machines, people, their sessions, the limits of logins and links, and who vouches for people."""

    keys: Keys
    users: Users
    sessions: Sessions
    limit: LoginLimit
    link_limit: LinkLimit
    oidc: Oidc | None


def open_access(engine: Engine, settings: Settings) -> Access:
    """The parts of access over a sealed database, as the settings want them."""
    idle, longest = timedelta(minutes=settings.session_idle_min), timedelta(hours=settings.session_hours)
    oidc = None if settings.oidc is None else Oidc(settings.oidc, settings.public_url)
    return Access(
        Keys(engine),
        Users(engine),
        Sessions(engine, idle=idle, longest=longest),
        LoginLimit(engine),
        LinkLimit(),
        oidc,
    )
