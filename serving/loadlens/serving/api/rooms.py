"""Store rooms: what they may hold, what stands in them, what their sensors say, and what is amiss."""

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field, model_validator
from sqlalchemy.orm import Session

from loadlens.serving.alarms import alarms
from loadlens.serving.api.loads import Kilograms
from loadlens.serving.api.parts import actor_of, parts_of
from loadlens.serving.api.problems import answers
from loadlens.serving.api.shapes import shaped
from loadlens.serving.api.waste_shapes import RoomList, RoomSet, RoomShown
from loadlens.serving.ingest.weighbridge.topics import RoomQuantity, RoomUnit
from loadlens.serving.records import room_stock, rooms
from loadlens.serving.store.room_tables import Room
from loadlens.serving.store.tables import Reading
from loadlens.waste.sensor import Limit, gaps, steps

router = APIRouter(tags=["rooms"])

_NAME = r"^\w[\w.\-]{0,63}$"
_STEPS = 96
RoomId = Annotated[str, Path(pattern=_NAME)]
Name = Annotated[str, Field(pattern=_NAME)]
Capacity = Annotated[Kilograms, Field(gt=0)]
Value = Annotated[Decimal, Field(allow_inf_nan=False, max_digits=15)]


class Zone(BaseModel):
    """A part of a room, whose place in the ledger is `room:ROOM/ZONE`."""

    model_config = ConfigDict(extra="forbid")

    capacity_kg: Capacity | None = None


class SensorLimit(BaseModel):
    """What a sensor may say, ends included; null: no end. `device` null: whichever device says this quantity."""

    model_config = ConfigDict(extra="forbid")

    quantity: RoomQuantity
    unit: RoomUnit
    low: Value | None = None
    high: Value | None = None
    device: Name | None = None

    @model_validator(mode="after")
    def _limits_something(self) -> "SensorLimit":
        if self.low is None and self.high is None:
            raise ValueError("give low, high or both")
        if self.low is not None and self.high is not None and self.low > self.high:
            raise ValueError("low must not lie above high")
        return self


class RoomSettings(BaseModel):
    """A store room. Its sensors speak in `lane`, each at least every `expected_every_s`; null: gaps are not known.

    `longest_days`: waste that is here longer is flagged; a year is what the law is said to allow (unverified).
    """

    model_config = ConfigDict(extra="forbid")

    name: Annotated[str, Field(min_length=1, max_length=100)]
    lane: Name | None = None
    capacity_kg: Capacity | None = None
    zones: Annotated[dict[Name, Zone], Field(max_length=100)] = {}
    limits: Annotated[list[SensorLimit], Field(max_length=100)] = []
    expected_every_s: Annotated[int, Field(ge=1, le=86400)] | None = None
    longest_days: Annotated[int, Field(ge=1, le=3660)] = 365


@router.put("/rooms/{room}", response_model=None, responses=answers(404, 409) | shaped(RoomSet))
def put_room(request: Request, room: RoomId, given: RoomSettings) -> dict[str, Any]:
    """Make a room, or change what is said of it."""
    about = json.loads(given.model_dump_json(exclude={"lane"}))
    with parts_of(request).loads.writing() as session:
        return _settings(rooms.put(session, room, given.lane, about, actor=actor_of(request)))


@router.get("/rooms", response_model=None, responses=answers() | shaped(RoomList))
def list_rooms(request: Request) -> dict[str, Any]:
    """Every room: how much of what it may hold it holds, what is amiss, and how many alarms wait for a person.

    `of_no_room` are places where waste stands in a room that nobody has described.
    """
    with parts_of(request).loads.reading() as session:
        stock, waiting = room_stock.inside(session), alarms.open_subjects(session, "room:")
        return {
            "rooms": [_summary(session, room, stock, waiting) for room in rooms.rooms(session)],
            "of_no_room": rooms.places_of_no_room(session),
        }


@router.get("/rooms/{room}", response_model=None, responses=answers(404) | shaped(RoomShown))
def get_room(
    request: Request, room: RoomId, hours: Annotated[int, Query(ge=1, le=24 * 31, description="how far back")] = 24
) -> JSONResponse:
    """A room: its stock by container, what its sensors said with every gap, its alarms, and what is amiss."""
    end = datetime.now(UTC)
    begin = end - timedelta(hours=hours)
    with parts_of(request).loads.reading() as session:
        known = rooms.find(session, room)
        readings = [] if known.lane is None else rooms.said(session, known.lane, begin, end)
        found = {
            **_settings(known),
            **_summary(
                session, known, room_stock.inside(session, known), alarms.open_subjects(session, f"room:{room}/")
            ),
            "stock": [_held(one) for one in room_stock.held(session, known)],
            "from": begin.isoformat(),
            "to": end.isoformat(),
            "step_s": (end - begin).total_seconds() / _STEPS,
            "sensors": _sensors(known, readings, begin, end),
            "alarms": [alarms.described(alarm, taken) for alarm, taken in alarms.about(session, f"room:{room}/")],
        }
    # Thousands of containers: what is plain already is not made plain once more.
    return JSONResponse(found)


def _settings(room: Room) -> dict[str, Any]:
    return {"id": room.id, "lane": room.lane, **json.loads(room.about)}


def _summary(
    session: Session, room: Room, inside: Mapping[str, room_stock.Inside], waiting: Sequence[str]
) -> dict[str, Any]:
    """`inside`: what stands in rooms, by id; `waiting`: what alarms that wait for a person are about."""
    stock, about = inside.get(room.id, room_stock.Inside()), json.loads(room.about)
    return {
        "id": room.id,
        "name": about["name"],
        "capacity_kg": about["capacity_kg"],
        "zone_names": sorted(about["zones"]),
        "grams": sum(one.grams for one in stock.amounts),
        "containers": stock.containers,
        "open_alarms": sum(subject.startswith(f"room:{room.id}/") for subject in waiting),
        "flags": [
            {"code": flag.code, "why": flag.why, "verified": flag.verified}
            for flag in room_stock.flags(session, room, stock, datetime.now(UTC))
        ],
    }


def _held(one: room_stock.Held) -> dict[str, Any]:
    names = ("container", "code", "name", "place", "grams", "since")
    return {"list": one.list_id, **{name: getattr(one, name) for name in names}}


def _sensors(room: Room, readings: Sequence[Reading], begin: datetime, end: datetime) -> list[dict[str, Any]]:
    """What each sensor said, and those that a limit names and that said nothing."""
    every = json.loads(room.about)["expected_every_s"]
    limits = rooms.limits_of(room)
    by_sensor: defaultdict[tuple[str, str, str], list[Reading]] = defaultdict(list)
    for reading in readings:
        by_sensor[reading.text or "", reading.device, reading.unit or ""].append(reading)
    for limit in limits:
        if not any(limit.watches(device, quantity) for quantity, device, _ in by_sensor):
            by_sensor[limit.quantity, limit.device or "", limit.unit] = []
    return [
        {
            "device": sensor[1] or None,
            "quantity": sensor[0],
            "unit": sensor[2],
            **_said(said, begin, end, None if every is None else timedelta(seconds=every)),
            "limits": [_limit(limit, said) for limit in limits if limit.watches(sensor[1], sensor[0])],
        }
        for sensor, said in sorted(by_sensor.items())
    ]


def _said(said: Sequence[Reading], begin: datetime, end: datetime, every: timedelta | None) -> dict[str, Any]:
    points = [(datetime.fromisoformat(one.at), one.value) for one in said if one.value is not None]
    missing = None if every is None else gaps([at for at, _ in points], begin, end, every)
    return {
        "latest": {"at": said[-1].at, "value": said[-1].value} if said else None,
        "steps": [
            {"from": step.begin.isoformat(), "n": step.n, "low": step.low, "high": step.high}
            for step in steps(points, begin, end, _STEPS)
        ],
        "gaps": missing and [{"from": left.isoformat(), "to": right.isoformat()} for left, right in missing],
    }


def _limit(limit: Limit, said: Sequence[Reading]) -> dict[str, Any]:
    low, high = (None if mark is None else f"{mark:f}" for mark in (limit.low, limit.high))
    broken = limit.broken_by(said[-1].value, said[-1].unit) if said else None
    return {"low": low, "high": high, "unit": limit.unit, "broken": broken}
