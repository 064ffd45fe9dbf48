"""The tables that the queue and the figures are read from, and who works on which load."""

from typing import Literal

from sqlalchemy import ForeignKey, Index, Text
from sqlalchemy.orm import Mapped, mapped_column

from loadlens.serving.store.tables import Base

StakeIn = Literal["unknown", "money", "kg", "percent"]


class LoadResult(Base):
    """What the newest assessment of a load says, in columns. It follows from the assessments and may be made anew.

    `rank` sorts the loads that wait (`waiting`) by what matters most. `machine_percent` and `machine_grade` are those
    of the newest version that no person has corrected. Masses, percentages of the net and prices are decimal text.
    """

    __tablename__ = "load_results"
    __table_args__ = (Index("load_results_by_rank", "waiting", "rank"),)

    load_id: Mapped[str] = mapped_column(ForeignKey("loads.id"), primary_key=True)
    version: Mapped[int]
    waiting: Mapped[bool]
    rank: Mapped[str] = mapped_column(Text)
    hazard: Mapped[bool]
    codes: Mapped[str] = mapped_column(Text)
    stake_in: Mapped[StakeIn] = mapped_column(Text)
    stake: Mapped[str | None] = mapped_column(Text)
    at_most: Mapped[bool]
    price_per_tonne: Mapped[str | None] = mapped_column(Text)
    currency: Mapped[str | None] = mapped_column(Text)
    grade: Mapped[str | None] = mapped_column(Text)
    machine_grade: Mapped[str | None] = mapped_column(Text)
    net_kg: Mapped[str | None] = mapped_column(Text)
    kg: Mapped[str | None] = mapped_column(Text)
    kg_low: Mapped[str | None] = mapped_column(Text)
    kg_high: Mapped[str | None] = mapped_column(Text)
    percent: Mapped[str | None] = mapped_column(Text)
    percent_low: Mapped[str | None] = mapped_column(Text)
    percent_high: Mapped[str | None] = mapped_column(Text)
    machine_percent: Mapped[str | None] = mapped_column(Text)
    coverage: Mapped[float | None]


class Claim(Base):
    """Who works on a load that waits; whoever does nothing lets go of it at `expires_at`."""

    __tablename__ = "claims"

    load_id: Mapped[str] = mapped_column(ForeignKey("loads.id"), primary_key=True)
    holder: Mapped[str] = mapped_column(Text)
    since: Mapped[str] = mapped_column(Text)
    expires_at: Mapped[str] = mapped_column(Text)
