"""Everything a site has on record, checked: the chain, the anchor, every row, every blob, every assessment."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from sqlalchemy import select
from sqlalchemy.orm import Session

from loadlens.serving.evidence.anchor_check import AnchorCheck
from loadlens.serving.evidence.blob_check import BlobCheck
from loadlens.serving.evidence.chain import ChainCheck, Record
from loadlens.serving.evidence.finding import Finding
from loadlens.serving.evidence.recompute import AssessmentCheck
from loadlens.serving.evidence.rows import RowCheck
from loadlens.serving.evidence.statement_check import check_statements
from loadlens.serving.evidence.stock_check import check_balances, check_stock
from loadlens.serving.evidence.user_check import UserCheck
from loadlens.serving.store.blobs import Blobs
from loadlens.serving.store.tables import JournalHead, JournalRecord

_AT_ONCE = 500


@dataclass(slots=True)
class Verdict:
    """What a check looked at (`counts`) and what it found. `key` is the first public key, where all trust starts."""

    key: str | None = None
    counts: dict[str, int] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def verify_store(session: Session, blobs: Blobs, anchor: AnchorCheck, trusted_key: str | None = None) -> Verdict:
    """Check a database, which `session` reads at one moment, and its blobs.

    `anchor` must have been read before the session began. `trusted_key` is the first public key of the journal, known
    from elsewhere; None trusts the one that the anchor begins with.
    """
    verdict = Verdict()
    chain, rows, users, pictures, assessments = ChainCheck(), RowCheck(), UserCheck(), BlobCheck(), AssessmentCheck()
    try:
        verdict.findings += anchor.unreadable
        for record in _records(session):
            verdict.findings += chain.see(record)
            verdict.findings += anchor.see(record, chain.signer)
            verdict.findings += rows.see(record)
            verdict.findings += users.see(record)
            verdict.findings += pictures.see(record)
        verdict.findings += anchor.left(chain.seq)
        verdict.findings += _check_ends(session, chain, trusted_key or anchor.first_key)
        verdict.findings += rows.check(session)
        verdict.findings += users.check(session)
        verdict.findings += check_stock(session)
        verdict.findings += check_balances(session)
        verdict.findings += check_statements(session)
        records = chain.seq
        verdict.findings += pictures.check(session, blobs)
        if pictures.missed_any:
            verdict.findings += _see_later(session, chain, pictures)
        verdict.findings += pictures.missed()
        verdict.findings += assessments.check_store(session, blobs)
    finally:
        rows.close()
        pictures.close()
    verdict.key = chain.first_key
    verdict.counts = {
        "records": records,
        "anchored heads": anchor.lines,
        "rows": rows.rows,
        "pictures": pictures.checked,
        "assessments": assessments.checked,
    }
    verdict.notes += assessments.notes
    return verdict


def _records(session: Session, after: int = 0) -> Iterable[Record]:
    query = select(JournalRecord).where(JournalRecord.seq > after).order_by(JournalRecord.seq)
    return (Record.of(row) for row in session.scalars(query.execution_options(yield_per=_AT_ONCE)))


def _see_later(session: Session, chain: ChainCheck, pictures: BlobCheck) -> Iterator[Finding]:
    """What is wrong with the records since the check began: what it misses may have been let go of meanwhile."""
    with Session(session.get_bind()) as later:
        for record in _records(later, after=chain.seq):
            yield from chain.see(record)
            yield from pictures.see(record)


def _check_ends(session: Session, chain: ChainCheck, trusted_key: str | None) -> Iterator[Finding]:
    """Where the journal begins and where it ends."""
    if trusted_key is not None and chain.first_key != trusted_key:
        yield Finding("journal record 1", f"begins with the key {chain.first_key}, not {trusted_key}: it was forged")
    head = session.scalars(select(JournalHead)).one()
    if head.seq > chain.seq:
        yield Finding(
            "journal head", f"names record {head.seq}, but the journal ends at record {chain.seq}: it was cut short"
        )
    elif (head.seq, head.digest, head.key) != (chain.seq, chain.digest, chain.key):
        yield Finding("journal head", f"is not what the journal ends with, record {chain.seq}")
