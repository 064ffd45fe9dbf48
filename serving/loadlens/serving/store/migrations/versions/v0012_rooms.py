"""Store rooms, and readings found by the sensor that gave them."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    op.create_table(
        "rooms",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("lane", sa.Text, sa.ForeignKey("lanes.id"), unique=True),
        sa.Column("about", sa.Text, nullable=False),
        sa.Column("created_at", sa.Text, nullable=False),
    )
    op.create_index("readings_by_sensor", "readings", ["lane", "kind", "text", "device", "created_at"])
