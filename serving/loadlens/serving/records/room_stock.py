"""What stands in a store room, since when, and what is amiss with it: read from the stock and its balances alone."""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

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
class Inside:
    """What stands in a room: how much of each waste, in how many containers, and since when the oldest of it."""

    amounts: Sequence[Amount] = ()
    containers: int = 0
    oldest: str | None = None


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


def inside(session: Session, room: Room | None = None) -> dict[str, Inside]:
    """By id of a room, what stands in it; of every room with stock, or of one."""
    key = (WasteBalance.place, WasteBalance.list_id, WasteBalance.code)
    weighed = (
        select(*key, func.sum(WasteBalance.grams).label("grams"))
        .where(WasteBalance.grams > 0, _in(room, WasteBalance.place))
        .group_by(*key)
        .order_by(*key)
    )
    counted = (
        select(WasteStock.place, func.count().label("n"), func.min(WasteStock.since).label("since"))
        .where(_in(room, WasteStock.place))
        .group_by(WasteStock.place)
    )
    amounts: defaultdict[str, list[Amount]] = defaultdict(list)
    for place, list_id, code, grams in session.execute(weighed):
        amounts[_room_of(place)].append(Amount(place, list_id, code, int(grams)))
    places: defaultdict[str, list[Any]] = defaultdict(list)
    for row in session.execute(counted):
        places[_room_of(row.place)].append(row)
    return {
        id_: Inside(amounts[id_], _containers(session, here), min(row.since for row in here))
        for id_, here in places.items()
    }


def _containers(session: Session, places: Sequence[Any]) -> int:
    """How many containers stand in a room; one whose waste stands in two zones counts once."""
    if len(places) == 1:
        return int(places[0].n)
    query = select(func.count(WasteStock.container.distinct()))
    return session.scalars(query.where(WasteStock.place.in_([row.place for row in places]))).one()


def flags(session: Session, room: Room, stock: Inside, at: datetime) -> Iterator[RoomFlag]:
    """What is amiss with what stands in a room: too full, beside what it reacts with, in no zone of it, too old."""
    about = json.loads(room.about)
    by_place: defaultdict[str, list[Amount]] = defaultdict(list)
    for one in stock.amounts:
        by_place[one.place].append(one)
    yield from _too_full(f"room {room.id}", about["capacity_kg"], stock.amounts)
    for place, here in by_place.items():
        _, slash, zone = place.partition("/")
        if slash and zone not in about["zones"]:
            yield RoomFlag("unknown_zone", f"{here[0].code} stands in {place}, and the room has no such zone")
        elif slash:
            yield from _too_full(place, about["zones"][zone]["capacity_kg"], here)
        for pair in conflicts({(one.list_id, one.code) for one in here}):
            why = f"{pair.codes[0]} and {pair.codes[1]} stand in {place}: {pair.consequence} ({pair.source})"
            yield RoomFlag("incompatible", why, pair.verified)
    before = (at - timedelta(days=about["longest_days"])).astimezone(UTC).isoformat()
    if stock.oldest is not None and stock.oldest < before:
        yield _too_old(session, room, before, about["longest_days"])


def _too_full(what: str, capacity_kg: str | None, stock: Iterable[Amount]) -> Iterator[RoomFlag]:
    grams = sum(one.grams for one in stock)
    if capacity_kg is not None and grams > Decimal(capacity_kg) * 1000:
        yield RoomFlag("over_capacity", f"{what} holds {Decimal(grams) / 1000} kg, more than its {capacity_kg} kg")


def _too_old(session: Session, room: Room, before: str, days: int) -> RoomFlag:
    query = (
        select(WasteStock.container, func.min(WasteStock.since).label("since"), func.count().over().label("n"))
        .where(_in(room, WasteStock.place), WasteStock.since < before)
        .group_by(WasteStock.container)
        .order_by("since", WasteStock.container)
        .limit(1)
    )
    old = session.execute(query).one()
    why = f"{old.container} holds waste since {old.since[:10]}, longer than {days} days"
    return RoomFlag("stored_too_long", why + (f"; so do {old.n - 1} more containers" if old.n > 1 else ""))


def _in(room: Room | None, place: InstrumentedAttribute[str]) -> ColumnElement[bool]:
    """That a place is a room or one of its zones; None: any room."""
    if room is None:
        return begins_with(place, place_of(""))
    here = place_of(room.id)
    return or_(place == here, begins_with(place, f"{here}/"))


def _room_of(place: str) -> str:
    """The id of the room that a place is, or is in."""
    return place.removeprefix(place_of("")).partition("/")[0]
