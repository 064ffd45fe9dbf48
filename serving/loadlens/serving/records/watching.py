"""How far the watching of loads has come, as another process than the one that watches tells of it."""

from collections.abc import Mapping
from typing import NamedTuple

from sqlalchemy.orm import Session

from loadlens.serving.store.tables import Progress


class Told(NamedTuple):
    """Frames watched, layers settled, and why the load cannot be watched, if so."""

    watched: int = 0
    layers: int = 0
    trouble: str | None = None


def tell(session: Session, news: Mapping[str, Told]) -> None:
    """Write down how far these loads have come."""
    for load_id, told in news.items():
        session.merge(Progress(load_id=load_id, watched=told.watched, layers=told.layers, trouble=told.trouble))


def told(session: Session, load_id: str) -> Told:
    """What was last written down of a load."""
    progress = session.get(Progress, load_id)
    return Told(progress.watched, progress.layers, progress.trouble) if progress else Told()
