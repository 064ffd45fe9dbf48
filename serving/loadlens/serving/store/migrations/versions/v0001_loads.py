"""Loads with their weights, frames, assessments and pictures."""

import sqlalchemy as sa
from alembic import op

from loadlens.serving.store.migrations.append_only import make_append_only

revision = "0001"
down_revision = None

_APPEND_ONLY = ("weights", "frames", "assessments")


def upgrade() -> None:
    op.create_table(
        "loads",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("status", sa.Text, nullable=False, index=True),
        sa.Column("declared", sa.Text),
        sa.Column("standard", sa.Text, nullable=False),
        sa.Column("created_at", sa.Text, nullable=False),
        sa.Column("closed_at", sa.Text),
        sa.Column("failure", sa.Text),
        sa.CheckConstraint("status in ('open', 'closed', 'graded', 'failed')", name="status_is_known"),
    )
    op.create_table(
        "weights",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("load_id", sa.Text, sa.ForeignKey("loads.id"), nullable=False, index=True),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("kg", sa.Text, nullable=False),
        sa.Column("division", sa.Text),
        sa.Column("created_at", sa.Text, nullable=False),
        sa.CheckConstraint("kind in ('gross', 'tare')", name="kind_is_known"),
    )
    op.create_table(
        "frames",
        sa.Column("load_id", sa.Text, sa.ForeignKey("loads.id"), primary_key=True),
        sa.Column("camera", sa.Text, primary_key=True),
        sa.Column("seq", sa.Integer, primary_key=True),
        sa.Column("captured_at", sa.Text, nullable=False),
        sa.Column("sha256", sa.Text, nullable=False),
        sa.Column("width", sa.Integer, nullable=False),
        sa.Column("height", sa.Integer, nullable=False),
        sa.Column("created_at", sa.Text, nullable=False),
    )
    op.create_table(
        "assessments",
        sa.Column("load_id", sa.Text, sa.ForeignKey("loads.id"), primary_key=True),
        sa.Column("version", sa.Integer, primary_key=True),
        sa.Column("observation", sa.Text, nullable=False),
        sa.Column("report", sa.Text, nullable=False),
        sa.Column("created_at", sa.Text, nullable=False),
    )
    op.create_table(
        "pictures",
        sa.Column("load_id", sa.Text, sa.ForeignKey("loads.id"), primary_key=True),
        sa.Column("layer", sa.Integer, primary_key=True),
        sa.Column("sha256", sa.Text, nullable=False),
    )
    for table in _APPEND_ONLY:
        make_append_only(table)
