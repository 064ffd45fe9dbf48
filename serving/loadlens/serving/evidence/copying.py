"""All rows of one database into another, empty one, and all blobs that they name."""

import json
from collections.abc import Iterator

from sqlalchemy import Connection, Table, delete, func, insert, select, text
from sqlalchemy.orm import Session

from loadlens.serving.evidence.in_force import KEEPS_FILE
from loadlens.serving.store.blobs import Blobs
from loadlens.serving.store.errors import BlobDamagedError, BlobMissingError
from loadlens.serving.store.tables import (
    Base,
    JournalHead,
    JournalRecord,
    LayerMapKept,
    LoadTrace,
    Picture,
    StoredFrame,
)

_AT_ONCE = 1000


def copy_rows(source: Session, target: Connection) -> None:
    """Copy every row that `source` sees at its one moment; the tables of `target` are empty but for the head."""
    target.execute(delete(JournalHead))
    for table in Base.metadata.sorted_tables:
        rows = source.execute(select(table).execution_options(yield_per=_AT_ONCE)).mappings()
        for batch in rows.partitions(_AT_ONCE):
            target.execute(insert(table), [dict(row) for row in batch])
        _count_on(target, table)


def copy_blobs(session: Session, source: Blobs, target: Blobs) -> int:
    """Copy the blobs that are named and not there yet; returns how many. One that cannot be read is left out."""
    copied = 0
    for sha256 in named_blobs(session):
        if target.exists(sha256):
            continue
        try:
            target.put(source.get(sha256))
            copied += 1
        except (BlobMissingError, BlobDamagedError):
            continue  # let go, or lost: the check of the copy says which
    return copied


def named_blobs(session: Session) -> Iterator[str]:
    """The digest of every blob that the records name."""
    in_force = select(JournalRecord.body).where(JournalRecord.kind.in_(KEEPS_FILE))
    for body in session.scalars(in_force):
        yield json.loads(body)["sha256"]
    for column in (StoredFrame.sha256, Picture.sha256, LayerMapKept.sha256, LoadTrace.sha256):
        yield from session.scalars(select(column).distinct().execution_options(yield_per=_AT_ONCE))


def is_empty(session: Session) -> bool:
    """Whether nothing has been recorded in a database."""
    return all(
        session.scalars(select(func.count()).select_from(table)).one() == 0
        for table in Base.metadata.sorted_tables
        if table.name != JournalHead.__tablename__
    )


def _count_on(target: Connection, table: Table) -> None:
    """Let PostgreSQL number the next row behind those that were copied; SQLite does so by itself."""
    column = table.autoincrement_column
    if target.dialect.name != "postgresql" or column is None:
        return
    target.execute(
        text(
            f"SELECT setval(pg_get_serial_sequence('{table.name}', '{column.name}'), max({column.name})) "
            f"FROM {table.name} HAVING max({column.name}) IS NOT NULL"
        )
    )
