"""The tables of who may come in. Secrets are kept as hashes only."""

from sqlalchemy import ForeignKey, Text
from sqlalchemy.orm import Mapped, mapped_column

from loadlens.serving.store.tables import Base, now


class ApiKey(Base):
    """A key of a machine; `id` is its public part. Appended, never edited: old records keep their author."""

    __tablename__ = "api_keys"

    id: Mapped[str] = mapped_column(Text, primary_key=True)
    name: Mapped[str] = mapped_column(Text)
    sha256: Mapped[str] = mapped_column(Text)
    role: Mapped[str] = mapped_column(Text)
    lane: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[str] = mapped_column(Text, default=now)
    created_by: Mapped[str] = mapped_column(Text)
    expires_at: Mapped[str] = mapped_column(Text)


class KeyRevocation(Base):
    """A key that opens nothing any more. Appended, never edited."""

    __tablename__ = "key_revocations"

    key_id: Mapped[str] = mapped_column(ForeignKey("api_keys.id"), primary_key=True)
    at: Mapped[str] = mapped_column(Text, default=now)
    by: Mapped[str] = mapped_column(Text)


class User(Base):
    """A person. `name` is what they log in with; `identity` is issuer and subject where another service vouches."""

    __tablename__ = "users"

    name: Mapped[str] = mapped_column(Text, primary_key=True)
    role: Mapped[str] = mapped_column(Text)
    is_active: Mapped[bool] = mapped_column(default=True)
    password: Mapped[str | None] = mapped_column(Text)
    identity: Mapped[str | None] = mapped_column(Text, unique=True)
    created_at: Mapped[str] = mapped_column(Text, default=now)


class Invitation(Base):
    """A link that lets somebody choose a password once. Without `name` its holder chooses the name too."""

    __tablename__ = "invitations"

    sha256: Mapped[str] = mapped_column(Text, primary_key=True)
    name: Mapped[str | None] = mapped_column(Text)
    role: Mapped[str] = mapped_column(Text)
    expires_at: Mapped[str] = mapped_column(Text)


class LoginSession(Base):
    """A person who is logged in. The row goes when the session ends."""

    __tablename__ = "sessions"

    sha256: Mapped[str] = mapped_column(Text, primary_key=True)
    user_name: Mapped[str] = mapped_column(ForeignKey("users.name"), index=True)
    seen_at: Mapped[str] = mapped_column(Text)
    expires_at: Mapped[str] = mapped_column(Text)


class LoginAttempt(Base):
    """A login that was tried and has not succeeded; old ones go."""

    __tablename__ = "login_attempts"

    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[str] = mapped_column(Text, index=True)
    name: Mapped[str] = mapped_column(Text)
    address: Mapped[str] = mapped_column(Text)
