"""The tables by which the servers of one site share out the loads. What they hold may be lost at any time."""

from sqlalchemy import ForeignKey, Text
from sqlalchemy.orm import Mapped, mapped_column

from loadlens.serving.store.tables import Base


class GraderRow(Base):
    """A process that grades; `beat` grows for as long as it lives."""

    __tablename__ = "graders"

    id: Mapped[str] = mapped_column(Text, primary_key=True)
    beat: Mapped[int]


class Lease(Base):
    """Which process watches and grades a load."""

    __tablename__ = "leases"

    load_id: Mapped[str] = mapped_column(ForeignKey("loads.id"), primary_key=True)
    grader: Mapped[str] = mapped_column(ForeignKey("graders.id"), index=True)
