"""Transfer manifests and their steps."""

import sqlalchemy as sa
from alembic import op

from loadlens.serving.store.migrations.append_only import make_append_only

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    op.create_table(
        "waste_manifests",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("actor", sa.Text, nullable=False),
        sa.Column("at", sa.Text, nullable=False, index=True),
    )
    op.create_table(
        "waste_manifest_steps",
        sa.Column("manifest", sa.Text, sa.ForeignKey("waste_manifests.id"), primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("id", sa.Text, nullable=False, unique=True),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("person", sa.Text, nullable=False),
        sa.Column("done_at", sa.Text, nullable=False),
        sa.Column("said", sa.Text, nullable=False),
        sa.Column("actor", sa.Text, nullable=False),
        sa.Column("at", sa.Text, nullable=False),
    )
    for table in ("waste_manifests", "waste_manifest_steps"):
        make_append_only(table)
