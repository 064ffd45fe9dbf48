"""Rows as the journal keeps them: every column, so that a change of any can be found and named."""

import hashlib
from collections.abc import Sequence
from typing import Any

from sqlalchemy import inspect

from loadlens.serving.store.tables import Base

_LONGEST_TEXT = 256


def row_facts(rows: Sequence[Base]) -> dict[str, Any]:
    """One or more rows of one table: its name, its columns, and the values of each row in their order."""
    mapper = inspect(type(rows[0]))
    columns = [attribute.key for attribute in mapper.column_attrs]
    return {
        "table": mapper.local_table.name,  # type: ignore[attr-defined]  # our tables are all named
        "columns": columns,
        "values": [[fact(getattr(row, column)) for column in columns] for row in rows],
    }


def fact(value: Any) -> Any:
    """A value as the journal keeps it; long text is kept as its digest."""
    if isinstance(value, str) and len(value) > _LONGEST_TEXT:
        return {"sha256": hashlib.sha256(value.encode()).hexdigest()}
    return value
