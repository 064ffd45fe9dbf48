"""Store rooms: what they are, what stands in them and since when, what their sensors say, and what is amiss."""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import Select, or_, select
from sqlalchemy.orm import Session, aliased

from loadlens.serving.alarms.alarms import is_known, raise_alarm
from loadlens.serving.canonical import canonical_json
from loadlens.serving.load_errors import ConflictError, UnknownLoadError
from loadlens.serving.records import loads
from loadlens.serving.store import journal
from loadlens.serving.store.database import begins_with
from loadlens.serving.store.room_tables import Room
from loadlens.serving.store.tables import Reading
from loadlens.serving.store.waste_tables import WasteContainer, WasteEntry, WastePosting, WasteStock
from loadlens.waste.compatibility import conflicts
from loadlens.waste.ledger import OUTSIDE
from loadlens.waste.ledger import room as place_of
from loadlens.waste.sensor import Limit

LIMIT, SILENT = "room.limit", "room.silent"
_MANY = 500


@dataclass(frozen=True, slots=True)
class Held:
    """Grams of one container in a room; `since` is when the oldest of its waste came into the ledger."""

    container: str
    list_id: str
    code: str
    name: str
    place: str
    grams: int
    since: str


@dataclass(frozen=True, slots=True)
class RoomFlag:
    """A reason to look at a room."""

    code: str
    why: str
    verified: bool = True


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
    query = select(WasteStock.place).where(WasteStock.grams > 0, begins_with(WasteStock.place, place_of(""))).distinct()
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


def held(session: Session, room: Room) -> list[Held]:
    """What stands in a room and its zones, by place and container."""
    place = place_of(room.id)
    query = (
        select(WasteStock.container, WasteStock.place, WasteStock.grams, WasteContainer)
        .join(WasteContainer, WasteContainer.identity == WasteStock.container)
        .where(WasteStock.grams > 0, or_(WasteStock.place == place, begins_with(WasteStock.place, f"{place}/")))
        .order_by(WasteStock.place, WasteStock.container)
    )
    rows = session.execute(query).all()
    since = _since(session, {row.container for row in rows})
    return [
        Held(
            container=row.container,
            list_id=row.WasteContainer.list_id,
            code=row.WasteContainer.code,
            name=row.WasteContainer.name,
            place=row.place,
            grams=row.grams,
            since=since[row.container],
        )
        for row in rows
    ]


def flags(room: Room, stock: Iterable[Held], at: datetime) -> Iterator[RoomFlag]:
    """What is amiss with what stands in a room: too full, too old, beside what it reacts with, in no zone of it."""
    about = json.loads(room.about)
    stock = list(stock)
    by_place: defaultdict[str, list[Held]] = defaultdict(list)
    for one in stock:
        by_place[one.place].append(one)
    yield from _too_full(f"room {room.id}", about["capacity_kg"], stock)
    zones = zones_of(room)
    for place, here in by_place.items():
        _, slash, zone = place.partition("/")
        if slash and zone not in zones:
            yield RoomFlag("unknown_zone", f"{here[0].container} stands in {place}, and the room has no such zone")
        elif slash:
            yield from _too_full(place, zones[zone]["capacity_kg"], here)
        for pair in conflicts({(one.list_id, one.code) for one in here}):
            why = f"{pair.codes[0]} and {pair.codes[1]} stand in {place}: {pair.consequence} ({pair.source})"
            yield RoomFlag("incompatible", why, pair.verified)
    oldest = at - timedelta(days=about["longest_days"])
    for one in stock:
        if datetime.fromisoformat(one.since) < oldest:
            why = f"{one.container} holds waste since {one.since[:10]}, longer than {about['longest_days']} days"
            yield RoomFlag("stored_too_long", why)


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


def _too_full(what: str, capacity_kg: str | None, stock: Iterable[Held]) -> Iterator[RoomFlag]:
    grams = sum(one.grams for one in stock)
    if capacity_kg is not None and grams > Decimal(capacity_kg) * 1000:
        yield RoomFlag("over_capacity", f"{what} holds {Decimal(grams) / 1000} kg, more than its {capacity_kg} kg")


def _since(session: Session, containers: set[str]) -> dict[str, str]:
    """When the oldest waste that may be in each container came into the ledger: repacking does not make it younger."""
    first: dict[str, str] = {}
    sources: defaultdict[str, set[str]] = defaultdict(set)
    asked: set[str] = set()
    while frontier := (containers | {one for gave in sources.values() for one in gave}) - asked:
        asked |= frontier
        for row in _comings(session, sorted(frontier)):
            if row.stage == "repacked":
                sources[row.container] |= _gave(session, row.number)
            else:
                first[row.container] = min(row.made_at, first.get(row.container, row.made_at))
    return {one: min(first[other] for other in _ancestors(one, sources) if other in first) for one in containers}


def _comings(session: Session, containers: list[str]) -> Iterator[Any]:
    """The entries by which mass came into containers, but corrections and what was taken back."""
    back = aliased(WasteEntry)
    for begin in range(0, len(containers), _MANY):
        query = (
            select(WastePosting.container, WasteEntry.number, WasteEntry.stage, WasteEntry.made_at)
            .join(WasteEntry, WasteEntry.number == WastePosting.number)
            .outerjoin(back, back.takes_back == WasteEntry.id)
            .where(
                WastePosting.container.in_(containers[begin : begin + _MANY]),
                WastePosting.grams > 0,
                WastePosting.place.not_in(OUTSIDE),
                # Not "takes_back is null", which SQLite would answer by its index: with nearly every entry there is.
                WasteEntry.stage != "corrected",
                back.id.is_(None),
            )
        )
        yield from session.execute(query)


def _gave(session: Session, number: int) -> set[str]:
    query = select(WastePosting.container).where(WastePosting.number == number, WastePosting.grams < 0)
    return set(session.scalars(query))


def _ancestors(container: str, sources: Mapping[str, set[str]]) -> set[str]:
    found, left = {container}, [container]
    while left:
        new = sources.get(left.pop(), set()) - found
        found |= new
        left.extend(new)
    return found


def _decimal(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)
