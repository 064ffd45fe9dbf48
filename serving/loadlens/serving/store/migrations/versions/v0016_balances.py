"""What stands where by unit, place and code: what the postings add up to."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"

_GRAMS = sa.BigInteger().with_variant(sa.Integer, "sqlite")
_FILL = """
INSERT INTO waste_balances (unit, place, list_id, code, grams, containers)
SELECT substr(c.identity, 1, 18), p.place, c.list_id, c.code, sum(p.grams), 0
FROM waste_postings AS p JOIN waste_containers AS c ON c.identity = p.container
GROUP BY 1, 2, 3, 4
"""
_COUNT = """
UPDATE waste_balances SET containers = (
    SELECT count(*) FROM waste_stock AS s JOIN waste_containers AS c ON c.identity = s.container
    WHERE s.grams > 0 AND s.place = waste_balances.place AND substr(c.identity, 1, 18) = waste_balances.unit
    AND c.list_id = waste_balances.list_id AND c.code = waste_balances.code
)
"""


def upgrade() -> None:
    op.create_table(
        "waste_balances",
        sa.Column("unit", sa.Text, primary_key=True),
        sa.Column("place", sa.Text, primary_key=True),
        sa.Column("list_id", sa.Text, primary_key=True),
        sa.Column("code", sa.Text, primary_key=True),
        sa.Column("grams", _GRAMS, nullable=False),
        sa.Column("containers", sa.Integer, nullable=False),
    )
    op.execute(_FILL)
    op.execute(_COUNT)
