"""The table of store rooms: what they hold lies in the ledger, what their sensors say in the readings of their lane."""

from sqlalchemy import ForeignKey, Text
from sqlalchemy.orm import Mapped, mapped_column

from loadlens.serving.store.tables import CHANGES, Base, now


class Room(Base):
    """A store room. `about` is JSON: its name, zones, capacity and limits; the journal keeps what it was before."""

    __tablename__ = "rooms"

    id: Mapped[str] = mapped_column(Text, primary_key=True)
    lane: Mapped[str | None] = mapped_column(ForeignKey("lanes.id"), unique=True, info=CHANGES)
    about: Mapped[str] = mapped_column(Text, info=CHANGES)
    created_at: Mapped[str] = mapped_column(Text, default=now)
