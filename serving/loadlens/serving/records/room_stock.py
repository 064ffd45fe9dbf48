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
    """Grams of one waste at a place of a room: the room itself or a zone; in how many containers."""

    place: str
    list_id: str
    code: str
    grams: int
    containers: int


@dataclass(frozen=True, slots=True)
class Inside:
    """What stands in a room: how much of each waste. A container that stands at several places of it is counted at
    each: `again` has, for each place but one, since when its waste is there."""

    amounts: Sequence[Amount] = ()
    again: Sequence[str] = ()

    @property
    def containers(self) -> int:
        """How many containers stand in the room."""
        return sum(one.containers for one in self.amounts) - len(self.again)


@dataclass(frozen=True, slots=True)
class RoomFlag:
    """A reason to look at a room."""

    code: str
    why: str
    verified: bool = True


def held(session: Session, room: Room) -> list[Held]:
    """What stands in a room and its zones, by place and container."""
    box, here = WasteContainer, WasteStock
    query = (
        select(here.container, box.list_id, box.code, box.name, here.place, here.grams, here.since)
        .join(box, box.identity == WasteStock.container)
        .where(_in(room, WasteStock.place))
        .order_by(WasteStock.place, WasteStock.container)
    )
    return [Held(*row) for row in session.execute(query)]


def inside(session: Session, room: Room | None = None) -> dict[str, Inside]:
    """By id of a room, what stands in it; of every room with stock, or of one."""
    key = (WasteBalance.place, WasteBalance.list_id, WasteBalance.code)
    query = (
        select(*key, func.sum(WasteBalance.grams).label("grams"), func.sum(WasteBalance.containers).label("containers"))
        .where(WasteBalance.grams > 0, _in(room, WasteBalance.place))
        .group_by(*key)
        .order_by(*key)
    )
    amounts: defaultdict[str, list[Amount]] = defaultdict(list)
    for place, list_id, code, grams, containers in session.execute(query):
        amounts[_room_of(place)].append(Amount(place, list_id, code, int(grams), int(containers)))
    has_zones = any(len({one.place for one in here}) > 1 for here in amounts.values())
    again = _again(session, room) if has_zones else {}
    return {id_: Inside(here, again.get(id_, ())) for id_, here in amounts.items()}


def _again(session: Session, room: Room | None) -> dict[str, list[str]]:
    """By id of a room, what `Inside.again` says of it."""
    several = select(WasteStock.container).group_by(WasteStock.container).having(func.count() > 1)
    query = select(WasteStock.container, WasteStock.place, WasteStock.since).where(
        WasteStock.container.in_(several), _in(room, WasteStock.place)
    )
    found: defaultdict[str, list[str]] = defaultdict(list)
    seen = set()
    for container, place, since in session.execute(query):
        id_ = _room_of(place)
        if (id_, container) in seen:
            found[id_].append(since)
        seen.add((id_, container))
    return found


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
    yield from _too_old(session, stock, at, about["longest_days"])


def _too_full(what: str, capacity_kg: str | None, stock: Iterable[Amount]) -> Iterator[RoomFlag]:
    grams = sum(one.grams for one in stock)
    if capacity_kg is not None and grams > Decimal(capacity_kg) * 1000:
        yield RoomFlag("over_capacity", f"{what} holds {Decimal(grams) / 1000} kg, more than its {capacity_kg} kg")


def _too_old(session: Session, stock: Inside, at: datetime, days: int) -> Iterator[RoomFlag]:
    before = (at - timedelta(days=days)).astimezone(UTC).isoformat()
    is_old = WasteStock.place.in_({one.place for one in stock.amounts}) & (WasteStock.since < before)
    oldest = (
        select(WasteStock.container, WasteStock.since).where(is_old).order_by(WasteStock.since, WasteStock.container)
    )
    old = session.execute(oldest.limit(1)).first()
    if old is None:
        return
    count = session.scalars(select(func.count()).where(is_old)).one() - sum(since < before for since in stock.again)
    why = f"{old.container} holds waste since {old.since[:10]}, longer than {days} days"
    yield RoomFlag("stored_too_long", why + (f"; so do {count - 1} more containers" if count > 1 else ""))


def _in(room: Room | None, place: InstrumentedAttribute[str]) -> ColumnElement[bool]:
    """That a place is a room or one of its zones; None: any room."""
    if room is None:
        return begins_with(place, place_of(""))
    here = place_of(room.id)
    return or_(place == here, begins_with(place, f"{here}/"))


def _room_of(place: str) -> str:
    """The id of the room that a place is, or is in."""
    return place.removeprefix(place_of("")).partition("/")[0]
