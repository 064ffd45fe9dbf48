"""The database of one server: opened so that a commit survives a power cut, and brought up to date at start."""

import sqlite3
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, Engine, create_engine, event

_BEGIN = "sqlite_begin"


def open_database(path: Path) -> Engine:
    """Open the SQLite file, made where it is not there, at the newest schema. Parent folder must exist."""
    engine = create_engine(f"sqlite:///{path}", connect_args={"timeout": 30})
    event.listen(engine, "connect", _set_up)
    event.listen(engine, "begin", _begin)
    migrate(engine)
    return engine


def writing(engine: Engine) -> Engine:
    """The same database for transactions that write: they take the one write lock when they begin.

    A transaction that reads first and then finds the lock taken would fail; this one waits.
    """
    return engine.execution_options(**{_BEGIN: "BEGIN IMMEDIATE"})


def migrate(engine: Engine) -> None:
    """Bring the schema to the newest version, in one transaction."""
    config = Config()
    config.set_main_option("script_location", "loadlens.serving.store:migrations")
    config.set_main_option("path_separator", "os")
    with writing(engine).begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def _set_up(connection: sqlite3.Connection, _record: Any) -> None:
    # The driver would begin transactions by its own rules; `_begin` does it by ours.
    connection.isolation_level = None
    for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON"):
        connection.execute(f"PRAGMA {pragma}")


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql(connection.get_execution_options().get(_BEGIN, "BEGIN"))
