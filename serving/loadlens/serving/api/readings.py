"""What scales, portals and other devices of a lane say."""

import uuid
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from sqlalchemy.orm import Session

from loadlens.serving.api.lanes import LaneId
from loadlens.serving.api.loads import Kilograms
from loadlens.serving.api.once import Answer, OnceKey, change
from loadlens.serving.api.parts import actor_of, parts_of
from loadlens.serving.api.problems import answers
from loadlens.serving.moment import Moment, moment_text
from loadlens.serving.records import loads, readings
from loadlens.serving.store.tables import Reading

router = APIRouter(tags=["readings"])

ReadingKind = Literal["weight", "plate", "radiation", "grab_mass", "room"]


class NewReading(BaseModel):
    """What a device said: `raw` are its own bytes in base64. A scale gives kg, division and whether it stood still.

    A portal says "alarm" or "clear" in `text`; other devices say what they have to in text, value and unit.
    """

    model_config = ConfigDict(extra="forbid")

    id: uuid.UUID
    device: Annotated[str, Field(pattern=r"^\w[\w.\-]{0,63}$")]
    kind: ReadingKind
    at: Moment
    kg: Kilograms | None = None
    division: Annotated[Kilograms, Field(gt=0)] | None = None
    stable: bool | None = None
    text: Annotated[str, Field(max_length=200)] | None = None
    value: Annotated[float, Field(allow_inf_nan=False)] | None = None
    unit: Annotated[str, Field(max_length=32)] | None = None
    raw: Annotated[str, StringConstraints(max_length=4096, pattern=r"^[A-Za-z0-9+/]*={0,2}$")]


@router.post(
    "/lanes/{lane}/readings",
    status_code=201,
    responses=answers(404, 409) | {200: {"description": "exactly this reading is known already"}},
)
def post_reading(request: Request, lane: LaneId, new: NewReading, key: OnceKey = None) -> Response:
    """Record a reading. A stable weight becomes gross or tare only by the lane's rule; `used_as` tells which."""
    parts = parts_of(request)
    reading = Reading(
        id=str(new.id),
        lane=lane,
        device=new.device,
        kind=new.kind,
        at=moment_text(new.at),
        kg=None if new.kg is None else f"{new.kg:f}",
        division=None if new.division is None else f"{new.division:f}",
        stable=new.stable,
        text=new.text,
        value=new.value,
        unit=new.unit,
        raw=new.raw,
    )

    def work(session: Session) -> Answer:
        loads.find_lane(session, lane)
        is_new, use = parts.loads.take_reading(session, reading, actor=actor_of(request))
        used_as = use and {"load": use.load_id, "kind": use.kind}
        return Answer(201 if is_new else 200, {"id": reading.id, "used_as": used_as})

    return change(request, new, key, work)


@router.get("/lanes/{lane}/readings", responses=answers(404))
def list_readings(
    request: Request, lane: LaneId, kind: ReadingKind | None = None, limit: Annotated[int, Query(ge=1, le=500)] = 50
) -> dict[str, Any]:
    """The newest readings of a lane, newest first."""
    names = (*NewReading.model_fields, "created_at")
    with parts_of(request).loads.reading() as session:
        found = readings.newest(session, loads.find_lane(session, lane), kind, limit)
        return {"readings": [{name: getattr(reading, name) for name in names} for reading in found]}
