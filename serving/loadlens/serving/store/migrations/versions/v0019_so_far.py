"""What the settled layers of a load show, for another process than the one that watches it."""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"


def upgrade() -> None:
    op.add_column("progress", sa.Column("so_far", sa.Text, nullable=True))
