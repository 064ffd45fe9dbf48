"""What a site judges by: put on record when a server starts, whenever it is another than before."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from loadlens.grading.standard import parse_standard, read_standard
from loadlens.serving.store.blobs import Blobs
from loadlens.serving.store.journal import SYSTEM, append
from loadlens.serving.store.tables import JournalRecord

# Records whose `sha256` names a file that assessments rest on: it is kept, checked and backed up.
KEEPS_FILE = ("standard.in_force", "standard.saved", "model.activated")


def declare(session: Session, kind: str, subject: str, body: Mapping[str, Any]) -> None:
    """Append a record, unless the newest of this kind and subject says the same."""
    newest = select(JournalRecord.body).where(JournalRecord.subject == subject, JournalRecord.kind == kind)
    known = session.scalars(newest.order_by(JournalRecord.seq.desc()).limit(1)).first()
    if known is None or json.loads(known) != body:
        append(session, kind, subject, body, SYSTEM)


def declare_standards(session: Session, blobs: Blobs, refs: Iterable[str]) -> None:
    """Put standards on record, by id or path, and keep their files, so that a load can be assessed again."""
    for ref in refs:
        data = read_standard(ref)
        standard = parse_standard(data, name=ref)
        body = {"id": standard.id, "version": standard.version, "sha256": blobs.put(data)}
        declare(session, "standard.in_force", f"standard:{standard.id}", body)
