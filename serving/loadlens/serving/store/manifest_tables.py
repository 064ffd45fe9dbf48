"""The tables of transfer manifests. A manifest and its steps are appended; where it stands follows from its steps."""

from sqlalchemy import ForeignKey, Text
from sqlalchemy.orm import Mapped, mapped_column

from loadlens.serving.store.tables import Base, now


class WasteManifest(Base):
    """A manifest as it was made; `body` is JSON."""

    __tablename__ = "waste_manifests"

    id: Mapped[str] = mapped_column(Text, primary_key=True)
    body: Mapped[str] = mapped_column(Text)
    actor: Mapped[str] = mapped_column(Text)
    at: Mapped[str] = mapped_column(Text, default=now, index=True)


class ManifestStep(Base):
    """A step in the life of a manifest, under an id of whoever took it; `said` is JSON."""

    __tablename__ = "waste_manifest_steps"

    manifest: Mapped[str] = mapped_column(ForeignKey("waste_manifests.id"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    id: Mapped[str] = mapped_column(Text, unique=True)
    kind: Mapped[str] = mapped_column(Text)
    person: Mapped[str] = mapped_column(Text)
    done_at: Mapped[str] = mapped_column(Text)
    said: Mapped[str] = mapped_column(Text)
    actor: Mapped[str] = mapped_column(Text)
    at: Mapped[str] = mapped_column(Text, default=now)
