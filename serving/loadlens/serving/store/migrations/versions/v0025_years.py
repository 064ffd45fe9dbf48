"""Balances keep what is outside by the year in which it went there: what the postings add up to."""

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"

_GRAMS = sa.BigInteger().with_variant(sa.Integer, "sqlite")
_FILL = """
INSERT INTO waste_balances (unit, place, list_id, code, year, grams, containers)
SELECT substr(c.identity, 1, 18), p.place, c.list_id, c.code,
    CASE WHEN p.place IN ('production', 'treated', 'handed_over', 'weighing') THEN substr(e.made_at, 1, 4) ELSE '' END,
    sum(p.grams), 0
FROM waste_postings AS p
JOIN waste_containers AS c ON c.identity = p.container
JOIN waste_entries AS e ON e.number = p.number
GROUP BY 1, 2, 3, 4, 5
"""
_COUNT = """
UPDATE waste_balances SET containers = (
    SELECT count(*) FROM waste_stock AS s JOIN waste_containers AS c ON c.identity = s.container
    WHERE s.grams > 0 AND s.place = waste_balances.place AND substr(c.identity, 1, 18) = waste_balances.unit
    AND c.list_id = waste_balances.list_id AND c.code = waste_balances.code
)
"""


def upgrade() -> None:
    # What all of it follows from is kept: a table with another key is made anew sooner than changed.
    op.drop_table("waste_balances")
    op.create_table(
        "waste_balances",
        *(sa.Column(name, sa.Text, primary_key=True) for name in ("unit", "place", "list_id", "code", "year")),
        sa.Column("grams", _GRAMS, nullable=False),
        sa.Column("containers", sa.Integer, nullable=False),
    )
    op.execute(_FILL)
    op.execute(_COUNT)
