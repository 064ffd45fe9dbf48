"""The maps of layers: what was seen where."""

import sqlalchemy as sa
from alembic import op

from loadlens.serving.store.migrations.append_only import make_append_only

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
    op.create_table(
        "layer_maps",
        sa.Column("load_id", sa.Text, sa.ForeignKey("loads.id"), primary_key=True),
        sa.Column("version", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("layer", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("camera", sa.Text, nullable=False),
        sa.Column("sha256", sa.Text, nullable=False),
    )
    make_append_only("layer_maps")
