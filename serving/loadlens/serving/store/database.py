"""The database: opened so that a commit survives a power cut, and brought up to date at start.

SQLite for one machine, PostgreSQL for a site of several. Code above need not know which:

- one transaction writes at a time (`writing`), also across processes and machines, and sees all that was committed
  before it; one that reads sees one moment;
- text is compared by its code points, so both sort alike;
- a failure that is none of ours is a StoreUnavailableError or a StoreFullError.
"""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from alembic import command
from alembic.config import Config
from sqlalchemy import URL, ColumnElement, Connection, Engine, ExceptionContext, and_, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.orm import InstrumentedAttribute, Session

from loadlens.serving.store.errors import StoreFullError, StoreUnavailableError, StoreUrlError

_POOL: dict[str, Any] = {"pool_size": 10, "max_overflow": 20, "pool_timeout": 20}


def open_database(url: str) -> Engine:
    """Open `sqlite:///path` (made where it is not there; its folder must exist) or `postgresql+psycopg://…`.

    The schema is brought up to date. Raises StoreUrlError and what every transaction may raise.
    """
    try:
        parsed = make_url(url)
        opener = _OPENERS[parsed.drivername]
    except (ArgumentError, KeyError):
        known = "sqlite:///path/of/a/file or postgresql+psycopg://user@host/database"
        raise StoreUrlError(f"database is none that can be used; write {known}") from None
    engine = opener(parsed)
    event.listen(engine, "begin", _begin)
    event.listen(engine, "handle_error", _say)
    migrate(engine)
    return engine


def writing(engine: Engine) -> Engine:
    """The same database for transactions that write: they take the one write lock when they begin.

    A transaction that reads first and then finds the lock taken would fail; this one waits.
    """
    return engine.execution_options(loadlens_writes=True)


def read_session(engine: Engine) -> Session:
    """A session that only reads; what it gave stays readable after its end."""
    return Session(engine, expire_on_commit=False)


@contextmanager
def write_session(engine: Engine) -> Iterator[Session]:
    """A session in a transaction that writes: committed at its end, undone where an error leaves it."""
    with Session(writing(engine), expire_on_commit=False) as session, session.begin():
        yield session


def begins_with(column: ColumnElement[str] | InstrumentedAttribute[str], prefix: str) -> ColumnElement[bool]:
    """Whether a text begins so, case and all, by its index: text sorts by code points, none behind the last of them."""
    return and_(column >= prefix, column < prefix + chr(0x10FFFF))


def migrate(engine: Engine) -> None:
    """Bring the schema to the newest version, in one transaction."""
    config = Config()
    config.set_main_option("script_location", "loadlens.serving.store:migrations")
    config.set_main_option("path_separator", "os")
    with writing(engine).begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def _begin(connection: Connection) -> None:
    writes = connection.get_execution_options().get("loadlens_writes", False)
    connection.exec_driver_sql(_BEGIN[connection.dialect.name, writes])


# SQLite.


def _open_sqlite(url: URL) -> Engine:
    engine = create_engine(url, connect_args={"timeout": 30}, **_POOL)
    event.listen(engine, "connect", _set_up)
    return engine


def _set_up(connection: sqlite3.Connection, _record: Any) -> None:
    # The driver would begin transactions by its own rules; `_begin` does it by ours.
    connection.isolation_level = None
    for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON"):
        connection.execute(f"PRAGMA {pragma}")


# PostgreSQL.

# Any number will do that nothing else in the same database locks.
_WRITE_LOCK = 0x10AD1E45
# What the site's server may have set otherwise: a commit is on the disk. Compiling questions (JIT) took longer than to
# answer them. Who only reads may be silent for long: a backup copies pictures meanwhile.
_SESSION = "-c synchronous_commit=on -c jit=off -c lock_timeout=30s -c idle_in_transaction_session_timeout=0"
# Who hangs lets go of the write lock.
_NOT_SILENT = "set_config('idle_in_transaction_session_timeout', '60s', true)"
# Seconds until a machine that has vanished is given up.
_NETWORK = {"connect_timeout": 5, "keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 3}
_BY_CODE_POINT = ("C", "POSIX", "C.UTF-8", "C.utf8")
# The provider is a column since PostgreSQL 15; where it is ICU, the name of the collation says nothing.
_KIND = """
SELECT pg_encoding_to_char(encoding),
       CASE WHEN to_jsonb(d) ->> 'datlocprovider' = 'i' THEN 'ICU' ELSE datcollate END
FROM pg_database AS d WHERE datname = current_database()
"""


def _open_postgresql(url: URL) -> Engine:
    connect_args = {**_NETWORK, "tcp_user_timeout": 15_000, "options": _SESSION}
    try:
        engine = create_engine(
            url.set(drivername="postgresql+psycopg"), connect_args=connect_args, pool_pre_ping=True, **_POOL
        )
    except ModuleNotFoundError as error:
        raise StoreUrlError("a PostgreSQL database needs more packages: install loadlens[site]") from error
    event.listen(engine, "first_connect", _check_kind)
    return engine


def _check_kind(connection: Any, _record: Any) -> None:
    encoding, collation = connection.execute(_KIND).fetchone()
    connection.rollback()
    if encoding != "UTF8" or collation not in _BY_CODE_POINT:
        raise StoreUrlError(
            f"the database is in {encoding} and sorts by {collation}; loads would be listed in another order than in "
            "SQLite. Make it by: createdb --template template0 --encoding UTF8 --locale C NAME"
        )


_OPENERS: dict[str, Callable[[URL], Engine]] = {
    "sqlite": _open_sqlite,
    "postgresql": _open_postgresql,
    "postgresql+psycopg": _open_postgresql,
}
# How a transaction begins, and whether it writes. PostgreSQL's are read committed where nothing else is said: so what
# is read behind the lock was read after it was taken.
_BEGIN = {
    ("sqlite", False): "BEGIN",
    ("sqlite", True): "BEGIN IMMEDIATE",
    ("postgresql", False): "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY",
    ("postgresql", True): f"SELECT pg_advisory_xact_lock({_WRITE_LOCK}), {_NOT_SILENT}",
}

# Failures that are none of ours.

_FULL = ("53100", sqlite3.SQLITE_FULL)
_SQLITE_UNAVAILABLE = (
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_READONLY,
)


def _say(context: ExceptionContext) -> None:
    """Raise in the place of the driver's error one that tells whether to wait or to make room."""
    error = context.original_exception
    code = getattr(error, "sqlstate", None) or getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code in _FULL:
        raise StoreFullError(f"no room is left for the database ({error})") from error
    if context.is_disconnect or _is_unavailable(context, code):
        raise StoreUnavailableError(f"the database does not answer: {error}") from error


def _is_unavailable(context: ExceptionContext, code: str | int) -> bool:
    if context.dialect.name == "sqlite":
        return code in _SQLITE_UNAVAILABLE
    # PostgreSQL: no connection, a server that stops or is too busy, a lock not had in time, a standby.
    return isinstance(context.original_exception, context.dialect.loaded_dbapi.OperationalError) or code == "25006"
