"""Leases: which process of a site grades which load."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.create_table(
        "graders",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("beat", sa.Integer, nullable=False),
    )
    op.create_table(
        "leases",
        sa.Column("load_id", sa.Text, sa.ForeignKey("loads.id"), primary_key=True),
        sa.Column("grader", sa.Text, sa.ForeignKey("graders.id"), nullable=False, index=True),
    )
