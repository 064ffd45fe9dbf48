"""Alarms are seen, and taken over by a person."""

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from sqlalchemy.orm import Session

from loadlens.serving.alarms import alarms
from loadlens.serving.api.parts import actor_of, parts_of
from loadlens.serving.api.problems import answers
from loadlens.serving.api.shapes import AlarmPage, AlarmShown, shaped
from loadlens.serving.load_errors import UnacceptableError
from loadlens.serving.store.alarm_tables import Acknowledgement, Alarm

router = APIRouter(tags=["alarms"])

LANE = r"^\w[\w.\-]{0,63}$"
_PERSON = "user:"
# The greatest integer of PostgreSQL's column.
AlarmId = Annotated[int, Path(ge=1, le=2**31 - 1)]


class Acknowledging(BaseModel):
    """A person takes an alarm over. `by` is their name where a machine's key is used; a person who is logged in is
    known and gives none.
    """

    model_config = ConfigDict(extra="forbid")

    by: Annotated[str, StringConstraints(pattern=r"^[^\x00-\x1f]{1,64}$", strip_whitespace=True)] | None = None
    note: Annotated[str, Field(pattern=r"^[^\x00]{0,500}$")] = ""


@router.get("/alarms", response_model=None, responses=answers() | shaped(AlarmPage))
def list_alarms(
    request: Request,
    *,
    open: Annotated[bool, Query(description="only those that wait for a person")] = False,
    lane: Annotated[str | None, Query(pattern=LANE)] = None,
    cursor: Annotated[int | None, Query(ge=1, le=2**31 - 1, description="next_cursor of the page before")] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> dict[str, Any]:
    """Alarms, newest first, a page at a time."""
    with parts_of(request).loads.reading() as session:
        found = alarms.newest(session, waiting=open, lane=lane, before=cursor, limit=limit + 1)
        shown = [_shown(session, alarm) for alarm in found[:limit]]
    return {"alarms": shown, "next_cursor": shown[-1]["id"] if len(found) > limit else None}


@router.get("/alarms/{alarm_id}", responses=answers(404))
def get_alarm(request: Request, alarm_id: AlarmId) -> dict[str, Any]:
    """One alarm, with who has taken it over."""
    with parts_of(request).loads.reading() as session:
        return _shown(session, alarms.find(session, alarm_id))


@router.post(
    "/alarms/{alarm_id}/acknowledgement",
    status_code=201,
    response_model=None,
    responses=answers(404)
    | shaped(AlarmShown, 201)
    | {200: {"description": "somebody has taken it over already", "model": AlarmShown}},
)
def acknowledge(request: Request, response: Response, alarm_id: AlarmId, given: Acknowledging) -> dict[str, Any]:
    """Take an alarm over. The first who does so is the one; the answer says who it is."""
    actor = actor_of(request)
    person = actor.removeprefix(_PERSON) if actor.startswith(_PERSON) else given.by
    if person is None:
        raise UnacceptableError("an alarm is acknowledged by a person: give a name in `by`, or log in")
    with parts_of(request).loads.writing() as session:
        _, is_new = alarms.acknowledge(session, alarm_id, person=person, actor=actor, note=given.note)
        response.status_code = 201 if is_new else 200
        return _shown(session, alarms.find(session, alarm_id))


def _shown(session: Session, alarm: Alarm) -> dict[str, Any]:
    return alarms.described(alarm, session.get(Acknowledgement, alarm.id))
