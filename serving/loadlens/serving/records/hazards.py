"""Hazards: kept when they are first seen, and told at once; an alarm does not wait for the layer or the load."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from loadlens.grading.observation import HazardSighting
from loadlens.serving.alarms.alarms import raise_alarm
from loadlens.serving.store.journal import SYSTEM, append
from loadlens.serving.store.tables import Hazard, Load


def keep(session: Session, load: Load, seen: HazardSighting) -> bool:
    """Keep a sighting and raise its alarm; False where it is known, as when a load is watched again after a restart."""
    box = ",".join(map(str, seen.box))
    if session.get(Hazard, (load.id, seen.frame_sha256, seen.class_id, box)) is not None:
        return False
    hazard = Hazard(
        load_id=load.id,
        frame_sha256=seen.frame_sha256,
        class_id=seen.class_id,
        box=box,
        score=seen.score,
        frame_s=seen.frame_s,
    )
    session.add(hazard)
    subject = f"load:{load.id}"
    append(session, "hazard.raised", subject, {}, SYSTEM, rows=[hazard])
    raise_alarm(session, "hazard", subject, described(hazard), lane=load.lane)
    return True


def of_load(session: Session, load_id: str) -> Sequence[Hazard]:
    """The hazards seen so far on a load, in the order of their frames."""
    query = select(Hazard).where(Hazard.load_id == load_id)
    return session.scalars(query.order_by(Hazard.frame_s, Hazard.class_id, Hazard.box)).all()


def described(hazard: Hazard) -> dict[str, Any]:
    """A hazard as the API and the alarms tell of it."""
    return {
        "class": hazard.class_id,
        "score": round(hazard.score, 6),
        "box": [int(edge) for edge in hazard.box.split(",")],
        "frame_s": round(hazard.frame_s, 3),
        "frame_sha256": hazard.frame_sha256,
    }
