"""Backup and restore: a folder with a SQLite database, the blobs and the anchor, whatever the site itself runs on.

The private key is never in a backup: whoever had it could forge the journal. Keep its file apart.
"""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from loadlens.serving.evidence.anchor_check import AnchorCheck
from loadlens.serving.evidence.copying import copy_blobs, copy_rows, is_empty
from loadlens.serving.evidence.verify import Verdict, verify_store
from loadlens.serving.folders import make_private
from loadlens.serving.store.anchor import read_head
from loadlens.serving.store.blobs import Blobs, FolderBlobs
from loadlens.serving.store.database import open_database, writing
from loadlens.serving.store.journal import CHAIN, Seal, append, newest_head, sealed
from loadlens.serving.store.tables import JournalRecord

DATABASE = "loadlens.sqlite"
BLOBS = "blobs"
ANCHOR = "journal.anchor"


class BackupError(Exception):
    """A backup that cannot be made or restored; the message says why and what to do."""


def back_up(engine: Engine, blobs: Blobs, anchor: Path, out: Path) -> Verdict:
    """Copy all that a site has on record into `out`, at one moment, while servers run; then check the copy.

    `out` is new, or holds an earlier backup of the same journal, whose blobs are not copied again.
    Raises BackupError.
    """
    make_private(out)  # it holds what the data folder holds
    fresh = out / f"{DATABASE}.new"
    _remove_database(fresh)
    copies = FolderBlobs(out / BLOBS)
    with Session(engine) as session:
        _check_same(session, out)
        # It takes long, and old pictures may be let go meanwhile. What is on record afterwards says so.
        copy_blobs(session, blobs, copies)
    with Session(engine) as session:
        head = newest_head(session)
        with _opened(f"sqlite:///{fresh}") as target, writing(target).begin() as connection:
            copy_rows(session, connection)
        copy_blobs(session, blobs, copies)
    if anchor.is_file():  # else the check of the copy misses it, unless an earlier backup has it
        (out / ANCHOR).write_text("".join(_lines_up_to(anchor, head.seq)), encoding="utf-8", errors="surrogateescape")
    _remove_database(out / DATABASE)
    fresh.replace(out / DATABASE)
    return check_backup(out)


def check_backup(folder: Path, trusted_key: str | None = None) -> Verdict:
    """Check a backup as `loadlens verify` checks a site. Raises BackupError where there is none."""
    if not (folder / DATABASE).is_file():
        raise BackupError(f"{folder} holds no backup; give the folder that `loadlens backup` wrote")
    anchor = AnchorCheck([folder / ANCHOR])
    with _opened(f"sqlite:///{folder / DATABASE}") as engine, Session(engine) as session:
        return verify_store(session, FolderBlobs(folder / BLOBS), anchor, trusted_key)


def restore(folder: Path, engine: Engine, blobs: Blobs, seal: Seal) -> Path | None:
    """Fill an empty database and store from a backup, and put that on record. Raises BackupError, SigningKeyError.

    An anchor that is there may name records that the backup does not hold: it is kept beside, where the answer says.
    """
    with Session(engine) as session:
        if not is_empty(session):
            raise BackupError("the database is not empty; a backup is restored into a new one only")
    with _opened(f"sqlite:///{folder / DATABASE}") as source, Session(source) as session:
        head = newest_head(session)
        seal.keys.check(head.key)
        before = _set_aside(seal.anchor.path)
        copy_blobs(session, FolderBlobs(folder / BLOBS), blobs)
        with writing(engine).begin() as connection:
            copy_rows(session, connection)
    if (folder / ANCHOR).is_file():
        seal.anchor.path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(folder / ANCHOR, seal.anchor.path)
    with Session(writing(sealed(engine, seal))) as session, session.begin():
        append(session, "store.restored", CHAIN, {"seq": head.seq, "digest": head.digest}, "system")
    return before


def _set_aside(anchor: Path) -> Path | None:
    """Give an anchor that is there a name with the time; returns where it is now."""
    if not anchor.is_file():
        return None
    return anchor.rename(anchor.with_name(f"{anchor.name}.{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}"))


def _check_same(session: Session, out: Path) -> None:
    """Refuse a folder that holds something else than an earlier backup of this journal."""
    if not (out / DATABASE).exists():
        others = [path.name for path in out.iterdir() if path.name not in (BLOBS, ANCHOR) and DATABASE not in path.name]
        if others:
            raise BackupError(f"{out} holds {others[0]}, which is of no backup; give a new folder")
        return
    first = select(JournalRecord.digest).where(JournalRecord.seq == 1)
    with _opened(f"sqlite:///{out / DATABASE}") as engine, Session(engine) as earlier:
        if earlier.scalars(first).first() != session.scalars(first).first():
            raise BackupError(f"{out} holds the backup of another journal; give a new folder")


def _lines_up_to(anchor: Path, seq: int) -> Iterator[str]:
    """The heads of the anchor up to a record; a line that is no head is kept for the check to find."""
    with anchor.open(encoding="utf-8", errors="surrogateescape") as lines:
        for line in lines:
            head = read_head(line)
            if head is None or head.seq <= seq:
                yield line


@contextmanager
def _opened(url: str) -> Iterator[Engine]:
    engine = open_database(url)
    try:
        yield engine
    finally:
        engine.dispose()


def _remove_database(file: Path) -> None:
    for suffix in ("", "-wal", "-shm"):
        Path(f"{file}{suffix}").unlink(missing_ok=True)
