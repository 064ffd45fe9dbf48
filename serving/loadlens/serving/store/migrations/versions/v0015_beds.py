"""Beds that people mark in the frames of a camera."""

import sqlalchemy as sa
from alembic import op

from loadlens.serving.store.migrations.append_only import make_append_only

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    op.create_table(
        "camera_beds",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("lane", sa.Text, sa.ForeignKey("lanes.id"), nullable=False),
        sa.Column("camera", sa.Text, nullable=False),
        sa.Column("corners", sa.Text, nullable=False),
        sa.Column("length_mm", sa.Integer, nullable=False),
        sa.Column("width_mm", sa.Integer, nullable=False),
        sa.Column("width", sa.Integer, nullable=False),
        sa.Column("height", sa.Integer, nullable=False),
        sa.Column("actor", sa.Text, nullable=False),
        sa.Column("at", sa.Text, nullable=False),
    )
    op.create_index("camera_beds_by_camera", "camera_beds", ["lane", "camera", "at", "id"])
    make_append_only("camera_beds")
