"""Which frames were let go of though no load ever had them."""

from sqlalchemy import ForeignKeyConstraint, Text
from sqlalchemy.orm import Mapped, mapped_column

from loadlens.serving.store.tables import Base


class LetGoFrame(Base):
    """A frame that waited for a load until it was old: no load may claim it any more. Appended, never edited."""

    __tablename__ = "let_go_frames"
    __table_args__ = (
        ForeignKeyConstraint(["stream", "camera", "seq"], ["frames.stream", "frames.camera", "frames.seq"]),
    )

    stream: Mapped[str] = mapped_column(Text, primary_key=True)
    camera: Mapped[str] = mapped_column(Text, primary_key=True)
    seq: Mapped[int] = mapped_column(primary_key=True)
