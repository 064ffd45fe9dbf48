"""The journal: every record that matters, chained by SHA-256 and signed with Ed25519.

The digest of a record covers the digest of the record before it, its subject and everything else of it:

    subject part = SHA-256 of the subject
    content part = SHA-256 of the canonical JSON of [seq, at, kind, actor, body as text]
    digest       = SHA-256 of "loadlens.journal/1", previous digest, subject part, content part, one a line

Subject and content are hashed apart so that a supplier can be shown that no record of his load was left out, without
being shown the records of others (see `bundle`).
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from sqlalchemy import Engine, insert, select
from sqlalchemy.event import listens_for
from sqlalchemy.orm import Session

from loadlens.serving.canonical import canonical_json
from loadlens.serving.store.anchor import Anchor, Head
from loadlens.serving.store.database import writing
from loadlens.serving.store.row_facts import VOUCHED, row_facts
from loadlens.serving.store.signing import SigningKeys, is_signed
from loadlens.serving.store.tables import Base, JournalHead, JournalRecord, Load, now

SCHEMA = "loadlens.journal/1"
CHAIN = "journal"
SYSTEM = "system"
_SEAL = "loadlens_seal"
_NEW_HEAD = "loadlens_new_head"


@dataclass(frozen=True, slots=True)
class Seal:
    """What a journal is sealed with: the keys that sign it and the anchor that its heads go to."""

    keys: SigningKeys
    anchor: Anchor


@dataclass(frozen=True, slots=True)
class New:
    """A record that is to be appended; see `append`."""

    kind: str
    subject: str
    body: Mapping[str, Any]
    actor: str


def sealed(engine: Engine, seal: Seal) -> Engine:
    """The database with its journal; begins the journal where there is none.

    Raises SigningKeyError where the journal's own key is not at hand: another key would look like a forgery.
    """
    engine = engine.execution_options(**{_SEAL: seal})
    with Session(writing(engine)) as session, session.begin():
        head = _locked_head(session)
        if head.key is None:
            key = seal.keys.create()
            head.key = key
            append(session, "journal.began", CHAIN, {"schema": SCHEMA, "key": key}, SYSTEM)
            _adopt(session)
        else:
            seal.keys.check(head.key)
    return engine


def append(
    session: Session, kind: str, subject: str, body: Mapping[str, Any], actor: str, *, rows: Sequence[Base] = ()
) -> int:
    """Append a record inside the caller's transaction, which must be one that writes; returns its number.

    `kind` is noun.verb; `subject` is what it is about, as "load:<id>", "lane:<id>" or "key:<id>"; `actor` is who did
    it. `rows` are rows that this transaction adds and that the record stands for: `loadlens verify` compares them with
    it and finds those that no record stands for.
    """
    content = dict(body)
    if rows:
        session.flush()
        content["rows"] = row_facts(rows)
    return append_all(session, [New(kind, subject, content, actor)])


def append_all(session: Session, records: Sequence[New]) -> int:
    """Append records in turn, one or more, as `append` does; returns the number of the last.

    What rows a record stands for is in its body, under "rows", as `row_facts` and `bulk_facts` say it.
    """
    head = _locked_head(session)
    seal, key = _seal(session), _key(head)
    added: list[dict[str, Any]] = []
    for record in records:
        seq, at, text = head.seq + 1, now(), canonical_json(record.body)
        content = content_part(seq, at, record.kind, record.actor, text)
        digest = record_digest(head.digest, subject_part(record.subject), content)
        added.append(
            {
                "seq": seq,
                "at": at,
                "kind": record.kind,
                "subject": record.subject,
                "actor": record.actor,
                "body": text,
                "previous": head.digest,
                "digest": digest,
                "signature": seal.keys.sign(key, signed_message(digest)),
            }
        )
        head.seq, head.digest = seq, digest
    session.execute(insert(JournalRecord), added)
    session.info[_NEW_HEAD] = seal.anchor, Head(head.seq, added[-1]["at"], head.digest, key, added[-1]["signature"])
    return head.seq


def rotate_key(engine: Engine, actor: str) -> str:
    """Sign from now on with a new key, which the old one introduces; returns it. Servers need no restart."""
    with Session(writing(engine)) as session:
        seal = _seal(session)
        key = seal.keys.add()
        append(session, "key.rotated", CHAIN, {"key": key}, actor)
        _locked_head(session).key = key
        session.commit()
    # Until here the file holds both, so that a power cut leaves the right one in it either way. Behind the lock, for
    # another rotation may be under way, and its key must stay.
    with Session(writing(engine)) as session, session.begin():
        seal.keys.keep_only(_key(_locked_head(session)))
    return key


def sign(session: Session, message: bytes) -> str:
    """The signature of the key in force under something that is no record. Its first words must say what it is."""
    return _seal(session).keys.sign(_key_in_force(session), message)


def is_signed_here(session: Session, message: bytes, signature: str) -> bool:
    """Whether the key in force has signed this. Raises SigningKeyError where the database names a key we have not."""
    key = _key_in_force(session)
    _seal(session).keys.check(key)
    return is_signed(key, message, signature)


def keys_ever(session: Session) -> list[str]:
    """Every key that has signed this journal, newest first: what it signed stays so when another takes its place."""
    query = select(JournalRecord.body).where(JournalRecord.subject == CHAIN).order_by(JournalRecord.seq.desc())
    return [body["key"] for text in session.scalars(query) if "key" in (body := json.loads(text))]


def newest_head(session: Session) -> Head:
    """The newest record, as the anchor keeps it."""
    query = select(JournalRecord, JournalHead).join(JournalHead, JournalHead.seq == JournalRecord.seq)
    record, head = session.execute(query).one()
    return Head(record.seq, record.at, record.digest, _key(head), record.signature)


def subject_part(subject: str) -> str:
    """What a digest covers of the subject."""
    return hashlib.sha256(subject.encode()).hexdigest()


def content_part(seq: int, at: str, kind: str, actor: str, body: str) -> str:
    """What a digest covers of the rest; `body` as the text that is stored."""
    return hashlib.sha256(canonical_json([seq, at, kind, actor, body]).encode()).hexdigest()


def record_digest(previous: str, subject: str, content: str) -> str:
    """The digest of a record, from the digest of the one before it and its own two parts."""
    return hashlib.sha256(f"{SCHEMA}\n{previous}\n{subject}\n{content}\n".encode()).hexdigest()


def signed_message(digest: str) -> bytes:
    """What is signed: the digest, and what it is the digest of, so that no other signature can stand for it."""
    return f"{SCHEMA} record {digest}".encode()


def _locked_head(session: Session) -> JournalHead:
    """The head, held until the transaction ends. SQLite has no row locks; there the whole database is held."""
    query = select(JournalHead).with_for_update().execution_options(populate_existing=True)
    return session.scalars(query).one()


def _adopt(session: Session) -> None:
    """Take the rows of a database that is older than its journal into it, as they are now."""
    for mapper in sorted(Base.registry.mappers, key=lambda mapper: mapper.class_.__tablename__):
        if mapper.class_.__tablename__ not in VOUCHED:
            continue
        rows = sorted(session.scalars(select(mapper.class_)), key=_subject_of)
        for subject, same in groupby(rows, key=_subject_of):
            append(session, "rows.adopted", subject, {}, SYSTEM, rows=list(same))


def _subject_of(row: Any) -> str:
    """What a row from before the journal is about."""
    if isinstance(row, Load):
        return f"load:{row.id}"
    return f"load:{row.load_id}" if hasattr(row, "load_id") else f"table:{row.__tablename__}"


def _seal(session: Session) -> Seal:
    seal: Seal = session.connection().get_execution_options()[_SEAL]
    return seal


def _key_in_force(session: Session) -> str:
    return _key(session.scalars(select(JournalHead)).one())


def _key(head: JournalHead) -> str:
    if head.key is None:
        raise RuntimeError("the journal was not begun; open its database with `sealed`")
    return head.key


@listens_for(Session, "after_commit")
def _anchor_head(session: Session) -> None:
    if (new := session.info.pop(_NEW_HEAD, None)) is not None:
        anchor, head = new
        anchor.append(head)


@listens_for(Session, "after_soft_rollback")
def _forget_head(session: Session, _previous: Any) -> None:
    session.info.pop(_NEW_HEAD, None)
