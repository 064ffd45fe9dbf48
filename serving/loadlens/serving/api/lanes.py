"""Lanes: the places where trucks are unloaded."""

from typing import Annotated, Any

from fastapi import APIRouter, Path, Request, Response
from pydantic import BaseModel, ConfigDict, Field, model_validator
from sqlalchemy import select

from loadlens.serving.api.loads import Kilograms, described, summary
from loadlens.serving.api.parts import actor_of, parts_of
from loadlens.serving.api.problems import answers
from loadlens.serving.api.shapes import LaneList, LaneNow, LaneShown, shaped
from loadlens.serving.api.tags import tagged
from loadlens.serving.records import cameras, lanes, lists, loads
from loadlens.serving.records.lists import Filter
from loadlens.serving.store.tables import Lane

router = APIRouter(tags=["lanes"])

LaneId = Annotated[str, Path(pattern=r"^\w[\w.\-]{0,63}$")]
Limit = Annotated[Kilograms, Field(gt=0)]


class LaneSettings(BaseModel):
    """When a stable weighing of the lane's scale may be taken as gross or tare without a person (kg); null: never."""

    model_config = ConfigDict(extra="forbid")

    gross_above_kg: Limit | None = None
    tare_below_kg: Limit | None = None

    @model_validator(mode="after")
    def _apart(self) -> "LaneSettings":
        if self.gross_above_kg and self.tare_below_kg and self.gross_above_kg < self.tare_below_kg:
            raise ValueError("gross_above_kg must not lie under tare_below_kg, or one weighing could be both")
        return self


@router.put("/lanes/{lane}", response_model=None, responses=answers() | shaped(LaneShown))
def put_lane(request: Request, lane: LaneId, given: LaneSettings) -> dict[str, Any]:
    """Make a lane, or change its settings."""
    limits = _text(given.gross_above_kg), _text(given.tare_below_kg)
    with parts_of(request).loads.writing() as session:
        return _described(lanes.put(session, lane, *limits, actor=actor_of(request)))


@router.get("/lanes", response_model=None, responses=answers() | shaped(LaneList))
def list_lanes(request: Request) -> dict[str, Any]:
    """Every lane."""
    with parts_of(request).loads.reading() as session:
        return {"lanes": [_described(lane) for lane in session.scalars(select(Lane).order_by(Lane.id))]}


@router.get("/lanes/{lane}", responses=answers(404) | shaped(LaneNow))
def get_lane(request: Request, lane: LaneId) -> Response:
    """One lane with its cameras and the load that is open on it, or the last one that was."""
    parts = parts_of(request)
    with parts.loads.reading() as session:
        known = loads.find_lane(session, lane)
        opened = loads.open_on(session, lane)
        newest = opened or next(iter(lists.page(session, Filter(lane=lane), None, 1).loads), None)
        shown = {
            "open_load": opened and summary(opened),
            "newest_load": newest and described(session, parts, newest),
            "cameras": [cameras.described(health) for health in cameras.of_lane(session, lane)],
        }
        return tagged(request, {**_described(known), **shown})


def _described(lane: Lane) -> dict[str, Any]:
    return {
        "id": lane.id,
        "gross_above_kg": lane.gross_above_kg,
        "tare_below_kg": lane.tare_below_kg,
        "created_at": lane.created_at,
    }


def _text(kg: Any) -> str | None:
    return None if kg is None else f"{kg:f}"
