"""The oldest waste of a place is found without reading all that stands there."""

from alembic import op

revision = "0024"
down_revision = "0023"


def upgrade() -> None:
    op.create_index("waste_stock_by_age", "waste_stock", ["place", "since", "container"])
