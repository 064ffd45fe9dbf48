"""Rows as the journal keeps them: every column, so that a change of any can be found and named.

Columns whose values may change in the life of a row are left out; they carry `info=CHANGES`.
"""

import hashlib
from collections.abc import Mapping, Sequence
from functools import cache
from itertools import groupby
from typing import Any

from sqlalchemy import Table

from loadlens.serving.store.tables import CHANGES, Base

# Every row of these has its record (of frames, once their load is closed), and of any other table that has one at all.
VOUCHED = (
    "loads",
    "transitions",
    "load_flags",
    "readings",
    "weights",
    "frames",
    "load_frames",
    "let_go_frames",
    "hazards",
    "assessments",
    "pictures",
    "layer_maps",
    "load_traces",
    "reviews",
    "second_opinions",
    "opinions",
    "tickets",
    "supplier_statements",
    "dispute_answers",
    "alarms",
    "acknowledgements",
    "api_keys",
    "key_revocations",
    "waste_containers",
    "waste_entries",
    "waste_postings",
    "waste_manifests",
    "waste_manifest_steps",
    "standard_editions",
    "standard_activations",
    "camera_beds",
    "model_activations",
    "model_looks",
)
_LONGEST_TEXT = 256


def row_facts(rows: Sequence[Base]) -> list[dict[str, Any]]:
    """For each table its name, its columns and the values of each row; rows of one table stand together."""
    return [
        {"table": table.name, "columns": fixed_columns(table), "values": [_values(table, row) for row in same]}
        for table, same in groupby(rows, lambda row: row.__table__)
        if isinstance(table, Table)
    ]


def bulk_facts(kind: type[Base], rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The same of rows of one table that are written in bulk, as the values of their columns."""
    table = Base.metadata.tables[kind.__tablename__]
    columns = fixed_columns(table)
    values = [[fact(row[column]) for column in columns] for row in rows]
    return {"table": table.name, "columns": columns, "values": values}


@cache
def fixed_columns(table: Table) -> list[str]:
    """The columns of a table whose values never change."""
    return [column.name for column in table.columns if column.info != CHANGES]


def fact(value: Any) -> Any:
    """A value as the journal keeps it; long text is kept as its digest."""
    if isinstance(value, str) and len(value) > _LONGEST_TEXT:
        return {"sha256": hashlib.sha256(value.encode()).hexdigest()}
    return value


def _values(table: Table, row: Base) -> list[Any]:
    return [fact(getattr(row, column)) for column in fixed_columns(table)]
