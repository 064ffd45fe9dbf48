"""What models made of past loads, and what the rule said of a model when somebody activated it."""

import sqlalchemy as sa
from alembic import op

from loadlens.serving.store.migrations.append_only import make_append_only

revision = "0021"
down_revision = "0020"


def upgrade() -> None:
    op.create_table(
        "model_looks",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("model", sa.Text, nullable=False),
        sa.Column("load_id", sa.Text, sa.ForeignKey("loads.id"), nullable=False),
        sa.Column("seen", sa.Text, nullable=False),
        sa.Column("actor", sa.Text, nullable=False),
        sa.Column("at", sa.Text, nullable=False),
    )
    op.create_index("model_looks_by_model", "model_looks", ["model", "load_id", "id"])
    make_append_only("model_looks")
    for name in ("verdict", "despite"):
        op.add_column("model_activations", sa.Column(name, sa.Text, nullable=True))
