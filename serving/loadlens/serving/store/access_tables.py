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
