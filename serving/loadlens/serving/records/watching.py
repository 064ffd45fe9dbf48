"""How far the watching of loads has come, as another process than the one that watches tells of it; and the alarm of
a load that cannot be watched."""

from collections.abc import Mapping
from typing import NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session

from loadlens.grading.observation import LoadObservation
from loadlens.grading.observation_json import from_json, to_json
from loadlens.serving.alarms.alarms import is_open, raise_alarm
from loadlens.serving.lifecycle import OPEN
from loadlens.serving.store.tables import Load, Progress


class Told(NamedTuple):
    """Frames watched, layers settled, and why the load cannot be watched, if so."""

    watched: int = 0
    layers: int = 0
    trouble: str | None = None


def tell(session: Session, news: Mapping[str, Told], seen: Mapping[str, LoadObservation]) -> None:
    """Write down how far these loads have come; `seen` is what the layers of those show that have new ones."""
    for load_id, told in news.items():
        session.merge(Progress(load_id=load_id, watched=told.watched, layers=told.layers, trouble=told.trouble))
    for load_id, observation in seen.items():
        session.merge(Progress(load_id=load_id, so_far=to_json(observation)))


def so_far(session: Session, load_id: str) -> LoadObservation | None:
    """What the settled layers of a load were last written down to show; None where nothing was."""
    text = session.scalars(select(Progress.so_far).where(Progress.load_id == load_id)).first()
    return None if text is None else from_json(text)


def told(session: Session, load_id: str) -> Told:
    """What was last written down of a load."""
    progress = session.get(Progress, load_id)
    return Told(progress.watched, progress.layers, progress.trouble) if progress else Told()


def miss(session: Session, load: Load, why: str) -> None:
    """Raise the alarm of an open load that cannot be watched, unless one waits for a person: nobody looks for hazards
    on it."""
    subject = f"load:{load.id}"
    if load.status in OPEN and not is_open(session, "load.unwatched", subject):
        raise_alarm(session, "load.unwatched", subject, {"why": why}, lane=load.lane)
