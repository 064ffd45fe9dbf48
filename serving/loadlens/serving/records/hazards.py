"""Hazards: kept when they are first seen, and told at once; an alarm does not wait for the layer or the load."""

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
    told = {
        "class": seen.class_id,
        "score": round(seen.score, 6),
        "box": list(seen.box),
        "frame_s": round(seen.frame_s, 3),
        "frame_sha256": seen.frame_sha256,
    }
    raise_alarm(session, "hazard", subject, told, lane=load.lane)
    return True
