"""The life of a load: lanes, streams of frames, transitions, readings, reviews, tickets.

Every older table of loads is made anew: SQLite cannot change a check, a key or a reference in place.
"""

import json
from typing import Any

import sqlalchemy as sa
from alembic import op

from loadlens.serving.store.migrations.append_only import make_append_only

revision = "0004"
down_revision = "0003"

_OLD = ("pictures", "assessments", "frames", "weights", "loads")  # children before their parents
_APPEND_ONLY = (
    "transitions",
    "load_flags",
    "readings",
    "weights",
    "frames",
    "load_frames",
    "assessments",
    "reviews",
    "tickets",
    "hazards",
)
_STATES = (
    "status in ('arrived', 'weighed', 'unloading', 'closed', 'graded', 'flagged', 'reviewed', 'emptied', 'settled', "
    "'failed', 'cancelled')"
)
_OPEN = sa.text("status IN ('arrived', 'weighed', 'unloading') AND lane IS NOT NULL")


def upgrade() -> None:
    for table in _OLD:
        op.rename_table(table, f"old_{table}")
    op.drop_index("ix_loads_status", "old_loads")
    op.drop_index("ix_weights_load_id", "old_weights")
    _make_loads()
    _make_weights()
    _make_frames()
    _make_assessments()
    _make_rest()
    _carry_over()
    for table in _OLD:
        op.drop_table(f"old_{table}")
    for table in _APPEND_ONLY:
        make_append_only(table)


def _text(name: str, **more: Any) -> sa.Column[str]:
    return sa.Column(name, sa.Text, **{"nullable": False, **more})


def _load_id(**more: Any) -> sa.Column[str]:
    return sa.Column("load_id", sa.Text, sa.ForeignKey("loads.id"), **{"nullable": False, **more})


def _make_loads() -> None:
    op.create_table(
        "lanes",
        _text("id", primary_key=True),
        _text("gross_above_kg", nullable=True),
        _text("tare_below_kg", nullable=True),
        _text("created_at"),
    )
    op.create_table(
        "loads",
        _text("id", primary_key=True),
        _text("status"),
        sa.Column("lane", sa.Text, sa.ForeignKey("lanes.id")),
        _text("supplier", nullable=True),
        _text("plate", nullable=True),
        _text("note", nullable=True),
        _text("declared", nullable=True),
        _text("standard"),
        _text("created_at"),
        _text("closed_at", nullable=True),
        _text("failure", nullable=True),
        sa.CheckConstraint(_STATES, name="status_is_known"),
    )
    op.create_index("loads_by_time", "loads", ["created_at", "id"])
    for column in ("status", "lane", "supplier", "plate"):
        op.create_index(f"loads_by_{column}", "loads", [column, "created_at", "id"])
    op.create_index(
        "one_open_load_per_lane", "loads", ["lane"], unique=True, sqlite_where=_OPEN, postgresql_where=_OPEN
    )
    op.create_table(
        "load_words", _text("word", primary_key=True), _text("created_at", primary_key=True), _load_id(primary_key=True)
    )
    op.create_table(
        "transitions",
        sa.Column("id", sa.Integer, primary_key=True),
        _load_id(index=True),
        _text("event"),
        _text("source", nullable=True),
        _text("target"),
        _text("actor"),
        _text("reason"),
        _text("at"),
    )
    op.create_table(
        "load_flags",
        _load_id(primary_key=True),
        _text("code", primary_key=True),
        _text("why", primary_key=True),
        _text("level"),
        _text("at"),
        sa.CheckConstraint("level in ('info', 'review', 'stop')", name="level_is_known"),
    )


def _make_weights() -> None:
    op.create_table(
        "readings",
        _text("id", primary_key=True),
        sa.Column("lane", sa.Text, sa.ForeignKey("lanes.id"), nullable=False),
        _text("device"),
        _text("kind"),
        _text("at"),
        _text("kg", nullable=True),
        _text("division", nullable=True),
        sa.Column("stable", sa.Boolean),
        _text("text", nullable=True),
        sa.Column("value", sa.Double),
        _text("unit", nullable=True),
        _text("raw"),
        _text("created_at"),
    )
    op.create_index("readings_by_lane", "readings", ["lane", "kind", "created_at", "id"])
    op.create_table(
        "weights",
        sa.Column("id", sa.Integer, primary_key=True),
        _load_id(index=True),
        _text("kind"),
        _text("kg"),
        _text("division", nullable=True),
        sa.Column("reading", sa.Text, sa.ForeignKey("readings.id")),
        _text("actor"),
        _text("created_at"),
        sa.CheckConstraint("kind in ('gross', 'tare')", name="kind_is_known"),
    )


def _make_frames() -> None:
    op.create_table(
        "frames",
        _text("stream", primary_key=True),
        _text("camera", primary_key=True),
        sa.Column("seq", sa.Integer, primary_key=True),
        _text("captured_at"),
        _text("taken_at"),
        _text("sha256", index=True),
        sa.Column("width", sa.Integer, nullable=False),
        sa.Column("height", sa.Integer, nullable=False),
        _text("why_kept", nullable=True),
        _text("created_at"),
    )
    op.create_index("frames_by_time", "frames", ["stream", "taken_at"])
    op.create_table(
        "load_frames",
        _text("stream", primary_key=True),
        _text("camera", primary_key=True),
        sa.Column("seq", sa.Integer, primary_key=True),
        _load_id(),
        sa.Column("late", sa.Boolean, nullable=False),
        sa.ForeignKeyConstraint(["stream", "camera", "seq"], ["frames.stream", "frames.camera", "frames.seq"]),
    )
    op.create_index("load_frames_by_load", "load_frames", ["load_id", "camera", "seq"])


def _make_assessments() -> None:
    op.create_table(
        "assessments",
        _load_id(primary_key=True),
        sa.Column("version", sa.Integer, primary_key=True),
        _text("observation"),
        _text("report"),
        _text("inputs", nullable=True),
        _text("reason"),
        _text("created_at"),
    )
    op.create_table(
        "pictures",
        _load_id(primary_key=True),
        sa.Column("version", sa.Integer, primary_key=True),
        sa.Column("layer", sa.Integer, primary_key=True),
        _text("sha256"),
    )
    op.create_table(
        "reviews",
        sa.Column("id", sa.Integer, primary_key=True),
        _load_id(index=True),
        sa.Column("version", sa.Integer, nullable=False),
        _text("decision"),
        _text("reason"),
        _text("correction", nullable=True),
        _text("actor"),
        _text("at"),
        sa.CheckConstraint("decision in ('accept', 'correct', 'stop')", name="decision_is_known"),
    )
    op.create_table(
        "tickets",
        _load_id(primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("version", sa.Integer, nullable=False),
        _text("body"),
        _text("actor"),
        _text("at"),
    )


def _make_rest() -> None:
    op.create_table(
        "hazards",
        _load_id(primary_key=True),
        _text("frame_sha256", primary_key=True),
        _text("class_id", primary_key=True),
        _text("box", primary_key=True),
        sa.Column("score", sa.Double, nullable=False),
        sa.Column("frame_s", sa.Double, nullable=False),
        _text("at"),
    )
    op.create_table(
        "progress",
        _load_id(primary_key=True),
        sa.Column("watched", sa.Integer, nullable=False),
        sa.Column("layers", sa.Integer, nullable=False),
        _text("trouble", nullable=True),
    )
    op.create_table(
        "camera_health",
        sa.Column("lane", sa.Text, sa.ForeignKey("lanes.id"), primary_key=True),
        _text("camera", primary_key=True),
        _text("state"),
        _text("since"),
        _text("counts"),
        _text("at"),
    )
    op.create_table(
        "answers",
        _text("actor", primary_key=True),
        _text("key", primary_key=True),
        _text("request"),
        sa.Column("status", sa.Integer, nullable=False),
        _text("headers"),
        _text("body"),
        _text("at", index=True),
    )


def _carry_over() -> None:
    """What was known, in the new tables. What was `open` becomes what its frames and weights say."""
    gross = "EXISTS (SELECT 1 FROM old_weights w WHERE w.load_id = l.id AND w.kind = 'gross')"
    for statement in (
        "INSERT INTO loads (id, status, declared, standard, created_at, closed_at, failure) SELECT id, CASE "
        "WHEN status <> 'open' THEN status "
        "WHEN EXISTS (SELECT 1 FROM old_frames f WHERE f.load_id = l.id) THEN 'unloading' "
        f"WHEN {gross} THEN 'weighed' ELSE 'arrived' END, declared, standard, created_at, closed_at, failure "
        "FROM old_loads l",
        "INSERT INTO load_words (word, created_at, load_id) SELECT lower(id), created_at, id FROM loads",
        "INSERT INTO weights (load_id, kind, kg, division, actor, created_at) "
        "SELECT load_id, kind, kg, division, 'system', created_at FROM old_weights ORDER BY id",
        "INSERT INTO frames (stream, camera, seq, captured_at, taken_at, sha256, width, height, created_at) SELECT "
        "'load:' || load_id, camera, seq, captured_at, captured_at, sha256, width, height, created_at FROM old_frames",
        "INSERT INTO load_frames (stream, camera, seq, load_id, late) "
        "SELECT 'load:' || load_id, camera, seq, load_id, false FROM old_frames",
        "INSERT INTO assessments (load_id, version, observation, report, reason, created_at) SELECT load_id, version, "
        "observation, report, CASE version WHEN 1 THEN 'watched' ELSE 'weighed' END, created_at FROM old_assessments",
        "INSERT INTO pictures (load_id, version, layer, sha256) SELECT load_id, 1, layer, sha256 FROM old_pictures",
    ):
        op.execute(statement)
    _tell_flagged_from_graded()
    op.execute(
        "INSERT INTO transitions (load_id, event, target, actor, reason, at) "
        "SELECT id, 'migrate', status, 'system', 'taken over from schema 0003', created_at FROM loads"
    )


def _tell_flagged_from_graded() -> None:
    connection = op.get_bind()
    newest = connection.execute(
        sa.text(
            "SELECT a.load_id, a.report FROM assessments a JOIN loads l ON l.id = a.load_id "
            "WHERE l.status = 'graded' ORDER BY a.version"
        )
    )
    decisions = {row.load_id: json.loads(row.report)["truck"]["decision"] for row in newest}
    flagged = [{"id": load_id} for load_id, decision in decisions.items() if decision != "accept"]
    if flagged:
        connection.execute(sa.text("UPDATE loads SET status = 'flagged' WHERE id = :id"), flagged)
