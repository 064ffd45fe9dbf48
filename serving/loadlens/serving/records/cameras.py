"""How the cameras of a lane do, and what follows where one is lost while a truck is unloaded."""

import json
from collections.abc import Mapping
from typing import Any, Literal

from sqlalchemy import select
from sqlalchemy.orm import Session

from loadlens.serving.alarms.alarms import is_known, raise_alarm
from loadlens.serving.canonical import canonical_json
from loadlens.serving.records import loads
from loadlens.serving.store import journal
from loadlens.serving.store.journal import SYSTEM
from loadlens.serving.store.tables import CameraHealth, Load, now

Health = Literal["ok", "frozen", "black", "lost"]


def tell(
    session: Session, lane: str, camera: str, *, state: Health, since: str, counts: Mapping[str, int], actor: str
) -> Load | None:
    """Keep what a camera says of itself; returns the open load that it leaves unseen, if there is one."""
    known = session.get(CameraHealth, (lane, camera))
    before = known.state if known else None
    known = known or CameraHealth(lane=lane, camera=camera)
    known.state, known.since, known.counts, known.at = state, since, canonical_json(counts), now()
    session.add(known)
    session.flush()
    if state != before:
        body = {"camera": camera, "state": state, "since": since}
        journal.append(session, "camera.health", f"lane:{lane}", body, actor)
    return None if state == "ok" else miss(session, known)


def miss(session: Session, health: CameraHealth) -> Load | None:
    """Raise the alarm of a camera that shows nothing while a load is open on its lane, and flag that load.

    Returns the load; None where none is open.
    """
    load = loads.open_on(session, health.lane)
    if load is None:
        return None
    subject = f"camera:{health.lane}/{health.camera}"
    if not is_known(session, "camera.lost", subject, max(health.since, load.created_at)):
        body = {"camera": health.camera, "state": health.state, "since": health.since, "load": load.id}
        raise_alarm(session, "camera.lost", subject, body, lane=health.lane)
    why = f"camera {health.camera} was {health.state} while the load was unloaded; layers may have been missed"
    loads.flag(session, load, "camera_lost", "review", why)
    return load


def of_lane(session: Session, lane: str) -> list[CameraHealth]:
    """What the cameras of a lane last said, by name."""
    query = select(CameraHealth).where(CameraHealth.lane == lane).order_by(CameraHealth.camera)
    return list(session.scalars(query))


def described(health: CameraHealth) -> dict[str, Any]:
    """What a camera last said of itself, as the API shows it."""
    names = ("camera", "state", "since", "at")
    return {**{name: getattr(health, name) for name in names}, "counts": json.loads(health.counts)}


def miss_silent(session: Session, before: str) -> None:
    """Take for lost every camera that has said nothing since a moment, and that was well when it last spoke."""
    query = select(CameraHealth).where(CameraHealth.at < before, CameraHealth.state != "lost")
    for silent in session.scalars(query).all():
        if loads.open_on(session, silent.lane) is not None:
            counts = json.loads(silent.counts)
            tell(session, silent.lane, silent.camera, state="lost", since=silent.at, counts=counts, actor=SYSTEM)
