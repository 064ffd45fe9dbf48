"""How the scales and sensors of a lane do, as their readers say, and the alarm of one that is lost."""

import json
from collections.abc import Mapping
from typing import Any, Literal

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from loadlens.serving.alarms.alarms import is_known, raise_alarm
from loadlens.serving.canonical import canonical_json
from loadlens.serving.store import journal
from loadlens.serving.store.alarm_tables import DeviceHealth
from loadlens.serving.store.tables import now

State = Literal["ok", "lost", "silent", "garbled"]


def tell(
    session: Session, lane: str, device: str, *, state: State, why: str, counts: Mapping[str, int], actor: str
) -> DeviceHealth:
    """Keep what the reader of a device says; since when it is so is told by our clock."""
    known = session.get(DeviceHealth, (lane, device))
    before = known.state if known else None
    known = known or DeviceHealth(lane=lane, device=device)
    known.why, known.counts, known.at = why, canonical_json(counts), now()
    if state != before:
        known.state, known.since = state, known.at
        body = {"device": device, "state": state, "why": why}
        journal.append(session, "device.health", f"lane:{lane}", body, actor)
    session.add(known)
    return known


def of_lane(session: Session, lane: str) -> list[DeviceHealth]:
    """What the devices of a lane last said, by name."""
    query = select(DeviceHealth).where(DeviceHealth.lane == lane).order_by(DeviceHealth.device)
    return list(session.scalars(query))


def miss(session: Session, before: str) -> None:
    """Raise the alarm of every device that is not well, or whose reader says nothing, since before a moment.

    One that is away is one alarm, also after a person has acknowledged it: the next comes when it is lost again.
    """
    bad = (DeviceHealth.state != "ok") & (DeviceHealth.since < before)
    for device in session.scalars(select(DeviceHealth).where(or_(DeviceHealth.at < before, bad))).all():
        silent = device.at < before
        subject = f"device:{device.lane}/{device.device}"
        if is_known(session, "scale.lost", subject, device.at if silent else device.since):
            continue
        state, why = ("unheard", "its reader says nothing") if silent else (device.state, device.why)
        body = {"device": device.device, "state": state, "why": why, "since": device.since, "heard_at": device.at}
        raise_alarm(session, "scale.lost", subject, body, lane=device.lane)


def described(health: DeviceHealth) -> dict[str, Any]:
    """A device as the API shows it."""
    names = ("device", "state", "why", "since", "at")
    return {**{name: getattr(health, name) for name in names}, "counts": json.loads(health.counts)}
