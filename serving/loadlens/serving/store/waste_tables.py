"""The tables of the waste ledger. Containers, entries and postings are appended; stock follows from them."""

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, Integer, Text
from sqlalchemy.orm import Mapped, mapped_column

from loadlens.serving.store.tables import CHANGES, Base, now

# Grams: a plant's stock in grams passes 32 bits at two thousand tonnes.
_GRAMS = BigInteger().with_variant(Integer, "sqlite")


class WasteContainer(Base):
    """One container of one waste, under the code that a person confirmed (`actor`)."""

    __tablename__ = "waste_containers"
    __table_args__ = (Index("waste_containers_by_code", "list_id", "code", "identity"),)

    identity: Mapped[str] = mapped_column(Text, primary_key=True)
    list_id: Mapped[str] = mapped_column(Text)
    edition: Mapped[str] = mapped_column(Text)
    code: Mapped[str] = mapped_column(Text)
    name: Mapped[str] = mapped_column(Text)
    litres: Mapped[str] = mapped_column(Text)
    actor: Mapped[str] = mapped_column(Text)
    at: Mapped[str] = mapped_column(Text, default=now)


class WasteEntry(Base):
    """One entry of the ledger; `number` counts them as they were accepted. An entry is taken back at most once."""

    __tablename__ = "waste_entries"
    __table_args__ = (Index("waste_entries_by_time", "made_at"),)

    number: Mapped[int] = mapped_column(primary_key=True)
    id: Mapped[str] = mapped_column(Text, unique=True)
    stage: Mapped[str] = mapped_column(Text)
    made_at: Mapped[str] = mapped_column(Text)
    actor: Mapped[str] = mapped_column(Text)
    batch: Mapped[str] = mapped_column(Text)
    reason: Mapped[str] = mapped_column(Text)
    takes_back: Mapped[str | None] = mapped_column(ForeignKey("waste_entries.id"), unique=True)
    particulars: Mapped[str] = mapped_column(Text)
    at: Mapped[str] = mapped_column(Text, default=now)


class WastePosting(Base):
    """Grams of one container that arrive at a place (> 0) or leave it (< 0)."""

    __tablename__ = "waste_postings"
    __table_args__ = (Index("waste_postings_by_container", "container", "number"),)

    number: Mapped[int] = mapped_column(ForeignKey("waste_entries.number"), primary_key=True)
    line: Mapped[int] = mapped_column(primary_key=True)
    container: Mapped[str] = mapped_column(ForeignKey("waste_containers.identity"))
    place: Mapped[str] = mapped_column(Text)
    grams: Mapped[int] = mapped_column(_GRAMS)


class WasteStock(Base):
    """What of a container is where on site: the sum of its postings, kept so that a balance answers at once.

    Where nothing is left there is no row: the table is as large as the stock, not as the ledger. `since` is when the
    oldest waste that may be in the container came into the ledger (UTC): that of its sources where it was repacked.
    """

    __tablename__ = "waste_stock"
    __table_args__ = (
        CheckConstraint("grams >= 0", name="no_container_is_emptier_than_empty"),
        Index("waste_stock_by_place", "place", "container"),
        Index("waste_stock_by_age", "place", "since", "container"),
    )

    container: Mapped[str] = mapped_column(ForeignKey("waste_containers.identity"), primary_key=True)
    place: Mapped[str] = mapped_column(Text, primary_key=True)
    grams: Mapped[int] = mapped_column(_GRAMS, info=CHANGES)
    since: Mapped[str] = mapped_column(Text, info=CHANGES)


class WasteBalance(Base):
    """What all containers of one code of one unit have together at a place, the outside ones too (production below 0).

    The sum of their postings, kept so that a balance answers at once. `unit` is the plant, the first 18 characters of
    an identity; `containers` counts those that hold something at a place on site. `year` is when (UTC) what is outside
    went there by its entry; empty on site, where what came in one year leaves in another.
    """

    __tablename__ = "waste_balances"

    unit: Mapped[str] = mapped_column(Text, primary_key=True)
    place: Mapped[str] = mapped_column(Text, primary_key=True)
    list_id: Mapped[str] = mapped_column(Text, primary_key=True)
    code: Mapped[str] = mapped_column(Text, primary_key=True)
    year: Mapped[str] = mapped_column(Text, primary_key=True)
    grams: Mapped[int] = mapped_column(_GRAMS, info=CHANGES)
    containers: Mapped[int] = mapped_column(info=CHANGES)


class WaitingEntry(Base):
    """An entry that cannot be accepted yet, and why: what it needs may still come, or a person has to look."""

    __tablename__ = "waste_waiting"

    id: Mapped[str] = mapped_column(Text, primary_key=True)
    entry: Mapped[str] = mapped_column(Text)
    why: Mapped[str] = mapped_column(Text, info=CHANGES)
    at: Mapped[str] = mapped_column(Text, default=now)
