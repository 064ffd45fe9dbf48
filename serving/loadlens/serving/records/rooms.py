"""Store rooms: what they are and what their sensors say; what stands in them is in `room_stock`."""

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from loadlens.serving.alarms.alarms import is_known, raise_alarm
from loadlens.serving.canonical import canonical_json
from loadlens.serving.load_errors import ConflictError, UnknownLoadError
from loadlens.serving.records import loads
from loadlens.serving.store import journal
from loadlens.serving.store.database import begins_with
from loadlens.serving.store.room_tables import Room
from loadlens.serving.store.tables import Reading
from loadlens.serving.store.waste_tables import WasteBalance
from loadlens.waste.ledger import room as place_of
from loadlens.waste.sensor import Limit

LIMIT, SILENT = "room.limit", "room.silent"


def put(session: Session, room_id: str, lane: str | None, about: Mapping[str, Any], *, actor: str) -> Room:
    """Make a room, or change what is said of it. ConflictError where another room has the lane."""
    if lane is not None:
        loads.find_lane(session, lane)
        other = session.scalars(select(Room).where(Room.lane == lane, Room.id != room_id)).first()
        if other is not None:
            raise ConflictError(f"the sensors of lane {lane} are those of room {other.id}")
    known = session.get(Room, room_id) or Room(id=room_id)
    if known.about is not None and (known.lane, json.loads(known.about)) == (lane, about):
        return known
    known.lane, known.about = lane, canonical_json(about)
    session.add(known)
    journal.append(session, "room.set", f"room:{room_id}", {"lane": lane, **about}, actor)
    return known


def find(session: Session, room_id: str) -> Room:
    """The room of this id; UnknownLoadError where there is none."""
    found = session.get(Room, room_id)
    if found is None:
        raise UnknownLoadError(f"there is no room {room_id!r}; a manager makes it with PUT /v1/rooms/{room_id}")
    return found


def rooms(session: Session) -> list[Room]:
    """Every room, by id."""
    return list(session.scalars(select(Room).order_by(Room.id)))


def places_of_no_room(session: Session) -> list[str]:
    """Where waste stands in a room that nobody has described."""
    here = WasteBalance.grams > 0, begins_with(WasteBalance.place, place_of(""))
    query = select(WasteBalance.place).where(*here).distinct()
    known = {place_of(room.id) for room in rooms(session)}
    return sorted(place for place in session.scalars(query) if place.partition("/")[0] not in known)


def limits_of(room: Room) -> list[Limit]:
    """The limits that a room's sensors have to keep."""
    return [
        Limit(said["quantity"], said["unit"], _decimal(said["low"]), _decimal(said["high"]), said["device"])
        for said in json.loads(room.about)["limits"]
    ]


def zones_of(room: Room) -> Mapping[str, Any]:
    """What is said of each zone of a room, by its name."""
    zones: Mapping[str, Any] = json.loads(room.about)["zones"]
    return zones


def judge(session: Session, reading: Reading) -> None:
    """Raise an alarm where a reading of a room's sensor is not within its limits, once until it was within them."""
    if reading.kind != "room" or reading.text is None:
        return
    room = session.scalars(select(Room).where(Room.lane == reading.lane)).first()
    if room is None:
        return
    for limit in limits_of(room):
        if not limit.watches(reading.device, reading.text):
            continue
        why = limit.broken_by(reading.value, reading.unit)
        subject = f"room:{room.id}/{reading.device}/{reading.text}"
        if why is None or is_known(session, LIMIT, subject, _last_within(session, reading, limit)):
            continue
        body = {"device": reading.device, "quantity": reading.text, "why": why, "at": reading.at}
        raise_alarm(session, LIMIT, subject, {"room": room.id, **body}, lane=reading.lane)


def miss_silent(session: Session, at: datetime) -> None:
    """Raise the alarm of every sensor with a limit that has said nothing for three times as long as it should."""
    for room in rooms(session):
        every = json.loads(room.about)["expected_every_s"]
        if room.lane is None or every is None:
            continue
        before = (at - timedelta(seconds=3 * every)).isoformat(timespec="milliseconds")
        for limit in limits_of(room):
            last = session.scalars(_said_by(room.lane, limit).limit(1)).first()
            heard = room.created_at if last is None else last.created_at
            subject = f"room:{room.id}/{limit.device or 'any'}/{limit.quantity}"
            if heard >= before or is_known(session, SILENT, subject, heard):
                continue
            body = {"room": room.id, "device": limit.device, "quantity": limit.quantity}
            raise_alarm(session, SILENT, subject, {**body, "heard_at": last and heard}, lane=room.lane)


def said(session: Session, lane: str, begin: datetime, end: datetime) -> list[Reading]:
    """What the sensors of a room measured between two moments, in the order of measuring."""
    query = select(Reading).where(
        Reading.lane == lane,
        Reading.kind == "room",
        Reading.created_at >= begin.isoformat(),
        Reading.at.between(begin.isoformat(), end.isoformat()),
    )
    return list(session.scalars(query.order_by(Reading.at, Reading.id)))


def _said_by(lane: str, limit: Limit) -> Select[Reading]:
    query = select(Reading).where(Reading.lane == lane, Reading.kind == "room", Reading.text == limit.quantity)
    if limit.device is not None:
        query = query.where(Reading.device == limit.device)
    return query.order_by(Reading.created_at.desc())


def _last_within(session: Session, reading: Reading, limit: Limit) -> str:
    """When this sensor was last within its limit; the beginning of time where it never was."""
    query = _said_by(reading.lane, limit).where(Reading.device == reading.device, Reading.unit == limit.unit)
    if limit.low is not None:
        query = query.where(Reading.value >= float(limit.low))
    if limit.high is not None:
        query = query.where(Reading.value <= float(limit.high))
    last = session.scalars(query.limit(1)).first()
    return "" if last is None else last.created_at


def _decimal(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)
