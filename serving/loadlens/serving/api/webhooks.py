"""What this server posts to the webhooks of its settings, for the description of the API alone: no route answers it."""

from typing import Any, Literal

from fastapi import APIRouter
from pydantic import AwareDatetime, BaseModel, Field

from loadlens.serving.api.shapes import AlarmShown

router = APIRouter()


class AlarmMessage(BaseModel):
    """An alarm, or that a person has taken it over; `message` is the same however often it comes."""

    schema_: Literal["loadlens.alarm/1"] = Field(alias="schema")
    message: str
    type: Literal["alarm.raised", "alarm.acknowledged"]
    alarm: AlarmShown


class WasteEvent(BaseModel):
    """Something happened to waste. `about` is, by type:

    waste.labelled: the container; waste.entered: the entry, and its `number`, which tells the order of acceptance;
    waste.withdrawn: id and reason; waste.imported: how many containers and entries a workbook brought, which are not
    told one by one (`GET /v1/waste/entries` has them); manifest.made, manifest.step: the manifest.
    """

    schema_: Literal["loadlens.waste-event/1"] = Field(alias="schema")
    message: str
    type: Literal[
        "waste.labelled", "waste.entered", "waste.withdrawn", "waste.imported", "manifest.made", "manifest.step"
    ]
    at: AwareDatetime
    about: dict[str, Any]


@router.post("alarm")
def alarm(body: AlarmMessage) -> None:
    """To webhooks whose `events` has "alarms". Signed as Standard Webhooks says, sent until it is answered 2xx."""


@router.post("waste")
def waste(body: WasteEvent) -> None:
    """To webhooks whose `events` has "waste", in the same way. It may come twice, and out of turn."""
