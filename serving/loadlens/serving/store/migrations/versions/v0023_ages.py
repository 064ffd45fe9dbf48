"""The stock says since when the oldest waste in each container is in the ledger."""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"

# As of the entries that stand: repacked waste is as old as the oldest of what it was filled from.
_AGES = """
WITH RECURSIVE family (container, reached) AS (
    SELECT container, container FROM waste_stock
    UNION
    SELECT f.container, gave.container
    FROM family AS f
    JOIN waste_postings AS got ON got.container = f.reached AND got.grams > 0
    JOIN waste_entries AS e ON e.number = got.number AND e.stage = 'repacked'
    JOIN waste_postings AS gave ON gave.number = got.number AND gave.grams < 0
    LEFT JOIN waste_entries AS back ON back.takes_back = e.id
    WHERE back.id IS NULL
)
SELECT container AS of, min((
    SELECT min(e.made_at)
    FROM waste_entries AS e
    JOIN waste_postings AS p ON p.number = e.number
    LEFT JOIN waste_entries AS back ON back.takes_back = e.id
    WHERE p.container = family.reached AND p.grams > 0
    AND p.place NOT IN ('production', 'treated', 'handed_over', 'weighing')
    AND e.stage IN ('produced', 'reweighed') AND back.id IS NULL
)) AS since
FROM family GROUP BY container
"""


def upgrade() -> None:
    op.add_column("waste_stock", sa.Column("since", sa.Text, nullable=False, server_default=""))
    connection = op.get_bind()
    ages = [dict(row) for row in connection.execute(sa.text(_AGES)).mappings()]
    if ages:
        connection.execute(sa.text("UPDATE waste_stock SET since = :since WHERE container = :of"), ages)
