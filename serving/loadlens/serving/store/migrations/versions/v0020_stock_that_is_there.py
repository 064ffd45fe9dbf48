"""Stock that is gone has no row; entries are found by their time, for the reports of a period."""

from alembic import op

revision = "0020"
down_revision = "0019"


def upgrade() -> None:
    op.execute("DELETE FROM waste_stock WHERE grams = 0")
    op.create_index("waste_entries_by_time", "waste_entries", ["made_at"])
