"""Layers as they settle, told to whoever watches the events."""

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from loadlens.serving.store.journal import SYSTEM, append
from loadlens.serving.store.tables import JournalRecord

_KIND = "layer.settled"


def tell(session: Session, load_id: str, settled: int) -> None:
    """Put on record that so many layers have settled, if it is not yet: a load may be watched again after a restart."""
    subject = f"load:{load_id}"
    query = select(func.count()).where(JournalRecord.subject == subject, JournalRecord.kind == _KIND)
    for number in range(session.scalars(query).one() + 1, settled + 1):
        append(session, _KIND, subject, {"layers": number}, SYSTEM)
