"""Every picture and every standard on record against the bytes that are kept under its digest."""

import json
from collections.abc import Iterator

from sqlalchemy import select
from sqlalchemy.orm import Session

from loadlens.serving.evidence.chain import Record
from loadlens.serving.evidence.finding import Finding
from loadlens.serving.store.blobs import Blobs
from loadlens.serving.store.errors import BlobDamagedError, BlobMissingError
from loadlens.serving.store.tables import Base, Picture, StoredFrame

_AT_ONCE = 1000
DROPPED = "blob.dropped"


class BlobCheck:
    """Shown every record, then the database and the blobs."""

    def __init__(self) -> None:
        self._standards: dict[str, str] = {}
        self._dropped: set[str] = set()
        self.checked = 0

    def see(self, record: Record) -> Iterator[Finding]:
        """Take note of the standards that a record names and of the blobs that it lets go."""
        if record.kind not in (DROPPED, "standard.in_force"):
            return
        try:
            body = json.loads(record.body)
            if record.kind == DROPPED:
                self._dropped.update(body["blobs"])
            else:
                self._standards[body["sha256"]] = f"standard {body['id']} {body['version']} ({record.place})"
        except (ValueError, KeyError, TypeError) as error:
            yield Finding(record.place, f"cannot be read ({type(error).__name__}: {error})")

    def check(self, session: Session, blobs: Blobs) -> Iterator[Finding]:
        """What is wrong with the blobs that the records name."""
        for sha256, place in self._standards.items():
            yield from self._check(blobs, sha256, place)
        last = ""
        for sha256, place in _pictures(session):
            if sha256 != last and sha256 not in self._dropped:
                yield from self._check(blobs, sha256, place)
            last = sha256

    def _check(self, blobs: Blobs, sha256: str, place: str) -> Iterator[Finding]:
        self.checked += 1
        try:
            blobs.get(sha256)
        except BlobMissingError:
            yield Finding(place, f"its bytes are gone, SHA-256 {sha256}, and no record says that they were let go")
        except BlobDamagedError:
            yield Finding(place, f"its bytes are not those of SHA-256 {sha256}: they were changed")


def _pictures(session: Session) -> Iterator[tuple[str, str]]:
    """Digest and place of every frame and every drawn-on picture; equal digests of a table stand together."""
    for table in (Base.metadata.tables[kept.__tablename__] for kept in (StoredFrame, Picture)):
        key = [column.name for column in table.primary_key]
        query = select(table).order_by(table.c.sha256).execution_options(yield_per=_AT_ONCE)
        for row in session.execute(query).mappings():
            yield row["sha256"], f"{table.name} {' / '.join(str(row[column]) for column in key)}"
