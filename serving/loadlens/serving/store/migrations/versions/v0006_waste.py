"""Containers of waste, the ledger's entries and postings, what is in stock, and what waits."""

import sqlalchemy as sa
from alembic import op

from loadlens.serving.store.migrations.append_only import make_append_only

revision = "0006"
down_revision = "0005"

_GRAMS = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    op.create_table(
        "waste_containers",
        sa.Column("identity", sa.Text, primary_key=True),
        sa.Column("list_id", sa.Text, nullable=False),
        sa.Column("edition", sa.Text, nullable=False),
        sa.Column("code", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("litres", sa.Text, nullable=False),
        sa.Column("actor", sa.Text, nullable=False),
        sa.Column("at", sa.Text, nullable=False),
    )
    op.create_index("waste_containers_by_code", "waste_containers", ["list_id", "code", "identity"])
    op.create_table(
        "waste_entries",
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("id", sa.Text, nullable=False, unique=True),
        sa.Column("stage", sa.Text, nullable=False),
        sa.Column("made_at", sa.Text, nullable=False),
        sa.Column("actor", sa.Text, nullable=False),
        sa.Column("batch", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("takes_back", sa.Text, sa.ForeignKey("waste_entries.id"), unique=True),
        sa.Column("particulars", sa.Text, nullable=False),
        sa.Column("at", sa.Text, nullable=False),
    )
    op.create_table(
        "waste_postings",
        sa.Column("number", sa.Integer, sa.ForeignKey("waste_entries.number"), primary_key=True),
        sa.Column("line", sa.Integer, primary_key=True),
        sa.Column("container", sa.Text, sa.ForeignKey("waste_containers.identity"), nullable=False),
        sa.Column("place", sa.Text, nullable=False),
        sa.Column("grams", _GRAMS, nullable=False),
    )
    op.create_index("waste_postings_by_container", "waste_postings", ["container", "number"])
    op.create_table(
        "waste_stock",
        sa.Column("container", sa.Text, sa.ForeignKey("waste_containers.identity"), primary_key=True),
        sa.Column("place", sa.Text, primary_key=True),
        sa.Column("grams", _GRAMS, nullable=False),
        sa.CheckConstraint("grams >= 0", name="no_container_is_emptier_than_empty"),
    )
    op.create_index("waste_stock_by_place", "waste_stock", ["place", "container"])
    op.create_table(
        "waste_waiting",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("entry", sa.Text, nullable=False),
        sa.Column("why", sa.Text, nullable=False),
        sa.Column("at", sa.Text, nullable=False),
    )
    for table in ("waste_containers", "waste_entries", "waste_postings"):
        make_append_only(table)
