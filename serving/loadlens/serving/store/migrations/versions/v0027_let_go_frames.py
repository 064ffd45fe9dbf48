"""Frames that waited for a load until they were old, and were let go of."""

import sqlalchemy as sa
from alembic import op

from loadlens.serving.store.migrations.append_only import make_append_only

revision = "0027"
down_revision = "0026"


def upgrade() -> None:
    op.create_table(
        "let_go_frames",
        sa.Column("stream", sa.Text, primary_key=True),
        sa.Column("camera", sa.Text, primary_key=True),
        sa.Column("seq", sa.Integer, primary_key=True, autoincrement=False),
        sa.ForeignKeyConstraint(["stream", "camera", "seq"], ["frames.stream", "frames.camera", "frames.seq"]),
    )
    make_append_only("let_go_frames")
