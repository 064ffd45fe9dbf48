"""The tables. Times are ISO 8601 text in UTC; masses are decimal text, so that nothing is rounded on the way.

Frames come in streams: `load:<id>` where a camera names the load, `lane:<id>` where it only knows its place.
"""

from datetime import UTC, datetime

from sqlalchemy import CheckConstraint, ForeignKey, ForeignKeyConstraint, Index, Text, UniqueConstraint, text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from loadlens.serving.lifecycle import State

_OPEN = text("status IN ('arrived', 'weighed', 'unloading') AND lane IS NOT NULL")

# Marks a column whose value may change in the life of its row; the journal vouches for all others.
CHANGES = {"changes": True}


def now() -> str:
    """The present moment as the tables keep it."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


class Base(DeclarativeBase):
    """The metadata that migrations are compared with."""


class Lane(Base):
    """An unloading position. A stable weighing in these limits (kg) is taken as gross or tare; None: a person says."""

    __tablename__ = "lanes"

    id: Mapped[str] = mapped_column(Text, primary_key=True)
    gross_above_kg: Mapped[str | None] = mapped_column(Text, info=CHANGES)
    tare_below_kg: Mapped[str | None] = mapped_column(Text, info=CHANGES)
    created_at: Mapped[str] = mapped_column(Text, default=now)


class Load(Base):
    """One visit of one truck; `lifecycle` tells of its status. `failure` is why it could not be graded."""

    __tablename__ = "loads"
    __table_args__ = (
        Index("loads_by_time", "created_at", "id"),
        Index("loads_by_status", "status", "created_at", "id"),
        Index("loads_by_lane", "lane", "created_at", "id"),
        Index("loads_by_supplier", "supplier", "created_at", "id"),
        Index("loads_by_plate", "plate", "created_at", "id"),
        Index("one_open_load_per_lane", "lane", unique=True, sqlite_where=_OPEN, postgresql_where=_OPEN),
    )

    id: Mapped[str] = mapped_column(Text, primary_key=True)
    status: Mapped[State] = mapped_column(Text, default="arrived", info=CHANGES)
    lane: Mapped[str | None] = mapped_column(ForeignKey("lanes.id"))
    supplier: Mapped[str | None] = mapped_column(Text)
    plate: Mapped[str | None] = mapped_column(Text)
    note: Mapped[str | None] = mapped_column(Text)
    declared: Mapped[str | None] = mapped_column(Text)
    standard: Mapped[str] = mapped_column(Text)
    created_at: Mapped[str] = mapped_column(Text, default=now)
    closed_at: Mapped[str | None] = mapped_column(Text, info=CHANGES)
    failure: Mapped[str | None] = mapped_column(Text, info=CHANGES)


class LoadWord(Base):
    """A word by which a load is found: of its id, plate, supplier or note, in lower case."""

    __tablename__ = "load_words"

    word: Mapped[str] = mapped_column(Text, primary_key=True)
    created_at: Mapped[str] = mapped_column(Text, primary_key=True)
    load_id: Mapped[str] = mapped_column(ForeignKey("loads.id"), primary_key=True)


class Transition(Base):
    """One step in the life of a load. Appended, never edited. `source` is None for the first."""

    __tablename__ = "transitions"

    id: Mapped[int] = mapped_column(primary_key=True)
    load_id: Mapped[str] = mapped_column(ForeignKey("loads.id"), index=True)
    event: Mapped[str] = mapped_column(Text)
    source: Mapped[str | None] = mapped_column(Text)
    target: Mapped[str] = mapped_column(Text)
    actor: Mapped[str] = mapped_column(Text)
    reason: Mapped[str] = mapped_column(Text)
    at: Mapped[str] = mapped_column(Text, default=now)


class LoadFlag(Base):
    """A reason to look at a load that the camera's pictures do not show. Appended, never edited."""

    __tablename__ = "load_flags"
    __table_args__ = (CheckConstraint("level in ('info', 'review', 'stop')", name="level_is_known"),)

    load_id: Mapped[str] = mapped_column(ForeignKey("loads.id"), primary_key=True)
    code: Mapped[str] = mapped_column(Text, primary_key=True)
    why: Mapped[str] = mapped_column(Text, primary_key=True)
    level: Mapped[str] = mapped_column(Text)
    at: Mapped[str] = mapped_column(Text, default=now)


class Reading(Base):
    """What a device of a lane said, with the bytes it said it in (base64). Appended, never edited."""

    __tablename__ = "readings"
    __table_args__ = (
        Index("readings_by_lane", "lane", "kind", "created_at", "id"),
        Index("readings_by_sensor", "lane", "kind", "text", "device", "created_at"),
    )

    id: Mapped[str] = mapped_column(Text, primary_key=True)
    lane: Mapped[str] = mapped_column(ForeignKey("lanes.id"))
    device: Mapped[str] = mapped_column(Text)
    kind: Mapped[str] = mapped_column(Text)
    at: Mapped[str] = mapped_column(Text)
    kg: Mapped[str | None] = mapped_column(Text)
    division: Mapped[str | None] = mapped_column(Text)
    stable: Mapped[bool | None]
    text: Mapped[str | None] = mapped_column(Text)
    value: Mapped[float | None]
    unit: Mapped[str | None] = mapped_column(Text)
    raw: Mapped[str] = mapped_column(Text)
    created_at: Mapped[str] = mapped_column(Text, default=now)


class Weight(Base):
    """One weighing. Appended, never edited: the newest of a kind counts."""

    __tablename__ = "weights"
    __table_args__ = (CheckConstraint("kind in ('gross', 'tare')", name="kind_is_known"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    load_id: Mapped[str] = mapped_column(ForeignKey("loads.id"), index=True)
    kind: Mapped[str] = mapped_column(Text)
    kg: Mapped[str] = mapped_column(Text)
    division: Mapped[str | None] = mapped_column(Text)
    reading: Mapped[str | None] = mapped_column(ForeignKey("readings.id"))
    actor: Mapped[str] = mapped_column(Text)
    created_at: Mapped[str] = mapped_column(Text, default=now)


class StoredFrame(Base):
    """One frame of one camera; its bytes are the blob of this digest. `created_at` is when it arrived here.

    `captured_at` is what the camera said, `taken_at` the same by the server's clock, as far as that can be told.
    """

    __tablename__ = "frames"
    __table_args__ = (Index("frames_by_time", "stream", "taken_at"),)

    stream: Mapped[str] = mapped_column(Text, primary_key=True)
    camera: Mapped[str] = mapped_column(Text, primary_key=True)
    seq: Mapped[int] = mapped_column(primary_key=True)
    captured_at: Mapped[str] = mapped_column(Text)
    taken_at: Mapped[str] = mapped_column(Text)
    sha256: Mapped[str] = mapped_column(Text, index=True)
    width: Mapped[int]
    height: Mapped[int]
    why_kept: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[str] = mapped_column(Text, default=now)


class LoadFrame(Base):
    """A frame belongs to a load. `late`: it came after the load was closed."""

    __tablename__ = "load_frames"
    __table_args__ = (
        ForeignKeyConstraint(["stream", "camera", "seq"], ["frames.stream", "frames.camera", "frames.seq"]),
        Index("load_frames_by_load", "load_id", "camera", "seq"),
    )

    stream: Mapped[str] = mapped_column(Text, primary_key=True)
    camera: Mapped[str] = mapped_column(Text, primary_key=True)
    seq: Mapped[int] = mapped_column(primary_key=True)
    load_id: Mapped[str] = mapped_column(ForeignKey("loads.id"))
    late: Mapped[bool]


class Assessment(Base):
    """What was seen of a load and what was concluded from it. Appended, never edited; the newest version counts.

    `inputs` is all that `assess_load` was given beside the observation, as JSON; None before schema 0004.
    """

    __tablename__ = "assessments"

    load_id: Mapped[str] = mapped_column(ForeignKey("loads.id"), primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)
    observation: Mapped[str] = mapped_column(Text)
    report: Mapped[str] = mapped_column(Text)
    inputs: Mapped[str | None] = mapped_column(Text)
    reason: Mapped[str] = mapped_column(Text)
    created_at: Mapped[str] = mapped_column(Text, default=now)


class Picture(Base):
    """The drawn-on key frame of one layer, a JPEG; its bytes are the blob of this digest.

    `version` is that of the assessment for which the load was watched; later versions may rest on the same watching.
    """

    __tablename__ = "pictures"

    load_id: Mapped[str] = mapped_column(ForeignKey("loads.id"), primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)
    layer: Mapped[int] = mapped_column(primary_key=True)
    sha256: Mapped[str] = mapped_column(Text)


class LayerMapKept(Base):
    """The map of one layer, what was seen where; its bytes are the blob of this digest. `version` as with pictures."""

    __tablename__ = "layer_maps"

    load_id: Mapped[str] = mapped_column(ForeignKey("loads.id"), primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)
    layer: Mapped[int] = mapped_column(primary_key=True)
    camera: Mapped[str] = mapped_column(Text)
    sha256: Mapped[str] = mapped_column(Text)


class LoadTrace(Base):
    """What was watched of a load beside what the model says (`loadlens.vision.trace`); its bytes are the blob of this
    digest. `version` as with pictures."""

    __tablename__ = "load_traces"

    load_id: Mapped[str] = mapped_column(ForeignKey("loads.id"), primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)
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


class Review(Base):
    """A person's decision on a load. Appended, never edited; `version` is the assessment it leaves the load with."""

    __tablename__ = "reviews"
    __table_args__ = (CheckConstraint("decision in ('accept', 'correct', 'stop')", name="decision_is_known"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    load_id: Mapped[str] = mapped_column(ForeignKey("loads.id"), index=True)
    version: Mapped[int]
    decision: Mapped[str] = mapped_column(Text)
    reason: Mapped[str] = mapped_column(Text)
    correction: Mapped[str | None] = mapped_column(Text)
    actor: Mapped[str] = mapped_column(Text)
    at: Mapped[str] = mapped_column(Text, default=now)


class Ticket(Base):
    """The settlement sheet of one assessment version, as JSON. Appended, never edited; the newest number counts."""

    __tablename__ = "tickets"

    load_id: Mapped[str] = mapped_column(ForeignKey("loads.id"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    version: Mapped[int]
    body: Mapped[str] = mapped_column(Text)
    actor: Mapped[str] = mapped_column(Text)
    at: Mapped[str] = mapped_column(Text, default=now)


class Statement(Base):
    """What a supplier says of one version: that he confirms or disputes it. Appended, never edited; one for a version.

    `sha256` is the digest of what he was shown, the ticket's JSON or, without one, the report's. `via` is "link" where
    he said it on his page, "yard" where a person wrote down what he said or signed.
    """

    __tablename__ = "supplier_statements"
    __table_args__ = (
        ForeignKeyConstraint(["load_id", "version"], ["assessments.load_id", "assessments.version"]),
        UniqueConstraint("load_id", "version", name="one_statement_on_a_version"),
        CheckConstraint("said in ('confirm', 'dispute')", name="said_is_known"),
        CheckConstraint("(said = 'dispute') = (reason IS NOT NULL)", name="a_dispute_has_a_reason"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    load_id: Mapped[str] = mapped_column(Text)
    version: Mapped[int]
    ticket: Mapped[int | None]
    sha256: Mapped[str] = mapped_column(Text)
    said: Mapped[str] = mapped_column(Text)
    reason: Mapped[str | None] = mapped_column(Text)
    text: Mapped[str] = mapped_column(Text)
    name: Mapped[str] = mapped_column(Text)
    via: Mapped[str] = mapped_column(Text)
    address: Mapped[str | None] = mapped_column(Text)
    device: Mapped[str | None] = mapped_column(Text)
    actor: Mapped[str] = mapped_column(Text)
    at: Mapped[str] = mapped_column(Text, default=now)


class DisputeAnswer(Base):
    """A manager's answer to a dispute. Appended, never edited; `version` is the newest assessment at that moment."""

    __tablename__ = "dispute_answers"
    __table_args__ = (CheckConstraint("outcome in ('changed', 'explained')", name="outcome_is_known"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    statement: Mapped[int] = mapped_column(ForeignKey("supplier_statements.id"), index=True)
    load_id: Mapped[str] = mapped_column(ForeignKey("loads.id"))
    outcome: Mapped[str] = mapped_column(Text)
    text: Mapped[str] = mapped_column(Text)
    version: Mapped[int]
    actor: Mapped[str] = mapped_column(Text)
    at: Mapped[str] = mapped_column(Text, default=now)


class Hazard(Base):
    """A hazard as it was first raised while a load was watched. Appended, never edited; `box` is x,y,w,h."""

    __tablename__ = "hazards"

    load_id: Mapped[str] = mapped_column(ForeignKey("loads.id"), primary_key=True)
    frame_sha256: Mapped[str] = mapped_column(Text, primary_key=True)
    class_id: Mapped[str] = mapped_column(Text, primary_key=True)
    box: Mapped[str] = mapped_column(Text, primary_key=True)
    score: Mapped[float]
    frame_s: Mapped[float]
    at: Mapped[str] = mapped_column(Text, default=now)


class Progress(Base):
    """How far the watching of a load has come; may be lost at any time. `so_far` is what its settled layers show."""

    __tablename__ = "progress"

    load_id: Mapped[str] = mapped_column(ForeignKey("loads.id"), primary_key=True)
    watched: Mapped[int]
    layers: Mapped[int]
    trouble: Mapped[str | None] = mapped_column(Text)
    so_far: Mapped[str | None] = mapped_column(Text)


class CameraHealth(Base):
    """What a camera of a lane last said of itself."""

    __tablename__ = "camera_health"

    lane: Mapped[str] = mapped_column(ForeignKey("lanes.id"), primary_key=True)
    camera: Mapped[str] = mapped_column(Text, primary_key=True)
    state: Mapped[str] = mapped_column(Text)
    since: Mapped[str] = mapped_column(Text)
    counts: Mapped[str] = mapped_column(Text)
    at: Mapped[str] = mapped_column(Text)


class StoredAnswer(Base):
    """The answer that was given under an idempotency key, for a caller that asks again."""

    __tablename__ = "answers"

    actor: Mapped[str] = mapped_column(Text, primary_key=True)
    key: Mapped[str] = mapped_column(Text, primary_key=True)
    request: Mapped[str] = mapped_column(Text)
    status: Mapped[int]
    headers: Mapped[str] = mapped_column(Text)
    body: Mapped[str] = mapped_column(Text)
    at: Mapped[str] = mapped_column(Text, index=True)
