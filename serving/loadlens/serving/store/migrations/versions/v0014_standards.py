"""Standards that people save and activate."""

import sqlalchemy as sa
from alembic import op

from loadlens.serving.store.migrations.append_only import make_append_only

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    op.create_table(
        "standard_editions",
        sa.Column("sha256", sa.Text, primary_key=True),
        sa.Column("standard", sa.Text, nullable=False),
        sa.Column("version", sa.Text, nullable=False),
        sa.Column("actor", sa.Text, nullable=False),
        sa.Column("at", sa.Text, nullable=False),
        sa.UniqueConstraint("standard", "version", name="one_file_of_a_version"),
    )
    op.create_table(
        "standard_activations",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("standard", sa.Text, nullable=False),
        sa.Column("sha256", sa.Text, sa.ForeignKey("standard_editions.sha256")),
        sa.Column("since", sa.Text, nullable=False),
        sa.Column("is_default", sa.Boolean, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("actor", sa.Text, nullable=False),
        sa.Column("at", sa.Text, nullable=False),
    )
    op.create_index("standard_activations_by_time", "standard_activations", ["standard", "since", "id"])
    for table in ("standard_editions", "standard_activations"):
        make_append_only(table)
