"""The tables of what people set in the console: standards, models and beds, each with the moment from which it holds.

What is set is appended and never edited, so that what a load was graded by can be told years later.
"""

from sqlalchemy import ForeignKey, Index, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from loadlens.serving.store.tables import Base, now


class StandardEdition(Base):
    """A standard that somebody saved; its file is the blob of this digest. It decides nothing until it is activated."""

    __tablename__ = "standard_editions"
    __table_args__ = (UniqueConstraint("standard", "version", name="one_file_of_a_version"),)

    sha256: Mapped[str] = mapped_column(Text, primary_key=True)
    standard: Mapped[str] = mapped_column(Text)
    version: Mapped[str] = mapped_column(Text)
    actor: Mapped[str] = mapped_column(Text)
    at: Mapped[str] = mapped_column(Text, default=now)


class StandardActivation(Base):
    """Loads that arrive from `since` on and name `standard` are graded by an edition of it.

    `sha256` None: by the file that is shipped or set. `is_default`: so are loads that name no standard.
    """

    __tablename__ = "standard_activations"
    __table_args__ = (Index("standard_activations_by_time", "standard", "since", "id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    standard: Mapped[str] = mapped_column(Text)
    sha256: Mapped[str | None] = mapped_column(ForeignKey("standard_editions.sha256"))
    since: Mapped[str] = mapped_column(Text)
    is_default: Mapped[bool]
    reason: Mapped[str] = mapped_column(Text)
    actor: Mapped[str] = mapped_column(Text)
    at: Mapped[str] = mapped_column(Text, default=now)


class CameraBed(Base):
    """Where the bed lies in the frames of a camera, as somebody marked it; a load takes the newest that it found.

    `corners` is JSON, four [x, y] in pixels of a frame of `width` x `height`; the first side is the length.
    """

    __tablename__ = "camera_beds"
    __table_args__ = (Index("camera_beds_by_camera", "lane", "camera", "at", "id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    lane: Mapped[str] = mapped_column(ForeignKey("lanes.id"))
    camera: Mapped[str] = mapped_column(Text)
    corners: Mapped[str] = mapped_column(Text)
    length_mm: Mapped[int]
    width_mm: Mapped[int]
    width: Mapped[int]
    height: Mapped[int]
    actor: Mapped[str] = mapped_column(Text)
    at: Mapped[str] = mapped_column(Text, default=now)


class ModelActivation(Base):
    """Loads that begin to be watched from now on are looked at by this model; its file is the blob of this digest.

    `verdict` is JSON, what the rule said of it then (None: the way back to the model before, or older than the rule),
    and `despite` why somebody let it look though the rule did not permit it.
    """

    __tablename__ = "model_activations"

    id: Mapped[int] = mapped_column(primary_key=True)
    sha256: Mapped[str] = mapped_column(Text)
    name: Mapped[str] = mapped_column(Text)
    version: Mapped[str] = mapped_column(Text)
    before: Mapped[str] = mapped_column(Text)
    reason: Mapped[str] = mapped_column(Text)
    actor: Mapped[str] = mapped_column(Text)
    at: Mapped[str] = mapped_column(Text, default=now)
    verdict: Mapped[str | None] = mapped_column(Text)
    despite: Mapped[str | None] = mapped_column(Text)


class ModelLook(Base):
    """What a model, by its digest, made of a past load; `seen` is JSON. The newest of a model and a load counts."""

    __tablename__ = "model_looks"
    __table_args__ = (Index("model_looks_by_model", "model", "load_id", "id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    model: Mapped[str] = mapped_column(Text)
    load_id: Mapped[str] = mapped_column(ForeignKey("loads.id"))
    seen: Mapped[str] = mapped_column(Text)
    actor: Mapped[str] = mapped_column(Text)
    at: Mapped[str] = mapped_column(Text, default=now)
