"""The cameras of a lane: how they do, and where their numbers go on."""

from typing import Annotated, Any

from fastapi import APIRouter, Path, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from loadlens.serving.api.lanes import LaneId
from loadlens.serving.api.parts import actor_of, parts_of
from loadlens.serving.api.problems import answers
from loadlens.serving.api.shapes import CameraList, shaped
from loadlens.serving.api.tags import tagged
from loadlens.serving.moment import Moment, moment_text
from loadlens.serving.records import cameras, frames, loads
from loadlens.serving.records.cameras import Health
from loadlens.serving.store.tables import CameraHealth

router = APIRouter(tags=["cameras"])

Camera = Annotated[str, Path(pattern=r"^\w[\w.\-]{0,63}$")]
CountName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,63}$")]
Count = Annotated[int, Field(ge=0, lt=2**63)]


class NewHealth(BaseModel):
    """How a camera does since when; `counts` are the agent's own, `waiting` the frames in its spool."""

    model_config = ConfigDict(extra="forbid")

    state: Health
    since: Moment
    counts: Annotated[dict[CountName, Count], Field(max_length=64)] = Field(default_factory=dict)


@router.get("/lanes/{lane}/cameras", response_model=None, responses=answers(404) | shaped(CameraList))
def list_cameras(request: Request, lane: LaneId) -> dict[str, Any]:
    """What the cameras of a lane last said of themselves."""
    with parts_of(request).loads.reading() as session:
        loads.find_lane(session, lane)
        return {"cameras": [cameras.described(health) for health in cameras.of_lane(session, lane)]}


@router.get("/lanes/{lane}/cameras/{camera}", responses=answers(409))
def get_camera(request: Request, lane: LaneId, camera: Camera) -> Response:
    """The number that a camera's next frame takes, for one that has forgotten it, and what it last said of itself."""
    with parts_of(request).loads.reading() as session:
        health = session.get(CameraHealth, (lane, camera))
        next_seq = frames.next_seq(session, f"lane:{lane}", camera)
        return tagged(request, {"next_seq": next_seq, "health": health and cameras.described(health)})


@router.put("/lanes/{lane}/cameras/{camera}/health", responses=answers(404))
def put_health(request: Request, lane: LaneId, camera: Camera, new: NewHealth) -> dict[str, Any]:
    """Say how a camera does. One that shows nothing while a load is open on its lane raises an alarm."""
    with parts_of(request).loads.writing() as session:
        loads.find_lane(session, lane)
        since = moment_text(new.since)
        cameras.tell(session, lane, camera, state=new.state, since=since, counts=new.counts, actor=actor_of(request))
        return cameras.described(session.get_one(CameraHealth, (lane, camera)))
