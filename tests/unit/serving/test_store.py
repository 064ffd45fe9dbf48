"""The store: the schema that migrations make is the one the code uses, and blobs are whole or absent."""

import hashlib

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from loadlens.serving.store.blobs import Blobs
from loadlens.serving.store.database import migrate, open_database
from loadlens.serving.store.tables import Base


def test_migrations_make_the_tables_that_the_code_uses(tmp_path):
    engine = open_database(tmp_path / "new.sqlite")
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), Base.metadata) == []
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2
        assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1
    migrate(engine)
    engine.dispose()


def test_a_blob_comes_back_by_its_digest_and_is_kept_once(tmp_path):
    blobs = Blobs(tmp_path)
    sha256 = blobs.put(b"a frame")
    assert sha256 == hashlib.sha256(b"a frame").hexdigest()
    assert blobs.put(b"a frame") == sha256
    assert blobs.get(sha256) == b"a frame"
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == [sha256]


def test_what_a_kill_left_half_written_is_swept_at_the_next_start(tmp_path):
    Blobs(tmp_path)
    (tmp_path / "incoming" / "half").write_bytes(b"half a fr")
    Blobs(tmp_path)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
