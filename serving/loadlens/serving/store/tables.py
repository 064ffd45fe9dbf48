"""The tables. Times are ISO 8601 text in UTC; masses are decimal text, so that nothing is rounded on the way."""

from datetime import UTC, datetime

from sqlalchemy import CheckConstraint, ForeignKey, Text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

# Marks a column whose value may change in the life of its row; the journal vouches for all others.
CHANGES = {"changes": True}


def now() -> str:
    """The present moment as the tables keep it."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


class Base(DeclarativeBase):
    """The metadata that migrations are compared with."""


class Load(Base):
    """One visit of one truck. open: takes frames; closed: being graded; then graded, or failed with its reason."""

    __tablename__ = "loads"
    __table_args__ = (CheckConstraint("status in ('open', 'closed', 'graded', 'failed')", name="status_is_known"),)

    id: Mapped[str] = mapped_column(Text, primary_key=True)
    status: Mapped[str] = mapped_column(Text, default="open", index=True, info=CHANGES)
    declared: Mapped[str | None] = mapped_column(Text)
    standard: Mapped[str] = mapped_column(Text)
    created_at: Mapped[str] = mapped_column(Text, default=now)
    closed_at: Mapped[str | None] = mapped_column(Text, info=CHANGES)
    failure: Mapped[str | None] = mapped_column(Text, info=CHANGES)


class Weight(Base):
    """One weighing. Appended, never edited: the newest of a kind counts."""

    __tablename__ = "weights"
    __table_args__ = (CheckConstraint("kind in ('gross', 'tare')", name="kind_is_known"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    load_id: Mapped[str] = mapped_column(ForeignKey("loads.id"), index=True)
    kind: Mapped[str] = mapped_column(Text)
    kg: Mapped[str] = mapped_column(Text)
    division: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[str] = mapped_column(Text, default=now)


class StoredFrame(Base):
    """One frame of one camera; its bytes are the blob of this digest."""

    __tablename__ = "frames"

    load_id: Mapped[str] = mapped_column(ForeignKey("loads.id"), primary_key=True)
    camera: Mapped[str] = mapped_column(Text, primary_key=True)
    seq: Mapped[int] = mapped_column(primary_key=True)
    captured_at: Mapped[str] = mapped_column(Text)
    sha256: Mapped[str] = mapped_column(Text)
    width: Mapped[int]
    height: Mapped[int]
    created_at: Mapped[str] = mapped_column(Text, default=now)


class Assessment(Base):
    """What was seen of a load and what was concluded from it. Appended, never edited; the newest version counts."""

    __tablename__ = "assessments"

    load_id: Mapped[str] = mapped_column(ForeignKey("loads.id"), primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)
    observation: Mapped[str] = mapped_column(Text)
    report: Mapped[str] = mapped_column(Text)
    created_at: Mapped[str] = mapped_column(Text, default=now)


class Picture(Base):
    """The drawn-on key frame of one layer, a JPEG; its bytes are the blob of this digest."""

    __tablename__ = "pictures"

    load_id: Mapped[str] = mapped_column(ForeignKey("loads.id"), primary_key=True)
    layer: Mapped[int] = mapped_column(primary_key=True)
    sha256: Mapped[str] = mapped_column(Text)


class JournalRecord(Base):
    """One record of the journal (see `journal`); `body` is canonical JSON. Appended, never edited."""

    __tablename__ = "journal"

    seq: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    at: Mapped[str] = mapped_column(Text)
    kind: Mapped[str] = mapped_column(Text)
    subject: Mapped[str] = mapped_column(Text, index=True)
    actor: Mapped[str] = mapped_column(Text)
    body: Mapped[str] = mapped_column(Text)
    previous: Mapped[str] = mapped_column(Text)
    digest: Mapped[str] = mapped_column(Text)
    signature: Mapped[str] = mapped_column(Text)


class JournalHead(Base):
    """The one row that writers of the journal take turns at; `key` is the public key that signs the next record."""

    __tablename__ = "journal_head"
    __table_args__ = (CheckConstraint("id = 1", name="there_is_one_head"),)

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    seq: Mapped[int]
    digest: Mapped[str] = mapped_column(Text)
    key: Mapped[str | None] = mapped_column(Text)
