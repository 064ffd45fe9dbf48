"""Alarms are raised in the transaction of whoever finds the reason, so there is never one without the other.

    alarm raised -> a row in `alarms`, a record in the journal, one message for each channel in the outbox
    acknowledged -> a row in `acknowledgements`, a record, a message that it is in hands

Kinds: `hazard` (on a load), `radiation` (a portal), `load.unwatched` (no hazard on it would be seen), `camera.lost`,
`scale.lost`, `room.limit` and `room.silent` (of a sensor in a store room).
"""

import json
import uuid
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from loadlens.serving.alarms.outbox import enqueue
from loadlens.serving.canonical import canonical_json
from loadlens.serving.load_errors import UnknownLoadError
from loadlens.serving.store.alarm_tables import Acknowledgement, Alarm
from loadlens.serving.store.database import begins_with
from loadlens.serving.store.journal import SYSTEM, append

SCHEMA = "loadlens.alarm/1"
_MOST_ABOUT = 100


def raise_alarm(
    session: Session,
    kind: str,
    subject: str,
    body: Mapping[str, Any],
    *,
    lane: str | None = None,
    actor: str = SYSTEM,
) -> Alarm:
    """Raise an alarm inside the caller's writing transaction; it goes out as soon as that is committed."""
    alarm = Alarm(kind=kind, subject=subject, lane=lane, body=canonical_json(body))
    session.add(alarm)
    append(session, "alarm.raised", subject, {"kind": kind}, actor, rows=[alarm])
    _announce(session, "alarm.raised", alarm, described(alarm, None))
    return alarm


def find(session: Session, alarm_id: int) -> Alarm:
    """The alarm of this number; UnknownLoadError where there is none."""
    alarm = session.get(Alarm, alarm_id)
    if alarm is None:
        raise UnknownLoadError(f"there is no alarm {alarm_id}")
    return alarm


def acknowledge(session: Session, alarm_id: int, *, person: str, actor: str, note: str) -> tuple[Acknowledgement, bool]:
    """A person takes an alarm over; the second value is False where somebody had done so already.

    Raises UnknownLoadError where there is no such alarm.
    """
    alarm = find(session, alarm_id)
    known = session.get(Acknowledgement, alarm_id)
    if known is not None:
        return known, False
    taken = Acknowledgement(alarm_id=alarm_id, person=person, actor=actor, note=note)
    session.add(taken)
    append(session, "alarm.acknowledged", alarm.subject, {"alarm": alarm_id}, actor, rows=[taken])
    _announce(session, "alarm.acknowledged", alarm, described(alarm, taken))
    return taken, True


def open_alarms(lane: str | None = None) -> Select[Alarm]:
    """The alarms that nobody has acknowledged, oldest first; of one lane, or of all."""
    query = select(Alarm).outerjoin(Acknowledgement).where(Acknowledgement.alarm_id.is_(None)).order_by(Alarm.id)
    return query if lane is None else query.where(Alarm.lane == lane)


def newest(session: Session, *, waiting: bool, lane: str | None, before: int | None, limit: int) -> list[Alarm]:
    """Alarms, newest first: all or those that wait for a person, of one lane or of all, below a number."""
    query = open_alarms(lane) if waiting else select(Alarm)
    if lane is not None:
        query = query.where(Alarm.lane == lane)
    if before is not None:
        query = query.where(Alarm.id < before)
    return list(session.scalars(query.order_by(None).order_by(Alarm.id.desc()).limit(limit)))


def about(session: Session, prefix: str) -> list[tuple[Alarm, Acknowledgement | None]]:
    """The newest alarms whose subject begins so, newest first, each with who has taken it over."""
    query = select(Alarm, Acknowledgement).outerjoin(Acknowledgement).where(begins_with(Alarm.subject, prefix))
    found = session.execute(query.order_by(Alarm.id.desc()).limit(_MOST_ABOUT))
    return [(row.Alarm, row.Acknowledgement) for row in found]


def open_subjects(session: Session, prefix: str) -> list[str]:
    """What the alarms that wait for a person are about, one each, where that begins so."""
    query = open_alarms().with_only_columns(Alarm.subject).where(begins_with(Alarm.subject, prefix))
    return list(session.scalars(query))


def is_open(session: Session, kind: str, subject: str) -> bool:
    """Whether such an alarm waits for a person already: a camera that comes and goes is one alarm, not a hundred."""
    query = open_alarms().where(Alarm.kind == kind, Alarm.subject == subject).limit(1)
    return session.scalars(query).first() is not None


def is_known(session: Session, kind: str, subject: str, begin: str) -> bool:
    """Whether such an alarm waits for a person, or was raised since a moment: it is not raised again for that."""
    raised = select(Alarm.id).where(Alarm.kind == kind, Alarm.subject == subject, Alarm.at >= begin).limit(1)
    return is_open(session, kind, subject) or session.scalars(raised).first() is not None


def described(alarm: Alarm, taken: Acknowledgement | None) -> dict[str, Any]:
    """An alarm as the API and the channels show it."""
    return {
        "id": alarm.id,
        "at": alarm.at,
        "kind": alarm.kind,
        "subject": alarm.subject,
        "lane": alarm.lane,
        "body": json.loads(alarm.body),
        "acknowledged": taken and {"at": taken.at, "by": taken.person, "note": taken.note},
    }


def _announce(session: Session, event: str, alarm: Alarm, shown: Mapping[str, Any]) -> None:
    message = uuid.uuid4().hex
    payload = {"schema": SCHEMA, "message": message, "type": event, "alarm": shown}
    enqueue(session, message, canonical_json(payload), alarm.lane)
