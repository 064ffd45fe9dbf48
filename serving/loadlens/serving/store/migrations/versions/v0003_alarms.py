"""Alarms, who has taken them over, and the outbox they leave by; the health of scales and sensors."""

import sqlalchemy as sa
from alembic import op

from loadlens.serving.store.migrations.append_only import make_append_only

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.create_table(
        "alarms",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("at", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("subject", sa.Text, nullable=False, index=True),
        sa.Column("lane", sa.Text, index=True),
        sa.Column("body", sa.Text, nullable=False),
    )
    op.create_table(
        "acknowledgements",
        sa.Column("alarm_id", sa.Integer, sa.ForeignKey("alarms.id"), primary_key=True, autoincrement=False),
        sa.Column("at", sa.Text, nullable=False),
        sa.Column("person", sa.Text, nullable=False),
        sa.Column("actor", sa.Text, nullable=False),
        sa.Column("note", sa.Text, nullable=False),
    )
    op.create_table(
        "outbox",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("channel", sa.Text, nullable=False),
        sa.Column("message", sa.Text, nullable=False),
        sa.Column("lane", sa.Text),
        sa.Column("payload", sa.Text, nullable=False),
        sa.Column("at", sa.Text, nullable=False),
        sa.Column("tries", sa.Integer, nullable=False),
        sa.Column("next_try_at", sa.Text, nullable=False),
        sa.Column("delivered_at", sa.Text),
        sa.Column("trouble", sa.Text),
    )
    op.create_index("outbox_by_turn", "outbox", ["channel", "delivered_at", "tries", "id"])
    op.create_table(
        "device_health",
        sa.Column("lane", sa.Text, primary_key=True),
        sa.Column("device", sa.Text, primary_key=True),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("why", sa.Text, nullable=False),
        sa.Column("since", sa.Text, nullable=False),
        sa.Column("counts", sa.Text, nullable=False),
        sa.Column("at", sa.Text, nullable=False),
    )
    make_append_only("alarms")
    make_append_only("acknowledgements")
