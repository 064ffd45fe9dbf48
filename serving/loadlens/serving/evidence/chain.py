"""The chain itself: each record follows the one before it, is what its digest says, and is signed by the right key."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, fields

from loadlens.serving.evidence.finding import Finding
from loadlens.serving.store.journal import content_part, record_digest, signed_message, subject_part
from loadlens.serving.store.signing import is_signed
from loadlens.serving.store.tables import JournalRecord

START = "0" * 64
# Records whose body names the key that is in force from then on.
KEY_KINDS = ("journal.began", "key.rotated")


@dataclass(frozen=True, slots=True)
class Record:
    """One record of a journal, from the database or from a bundle; `body` is the text that was signed."""

    seq: int
    at: str
    kind: str
    subject: str
    actor: str
    body: str
    previous: str
    digest: str
    signature: str

    @classmethod
    def of(cls, row: JournalRecord) -> "Record":
        """The record of a row."""
        return cls(**{field.name: getattr(row, field.name) for field in fields(cls)})

    @property
    def place(self) -> str:
        """How a person finds it."""
        return f"journal record {self.seq} ({self.kind}, {self.subject})"

    def digest_now(self, previous: str) -> str:
        """The digest that its text has behind a record of this digest."""
        parts = content_part(self.seq, self.at, self.kind, self.actor, self.body)
        return record_digest(previous, subject_part(self.subject), parts)


class ChainCheck:
    """Shown the records of a journal one by one, from the first; says what is wrong with each."""

    def __init__(self) -> None:
        self.seq = 0
        self.digest = START
        self.key: str | None = None  # signs the next record
        self.signer: str | None = None  # signed the last one
        self.first_key: str | None = None

    def see(self, record: Record) -> Iterator[Finding]:
        """What is wrong with the next record."""
        place = record.place
        if record.seq != self.seq + 1:
            yield Finding(place, f"{_records(self.seq + 1, record.seq - 1)} missing before it")
        elif record.previous != self.digest:
            yield Finding(place, f"does not follow record {self.seq}: one of the two was put in the other's place")
        if record.digest_now(record.previous) != record.digest:
            yield Finding(place, "is not what its digest says: it was changed")
        if record.kind == "journal.began" and record.seq == 1:
            self.key = self.first_key = named_key(record)
        self.signer = self.key
        if self.key is None or not is_signed(self.key, signed_message(record.digest), record.signature):
            yield Finding(place, f"is not signed by the key in force, {self.key}: it was forged")
        if record.kind == "key.rotated":
            self.key = named_key(record) or self.key
        self.seq, self.digest = record.seq, record.digest


def named_key(record: Record) -> str | None:
    """The public key that a record brings into force; None where its body names none."""
    try:
        key = json.loads(record.body)["key"]
    except (ValueError, KeyError, TypeError):
        return None
    return key if isinstance(key, str) else None


def _records(first: int, last: int) -> str:
    if last < first:
        return "a record of this number is there twice, or one is"
    return f"record {first} is" if first == last else f"records {first} to {last} are"
