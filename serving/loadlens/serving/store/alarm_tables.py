"""The tables of alarms. An alarm and its acknowledgement are appended; only the outbox, which is no record, changes."""

from sqlalchemy import ForeignKey, Index, Text
from sqlalchemy.orm import Mapped, mapped_column

from loadlens.serving.store.tables import Base, now


class Alarm(Base):
    """Something a person must know at once. `subject` is what it is about, as "load:<id>"; `body` is JSON."""

    __tablename__ = "alarms"

    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[str] = mapped_column(Text, default=now)
    kind: Mapped[str] = mapped_column(Text)
    subject: Mapped[str] = mapped_column(Text, index=True)
    lane: Mapped[str | None] = mapped_column(Text, index=True)
    body: Mapped[str] = mapped_column(Text)


class Acknowledgement(Base):
    """A person has seen an alarm and taken it over; the first one counts. `actor` is whose credentials were used."""

    __tablename__ = "acknowledgements"

    alarm_id: Mapped[int] = mapped_column(ForeignKey("alarms.id"), primary_key=True, autoincrement=False)
    at: Mapped[str] = mapped_column(Text, default=now)
    person: Mapped[str] = mapped_column(Text)
    actor: Mapped[str] = mapped_column(Text)
    note: Mapped[str] = mapped_column(Text)


class Outgoing(Base):
    """One message for one channel, until it was delivered. `next_try_at` is also the lease of who tries now."""

    __tablename__ = "outbox"
    __table_args__ = (Index("outbox_by_turn", "channel", "delivered_at", "tries", "id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    channel: Mapped[str] = mapped_column(Text)
    message: Mapped[str] = mapped_column(Text)
    lane: Mapped[str | None] = mapped_column(Text)
    payload: Mapped[str] = mapped_column(Text)
    at: Mapped[str] = mapped_column(Text, default=now)
    tries: Mapped[int] = mapped_column(default=0)
    next_try_at: Mapped[str] = mapped_column(Text, default=now)
    delivered_at: Mapped[str | None] = mapped_column(Text)
    trouble: Mapped[str | None] = mapped_column(Text)


class DeviceHealth(Base):
    """What the reader of a scale or sensor last said of its line, and when."""

    __tablename__ = "device_health"

    lane: Mapped[str] = mapped_column(Text, primary_key=True)
    device: Mapped[str] = mapped_column(Text, primary_key=True)
    state: Mapped[str] = mapped_column(Text)
    why: Mapped[str] = mapped_column(Text)
    since: Mapped[str] = mapped_column(Text)
    counts: Mapped[str] = mapped_column(Text)
    at: Mapped[str] = mapped_column(Text)
