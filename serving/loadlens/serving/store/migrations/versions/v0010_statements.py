"""What suppliers say of a version, and what managers answer to a dispute."""

import sqlalchemy as sa
from alembic import op

from loadlens.serving.store.migrations.append_only import make_append_only

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    op.create_table(
        "supplier_statements",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("load_id", sa.Text, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("ticket", sa.Integer),
        sa.Column("sha256", sa.Text, nullable=False),
        sa.Column("said", sa.Text, nullable=False),
        sa.Column("reason", sa.Text),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("via", sa.Text, nullable=False),
        sa.Column("address", sa.Text),
        sa.Column("device", sa.Text),
        sa.Column("actor", sa.Text, nullable=False),
        sa.Column("at", sa.Text, nullable=False),
        sa.ForeignKeyConstraint(["load_id", "version"], ["assessments.load_id", "assessments.version"]),
        sa.UniqueConstraint("load_id", "version", name="one_statement_on_a_version"),
        sa.CheckConstraint("said in ('confirm', 'dispute')", name="said_is_known"),
        sa.CheckConstraint("(said = 'dispute') = (reason IS NOT NULL)", name="a_dispute_has_a_reason"),
    )
    op.create_table(
        "dispute_answers",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("statement", sa.Integer, sa.ForeignKey("supplier_statements.id"), nullable=False, index=True),
        sa.Column("load_id", sa.Text, sa.ForeignKey("loads.id"), nullable=False),
        sa.Column("outcome", sa.Text, nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("actor", sa.Text, nullable=False),
        sa.Column("at", sa.Text, nullable=False),
        sa.CheckConstraint("outcome in ('changed', 'explained')", name="outcome_is_known"),
    )
    for table in ("supplier_statements", "dispute_answers"):
        make_append_only(table)
