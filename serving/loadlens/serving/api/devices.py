"""The scales and sensors of a lane: how they do."""

from typing import Annotated, Any

from fastapi import APIRouter, Path, Request
from pydantic import BaseModel, ConfigDict, Field

from loadlens.serving.api.lanes import LaneId
from loadlens.serving.api.parts import actor_of, parts_of
from loadlens.serving.api.problems import answers
from loadlens.serving.records import devices, loads
from loadlens.serving.records.devices import State

router = APIRouter(tags=["devices"])

Device = Annotated[str, Path(pattern=r"^\w[\w.\-]{0,63}$")]
# A name of a count is a reason in words, such as "refused: wrong checksum".
CountName = Annotated[str, Field(pattern=r"^[^\x00-\x1f]{1,64}$")]
Count = Annotated[int, Field(ge=0, lt=2**63)]


class NewHealth(BaseModel):
    """lost: the line cannot be opened; silent: nothing comes; garbled: nothing that comes is understood."""

    model_config = ConfigDict(extra="forbid")

    state: State
    why: Annotated[str, Field(pattern=r"^[^\x00]{0,500}$")] = ""
    counts: Annotated[dict[CountName, Count], Field(max_length=64)] = Field(default_factory=dict)


@router.get("/lanes/{lane}/devices", responses=answers(404))
def list_devices(request: Request, lane: LaneId) -> dict[str, Any]:
    """What the scales and sensors of a lane last said of themselves."""
    with parts_of(request).loads.reading() as session:
        loads.find_lane(session, lane)
        return {"devices": [devices.described(health) for health in devices.of_lane(session, lane)]}


@router.put("/lanes/{lane}/devices/{device}/health", responses=answers(404))
def put_health(request: Request, lane: LaneId, device: Device, new: NewHealth) -> dict[str, Any]:
    """Say how a device does. One that is not well for a while, or not heard of, is an alarm."""
    with parts_of(request).loads.writing() as session:
        loads.find_lane(session, lane)
        said = devices.tell(
            session, lane, device, state=new.state, why=new.why, counts=new.counts, actor=actor_of(request)
        )
        return devices.described(said)
