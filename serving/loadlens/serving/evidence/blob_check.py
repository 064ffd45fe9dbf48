"""Every picture, standard and activated model on record against the bytes that are kept under its digest."""

import json
import sqlite3
from collections.abc import Iterator

from sqlalchemy import select
from sqlalchemy.orm import Session

from loadlens.serving.evidence.chain import Record
from loadlens.serving.evidence.finding import Finding
from loadlens.serving.evidence.in_force import KEEPS_FILE
from loadlens.serving.records.frames import SAME_FRAME
from loadlens.serving.store.blobs import Blobs
from loadlens.serving.store.errors import BlobDamagedError, BlobMissingError
from loadlens.serving.store.tables import LayerMapKept, LoadFrame, LoadTrace, Picture, StoredFrame

_AT_ONCE = 1000
DROPPED = "blob.dropped"


class BlobCheck:
    """Shown every record, then the database and the blobs."""

    def __init__(self) -> None:
        self._files: dict[str, str] = {}
        # A year of pictures let go is too much for memory; a file without a name, which SQLite removes itself.
        self._dropped = sqlite3.connect("")
        self._dropped.execute("CREATE TABLE dropped (subject, sha256, PRIMARY KEY (subject, sha256)) WITHOUT ROWID")
        self._gone: list[tuple[str, str, str]] = []
        self.checked = 0

    def close(self) -> None:
        """Let go of the file."""
        self._dropped.close()

    def see(self, record: Record) -> Iterator[Finding]:
        """Take note of the files that a record names and of the blobs that it lets go."""
        if record.kind not in (DROPPED, *KEEPS_FILE):
            return
        try:
            body = json.loads(record.body)
            if record.kind == DROPPED:
                named = [(record.subject, sha256) for sha256 in body["blobs"]]
                self._dropped.executemany("INSERT OR IGNORE INTO dropped VALUES (?, ?)", named)
            else:
                what = record.kind.partition(".")[0]
                self._files[body["sha256"]] = f"{what} {body['id']} {body['version']} ({record.place})"
        except (ValueError, KeyError, TypeError) as error:
            yield Finding(record.place, f"cannot be read ({type(error).__name__}: {error})")

    def check(self, session: Session, blobs: Blobs) -> Iterator[Finding]:
        """What is wrong with the bytes that the records name; which are gone, `missed` tells."""
        for sha256, place in self._files.items():
            yield from self._check(blobs, sha256, "", place)
        last = ""
        for sha256, subject, place in _pictures(session):
            if sha256 != last and not self._was_dropped(subject, sha256):
                yield from self._check(blobs, sha256, subject, place)
                last = sha256

    @property
    def missed_any(self) -> bool:
        """Whether bytes are gone that no record seen so far lets go: a later one may."""
        return bool(self._gone)

    def missed(self) -> Iterator[Finding]:
        """The bytes that are gone, and that no record which was seen lets go."""
        for sha256, subject, place in self._gone:
            if not self._was_dropped(subject, sha256):
                yield Finding(place, f"its bytes are gone, SHA-256 {sha256}, and no record says that they were let go")

    def _was_dropped(self, subject: str, sha256: str) -> bool:
        found = self._dropped.execute("SELECT 1 FROM dropped WHERE subject = ? AND sha256 = ?", (subject, sha256))
        return found.fetchone() is not None

    def _check(self, blobs: Blobs, sha256: str, subject: str, place: str) -> Iterator[Finding]:
        self.checked += 1
        try:
            blobs.get(sha256)
        except BlobMissingError:
            self._gone.append((sha256, subject, place))
        except BlobDamagedError:
            yield Finding(place, f"its bytes are not those of SHA-256 {sha256}: they were changed")


def _pictures(session: Session) -> Iterator[tuple[str, str, str]]:
    """Digest, subject and place of every frame, drawing, map and trace; equal digests of a kind stand together."""
    frames = (
        select(StoredFrame.sha256, LoadFrame.load_id, StoredFrame.stream, StoredFrame.camera, StoredFrame.seq)
        .outerjoin(LoadFrame, SAME_FRAME)
        .order_by(StoredFrame.sha256)
    )
    for row in session.execute(frames.execution_options(yield_per=_AT_ONCE)):
        subject = row.stream if row.load_id is None else f"load:{row.load_id}"
        yield row.sha256, subject, f"frames {row.stream} / {row.camera} / {row.seq}"
    for table in (Picture, LayerMapKept):
        query = select(table.sha256, table.load_id, table.version, table.layer).order_by(table.sha256)
        for sha256, load_id, version, layer in session.execute(query.execution_options(yield_per=_AT_ONCE)):
            yield sha256, f"load:{load_id}", f"{table.__tablename__} {load_id} / {version} / {layer}"
    traces = select(LoadTrace.sha256, LoadTrace.load_id, LoadTrace.version).order_by(LoadTrace.sha256)
    for sha256, load_id, version in session.execute(traces.execution_options(yield_per=_AT_ONCE)):
        yield sha256, f"load:{load_id}", f"load_traces {load_id} / {version}"
