"""Answers that were given under an idempotency key are kept for a day."""

from datetime import datetime, timedelta

from sqlalchemy import delete
from sqlalchemy.orm import Session

from loadlens.serving.store.tables import StoredAnswer

KEPT_FOR = timedelta(hours=24)


def forget_old(session: Session, at: datetime) -> None:
    """Drop the answers whose day is over."""
    session.execute(delete(StoredAnswer).where(StoredAnswer.at < (at - KEPT_FOR).isoformat()))
