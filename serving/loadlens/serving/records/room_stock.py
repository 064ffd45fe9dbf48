"""What stands in a store room, since when, and what is amiss with it: read from the stock and its balances alone."""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from loadlens.serving.store.database import begins_with
from loadlens.serving.store.room_tables import Room
from loadlens.serving.store.waste_tables import WasteBalance, WasteContainer, WasteStock
from loadlens.waste.compatibility import conflicts
from loadlens.waste.ledger import room as place_of

_HERE = (WasteStock.container, WasteStock.place)


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
class Amount:
    """Grams of one waste at a place of a room: the room itself or a zone."""

    place: str
    list_id: str
    code: str
    grams: int


@dataclass(frozen=True, slots=True)
class RoomFlag:
    """A reason to look at a room."""

    code: str
    why: str
    verified: bool = True


def held(session: Session, room: Room) -> list[Held]:
    """What stands in a room and its zones, by place and container."""
    box = WasteContainer
    query = (
        select(*_HERE, box.list_id, box.code, box.name, WasteStock.grams, WasteStock.since)
        .join(box, box.identity == WasteStock.container)
        .where(_in(room, WasteStock.place))
        .order_by(WasteStock.place, WasteStock.container)
    )
    return [Held(**row) for row in session.execute(query).mappings()]


def amounts(session: Session, room: Room) -> list[Amount]:
    """How much of each waste stands in a room, by place."""
    key = (WasteBalance.place, WasteBalance.list_id, WasteBalance.code)
    query = (
        select(*key, func.sum(WasteBalance.grams).label("grams"))
        .where(WasteBalance.grams > 0, _in(room, WasteBalance.place))
        .group_by(*key)
        .order_by(*key)
    )
    return [Amount(row.place, row.list_id, row.code, int(row.grams)) for row in session.execute(query)]


def containers(session: Session, room: Room) -> int:
    """How many containers stand in a room; one whose waste stands in two zones counts once."""
    query = select(func.count(WasteStock.container.distinct())).where(_in(room, WasteStock.place))
    return session.scalars(query).one()


def flags(session: Session, room: Room, stock: Sequence[Amount], at: datetime) -> Iterator[RoomFlag]:
    """What is amiss with what stands in a room: too full, beside what it reacts with, in no zone of it, too old."""
    about = json.loads(room.about)
    by_place: defaultdict[str, list[Amount]] = defaultdict(list)
    for one in stock:
        by_place[one.place].append(one)
    yield from _too_full(f"room {room.id}", about["capacity_kg"], stock)
    for place, here in by_place.items():
        _, slash, zone = place.partition("/")
        if slash and zone not in about["zones"]:
            yield RoomFlag("unknown_zone", f"{here[0].code} stands in {place}, and the room has no such zone")
        elif slash:
            yield from _too_full(place, about["zones"][zone]["capacity_kg"], here)
        for pair in conflicts({(one.list_id, one.code) for one in here}):
            why = f"{pair.codes[0]} and {pair.codes[1]} stand in {place}: {pair.consequence} ({pair.source})"
            yield RoomFlag("incompatible", why, pair.verified)
    yield from _too_old(session, room, at - timedelta(days=about["longest_days"]), about["longest_days"])


def _too_full(what: str, capacity_kg: str | None, stock: Iterable[Amount]) -> Iterator[RoomFlag]:
    grams = sum(one.grams for one in stock)
    if capacity_kg is not None and grams > Decimal(capacity_kg) * 1000:
        yield RoomFlag("over_capacity", f"{what} holds {Decimal(grams) / 1000} kg, more than its {capacity_kg} kg")


def _too_old(session: Session, room: Room, before: datetime, days: int) -> Iterator[RoomFlag]:
    query = (
        select(WasteStock.container, func.min(WasteStock.since).label("since"), func.count().over().label("n"))
        .where(_in(room, WasteStock.place), WasteStock.since < before.astimezone(UTC).isoformat())
        .group_by(WasteStock.container)
        .order_by("since", WasteStock.container)
        .limit(1)
    )
    if old := session.execute(query).first():
        why = f"{old.container} holds waste since {old.since[:10]}, longer than {days} days"
        yield RoomFlag("stored_too_long", why + (f"; so do {old.n - 1} more containers" if old.n > 1 else ""))


def _in(room: Room, place: InstrumentedAttribute[str]) -> ColumnElement[bool]:
    """That a place is a room or one of its zones."""
    here = place_of(room.id)
    return or_(place == here, begins_with(place, f"{here}/"))
