"""The traces of loads: what was watched of them beside what a model says."""

import sqlalchemy as sa
from alembic import op

from loadlens.serving.store.migrations.append_only import make_append_only

revision = "0026"
down_revision = "0025"


def upgrade() -> None:
    op.create_table(
        "load_traces",
        sa.Column("load_id", sa.Text, sa.ForeignKey("loads.id"), primary_key=True),
        sa.Column("version", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("sha256", sa.Text, nullable=False),
    )
    make_append_only("load_traces")
