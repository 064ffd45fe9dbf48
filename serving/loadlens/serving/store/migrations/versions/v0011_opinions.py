"""Second opinions, opinions, and claims that are blind. Claims are made anew: they last for minutes."""

import sqlalchemy as sa
from alembic import op

from loadlens.serving.store.migrations.append_only import make_append_only

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    op.drop_table("claims")
    op.create_table(
        "claims",
        sa.Column("load_id", sa.Text, sa.ForeignKey("loads.id"), primary_key=True),
        sa.Column("holder", sa.Text, nullable=False),
        sa.Column("since", sa.Text, nullable=False),
        sa.Column("expires_at", sa.Text, nullable=False),
        sa.Column("blind", sa.Boolean, nullable=False),
    )
    op.create_table(
        "second_opinions",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("load_id", sa.Text, sa.ForeignKey("loads.id"), nullable=False, index=True),
        sa.Column("actor", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("after_review", sa.Integer, nullable=False),
        sa.Column("at", sa.Text, nullable=False),
    )
    op.create_table(
        "opinions",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("load_id", sa.Text, sa.ForeignKey("loads.id"), nullable=False, index=True),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("rater", sa.Text, nullable=False),
        sa.Column("grade", sa.Text),
        sa.Column("deduction_percent", sa.Text),
        sa.Column("note", sa.Text, nullable=False),
        sa.Column("blind", sa.Boolean, nullable=False),
        sa.Column("answers", sa.Integer, sa.ForeignKey("second_opinions.id")),
        sa.Column("machine_grade", sa.Text),
        sa.Column("machine_percent", sa.Text),
        sa.Column("at", sa.Text, nullable=False),
    )
    for table in ("second_opinions", "opinions"):
        make_append_only(table)
