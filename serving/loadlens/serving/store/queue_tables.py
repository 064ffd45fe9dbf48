"""The tables that the queue and the figures are read from, who works on which load, and what people think of it."""

from typing import Literal

from sqlalchemy import ForeignKey, Index, Text
from sqlalchemy.orm import Mapped, mapped_column

from loadlens.serving.store.tables import Base, now

StakeIn = Literal["unknown", "money", "kg", "percent"]


class LoadResult(Base):
    """What the newest assessment of a load says, in columns. It follows from the assessments and may be made anew.

    `rank` sorts the loads that wait (`waiting`) by what matters most. `machine_percent` and `machine_grade` are those
    of the newest version that no person has corrected; so are `forms` (JSON, the share 0..1 of each form), `unknown`,
    `confidence` and `model`. `grade_share` is the share of `grade`. `cameras` (JSON) saw the load. Masses, percentages
    of the net and prices are decimal text.
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
    machine_price_per_tonne: Mapped[str | None] = mapped_column(Text)
    grade_share: Mapped[float | None]
    machine_grade_share: Mapped[float | None]
    forms: Mapped[str] = mapped_column(Text, server_default="{}")
    unknown: Mapped[float | None]
    confidence: Mapped[float | None]
    model: Mapped[str | None] = mapped_column(Text)
    cameras: Mapped[str] = mapped_column(Text, server_default="[]")


class Claim(Base):
    """Who works on a load that waits; whoever does nothing lets go of it at `expires_at`.

    `blind`: what the machine and others think of the load is withheld from the holder, who has not said yet what they
    think.
    """

    __tablename__ = "claims"

    load_id: Mapped[str] = mapped_column(ForeignKey("loads.id"), primary_key=True)
    holder: Mapped[str] = mapped_column(Text)
    since: Mapped[str] = mapped_column(Text)
    expires_at: Mapped[str] = mapped_column(Text)
    blind: Mapped[bool]


class SecondOpinion(Base):
    """Somebody wants another person to decide on a load. Appended, never edited.

    It is open until there is a review with a greater number than `after_review`.
    """

    __tablename__ = "second_opinions"

    id: Mapped[int] = mapped_column(primary_key=True)
    load_id: Mapped[str] = mapped_column(ForeignKey("loads.id"), index=True)
    actor: Mapped[str] = mapped_column(Text)
    reason: Mapped[str] = mapped_column(Text)
    after_review: Mapped[int]
    at: Mapped[str] = mapped_column(Text, default=now)


class Opinion(Base):
    """What a person thinks of a load, beside what the machine said of it then. Appended, never edited.

    `blind`: what the machine and others think was withheld when it was given. `grade` None: nothing that has a grade.
    """

    __tablename__ = "opinions"

    id: Mapped[int] = mapped_column(primary_key=True)
    load_id: Mapped[str] = mapped_column(ForeignKey("loads.id"), index=True)
    version: Mapped[int]
    rater: Mapped[str] = mapped_column(Text)
    grade: Mapped[str | None] = mapped_column(Text)
    deduction_percent: Mapped[str | None] = mapped_column(Text)
    note: Mapped[str] = mapped_column(Text)
    blind: Mapped[bool]
    answers: Mapped[int | None] = mapped_column(ForeignKey("second_opinions.id"))
    machine_grade: Mapped[str | None] = mapped_column(Text)
    machine_percent: Mapped[str | None] = mapped_column(Text)
    at: Mapped[str] = mapped_column(Text, default=now)
