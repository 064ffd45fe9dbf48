"""The store: one behaviour on SQLite and PostgreSQL, in a folder and in an object store."""

import hashlib
import os
import threading
import time

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from loadlens.serving.store.blobs import FolderBlobs, open_blobs
from loadlens.serving.store.database import migrate, open_database, read_session, write_session, writing
from loadlens.serving.store.errors import BlobDamagedError, BlobMissingError, StoreUnavailableError, StoreUrlError
from loadlens.serving.store.tables import Base

OPEN = "INSERT INTO loads (id, status, standard, created_at) VALUES (:id, 'arrived', 's', 't')"


@pytest.fixture
def engine(bare_database_url):
    engine = open_database(bare_database_url)
    yield engine
    engine.dispose()


def test_migrations_make_the_tables_that_the_code_uses(engine):
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), Base.metadata) == []
    migrate(engine)


def test_a_commit_is_on_the_disk_when_it_returns(engine):
    asked, expected = {
        "sqlite": (("PRAGMA journal_mode", "PRAGMA synchronous", "PRAGMA foreign_keys"), ["wal", 2, 1]),
        "postgresql": (("SHOW synchronous_commit", "SHOW fsync"), ["on", "on"]),
    }[engine.dialect.name]
    with engine.connect() as connection:
        assert [connection.exec_driver_sql(question).scalar() for question in asked] == expected


def test_rows_that_are_appended_are_never_changed(engine):
    with writing(engine).begin() as connection:
        connection.execute(text(OPEN), {"id": "load-1"})
        connection.execute(
            text(
                "INSERT INTO assessments (load_id, version, observation, report, reason, created_at) "
                "VALUES ('load-1', 1, 'seen', 'said', 'watched', '2026-03-01T08:00:00.000+00:00')"
            )
        )
    for statement in ("UPDATE assessments SET report = '{}'", "DELETE FROM assessments"):
        with pytest.raises(IntegrityError, match="never changed"), writing(engine).begin() as connection:
            connection.execute(text(statement))
    with engine.connect() as connection:
        assert connection.execute(text("SELECT report FROM assessments")).scalar() == "said"


def test_writers_take_turns_and_each_sees_what_the_one_before_it_wrote(engine):
    def add_one() -> None:
        for _ in range(25):
            with writing(engine).begin() as connection:
                known = connection.execute(text("SELECT count(*) FROM loads")).scalar()
                connection.execute(text(OPEN), {"id": f"load-{known}"})

    threads = [threading.Thread(target=add_one) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM loads")).scalar() == 100


def test_a_transaction_that_reads_sees_one_moment(engine):
    count = text("SELECT count(*) FROM loads")
    with engine.connect() as reader:
        assert reader.execute(count).scalar() == 0
        with writing(engine).begin() as writer:
            writer.execute(text(OPEN), {"id": "load-1"})
        assert reader.execute(count).scalar() == 0


def test_text_is_sorted_by_its_code_points(engine):
    names = ["a", "B", "京", "-", "b", "A", "_"]
    with writing(engine).begin() as connection:
        for name in names:
            connection.execute(text(OPEN), {"id": name})
    with engine.connect() as connection:
        assert list(connection.execute(text("SELECT id FROM loads ORDER BY id")).scalars()) == sorted(names)


@pytest.mark.parametrize(
    "url", ["mysql://clerk:secret@yard/loads", "postgresql+asyncpg://clerk:secret@yard/loads", "secret"]
)
def test_a_database_that_cannot_be_used_is_refused_without_telling_its_password(url):
    with pytest.raises(StoreUrlError, match="write sqlite:///") as told:
        open_database(url)
    assert "secret" not in str(told.value)


def test_a_database_that_sorts_by_a_language_is_refused(new_postgresql):
    url = new_postgresql("LOCALE_PROVIDER icu ICU_LOCALE 'en' LOCALE 'C'")
    with pytest.raises(StoreUrlError, match="locale C"):
        open_database(url)


def test_a_database_that_does_not_answer_is_called_unavailable(free_port):
    with pytest.raises(StoreUnavailableError):
        open_database(f"postgresql+psycopg://nobody@127.0.0.1:{free_port}/nothing")


def test_a_blob_comes_back_by_its_digest(blobs):
    sha256 = blobs.put(b"a frame")
    assert sha256 == hashlib.sha256(b"a frame").hexdigest()
    assert blobs.put(b"a frame") == sha256
    assert blobs.get(sha256) == b"a frame"
    assert blobs.exists(sha256)
    assert blobs.get(blobs.put(b"")) == b""


def test_a_blob_that_is_not_there_is_named(blobs):
    nothing = hashlib.sha256(b"never stored").hexdigest()
    assert not blobs.exists(nothing)
    with pytest.raises(BlobMissingError, match=nothing):
        blobs.get(nothing)


def test_a_blob_can_be_let_go_of(blobs):
    sha256 = blobs.put(b"an old frame")
    for _ in range(2):
        blobs.delete(sha256)
        assert not blobs.exists(sha256)
    assert blobs.put(b"an old frame") == sha256
    assert blobs.get(sha256) == b"an old frame"


def test_a_damaged_blob_is_named_and_never_given_out(blobs, damage):
    sha256 = blobs.put(b"a frame of a disputed load")
    damage(blobs, sha256, b"a frame of a disputed l0ad")
    with pytest.raises(BlobDamagedError, match=sha256):
        blobs.get(sha256)


def test_many_threads_that_keep_the_same_blob_keep_it_once(blobs):
    data = os.urandom(300_000)
    kept = []
    threads = [threading.Thread(target=lambda: kept.append(blobs.put(data))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert kept == [hashlib.sha256(data).hexdigest()] * 8
    assert blobs.get(kept[0]) == data


@pytest.mark.parametrize("url", ["s3:///prefix", "https://bucket/prefix", "s3://key:secret@bucket"])
def test_a_store_that_cannot_be_used_is_refused(url, tmp_path):
    with pytest.raises(StoreUrlError):
        open_blobs(url, tmp_path)


def test_what_a_kill_left_half_written_is_swept_later_but_not_what_another_process_writes(tmp_path):
    FolderBlobs(tmp_path)
    old, young = tmp_path / "incoming" / "old", tmp_path / "incoming" / "young"
    for half in (old, young):
        half.write_bytes(b"half a fr")
    os.utime(old, (time.time() - 7200,) * 2)
    FolderBlobs(tmp_path)
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["young"]


def test_what_another_process_finishes_meanwhile_is_no_fault(tmp_path):
    FolderBlobs(tmp_path)
    ended = threading.Event()

    def write():
        while not ended.is_set():
            (tmp_path / "incoming" / "half").write_bytes(b"half a fr")
            (tmp_path / "incoming" / "half").unlink()

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for _ in range(3000):
            FolderBlobs(tmp_path)
    finally:
        ended.set()
        writer.join()


def test_who_reads_may_be_silent_for_hours_and_who_writes_may_not(new_postgresql):
    """A backup copies pictures for long between two questions; whoever holds the write lock holds up a yard."""
    engine = open_database(new_postgresql())
    silence = text("SHOW idle_in_transaction_session_timeout")
    for _ in range(2):
        with write_session(engine) as session:
            assert session.scalar(silence) == "1min"
        with read_session(engine) as session:
            assert session.scalar(silence) == "0"
    engine.dispose()
