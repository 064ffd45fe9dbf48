"""People: invited by a link that works once, with a password of their own choice or vouched for by another service.

Nobody ever sets another person's password: an admin gives a link. The first start gives one to whoever reads the
server's output, so there is no default password.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from sqlalchemy import Engine, delete, func, select
from sqlalchemy.orm import Session

from loadlens.serving.access.caller import Role
from loadlens.serving.access.devices import known_device, new_device
from loadlens.serving.access.passwords import hash_password, is_password
from loadlens.serving.access.secrets import digest, new_secret
from loadlens.serving.store.access_tables import Invitation, LoginSession, User
from loadlens.serving.store.database import read_session, write_session
from loadlens.serving.store.journal import SYSTEM, append
from loadlens.serving.store.tables import now

_INVITED_FOR = timedelta(hours=24)


class UserError(Exception):
    """Something about a user that cannot be done; the message says why."""


class Users:
    """The users in one sealed database. Every method is one transaction and may be called from any thread."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def first_invitation(self) -> str | None:
        """The token of an invitation for the first admin; None where there is a user or such an invitation is out."""
        with write_session(self._engine) as session:
            pending = select(Invitation).where(Invitation.expires_at > now()).limit(1)
            if session.scalars(select(func.count()).select_from(User)).one() or session.scalars(pending).first():
                return None
            return _invite(session, None, Role.ADMIN, SYSTEM)

    def invite(self, name: str, role: Role, by: str) -> str:
        """A token with which a new user of this name chooses a password; raises UserError where the name is taken."""
        with write_session(self._engine) as session:
            if session.get(User, name) is not None:
                raise UserError(f"there is a user {name!r} already; choose another name")
            return _invite(session, name, role, by)

    def reinvite(self, name: str, by: str) -> str:
        """A token with which a user chooses a new password. The old one and every session end now."""
        with write_session(self._engine) as session:
            user = _user(session, name)
            user.password = None
            _end_sessions(session, name)
            return _invite(session, name, Role(user.role), by)

    def accept(self, token: str, name: str | None, password: str) -> User:
        """Turn an invitation into a user with this password; raises UserError, PasswordError."""
        with read_session(self._engine) as session:
            chosen = _valid(session, token).name or name
        if chosen is None:
            raise UserError("choose a name")
        kept = hash_password(password, name=chosen)  # takes its time, so nobody waits for our transaction meanwhile
        with write_session(self._engine) as session:
            invitation = _valid(session, token)
            user = session.get(User, chosen)
            if user is not None and invitation.name is None:
                raise UserError(f"there is a user {chosen!r} already; choose another name")
            session.delete(invitation)
            if user is None:
                user = User(name=chosen, role=invitation.role)
                session.add(user)
                append(session, "user.created", f"user:{chosen}", {"role": invitation.role}, f"user:{chosen}")
            user.password = kept
            append(session, "user.password", f"user:{chosen}", {}, f"user:{chosen}")
            return user

    def check_password(self, name: str, password: str) -> bool:
        """Whether a user of this name may log in with this password; takes as long where there is none."""
        with read_session(self._engine) as session:
            user = session.get(User, name)
        kept = user.password if user is not None and user.is_active else None
        return is_password(password, kept)

    def new_device(self, name: str) -> str:
        """The cookie of a browser that this user has just logged in with, by the password that is theirs now."""
        with read_session(self._engine) as session:
            return new_device(name, _user(session, name).password or "")

    def known_device(self, name: str, cookie: str) -> str | None:
        """The device of a cookie; None where no user of this name has logged in with it by their present password."""
        with read_session(self._engine) as session:
            user = session.get(User, name)
        return None if user is None or user.password is None else known_device(cookie, name, user.password)

    def set_password(self, name: str, password: str) -> None:
        """Let a user have another password, and end all of their sessions. Raises PasswordError."""
        kept = hash_password(password, name=name)
        with write_session(self._engine) as session:
            _user(session, name).password = kept
            _end_sessions(session, name)
            append(session, "user.password", f"user:{name}", {}, f"user:{name}")

    def vouched_for(self, identity: str, name: str, role: Role) -> User:
        """The user whom another service vouches for, made where there is none, with the role that it says now.

        Raises UserError where the name is another user's, or the user was shut out here.
        """
        with write_session(self._engine) as session:
            user = session.scalars(select(User).where(User.identity == identity)).one_or_none()
            if user is None:
                if session.get(User, name) is not None:
                    raise UserError(f"the name {name!r} is taken by another user; ask an admin")
                user = User(name=name, role=role, identity=identity)
                session.add(user)
                append(session, "user.created", f"user:{name}", {"role": role, "identity": identity}, SYSTEM)
            if not user.is_active:
                raise UserError(f"{user.name} is shut out; ask an admin")
            if user.role != role:
                append(session, "user.changed", f"user:{user.name}", {"role": role}, SYSTEM)
                user.role = role
            return user

    def change(self, name: str, by: str, *, role: Role | None = None, is_active: bool | None = None) -> User:
        """Give a user another role, or shut them out or in; raises UserError where no admin would be left."""
        with write_session(self._engine) as session:
            user = _user(session, name)
            user.role = user.role if role is None else role
            user.is_active = user.is_active if is_active is None else is_active
            session.flush()
            admins = select(func.count()).where(User.role == Role.ADMIN, User.is_active)
            if session.scalars(admins).one() == 0:
                raise UserError("no admin would be left; make another one first")
            if not user.is_active:
                _end_sessions(session, name)
            append(session, "user.changed", f"user:{name}", {"role": user.role, "is_active": user.is_active}, by)
            return user

    def all(self) -> Sequence[User]:
        """Every user by name."""
        with read_session(self._engine) as session:
            return session.scalars(select(User).order_by(User.name)).all()


def _valid(session: Session, token: str) -> Invitation:
    invitation = session.get(Invitation, digest(token))
    if invitation is None or invitation.expires_at <= now():
        raise UserError("the link is not valid: it was used, or it is older than a day; ask for another one")
    return invitation


def _user(session: Session, name: str) -> User:
    user = session.get(User, name)
    if user is None:
        raise UserError(f"there is no user {name!r}")
    return user


def _invite(session: Session, name: str | None, role: Role, by: str) -> str:
    # One link for one person: an older one must not outlive a newer one.
    session.execute(delete(Invitation).where(Invitation.name == name if name else Invitation.name.is_(None)))
    token = new_secret()
    expires_at = (datetime.now(UTC) + _INVITED_FOR).isoformat(timespec="milliseconds")
    session.add(Invitation(sha256=digest(token), name=name, role=role, expires_at=expires_at))
    append(session, "user.invited", f"user:{name or '?'}", {"role": role, "until": expires_at}, by)
    return token


def _end_sessions(session: Session, name: str) -> None:
    session.execute(delete(LoginSession).where(LoginSession.user_name == name))
