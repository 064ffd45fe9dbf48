"""People say what they think of a load, and ask somebody else."""

from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.orm import Session

from loadlens.serving.api.doors import caller_of
from loadlens.serving.api.loads import Because, Declared
from loadlens.serving.api.once import Answer, OnceKey, change
from loadlens.serving.api.parts import actor_of, parts_of
from loadlens.serving.api.problems import answers
from loadlens.serving.api.queue_shapes import OpinionList, OpinionShown
from loadlens.serving.api.reviews import Percent
from loadlens.serving.api.shapes import shaped
from loadlens.serving.api.withheld import why_withheld
from loadlens.serving.records import claims, loads, opinions, second_opinions
from loadlens.serving.store.queue_tables import Opinion, SecondOpinion

router = APIRouter(tags=["opinions"])


class NewOpinion(BaseModel):
    """What a person thinks of a load: its grade by the load's standard (null: nothing on it has one) and, if they
    say so, the deduction in percent of the net."""

    model_config = ConfigDict(extra="forbid")

    grade: Declared | None
    deduction_percent: Percent | None = None
    note: Annotated[str, Field(max_length=2000)] = ""


@router.post("/loads/{load_id}/opinions", status_code=201, responses=answers(404, 409) | shaped(OpinionShown, 201))
def give_opinion(request: Request, load_id: str, new: NewOpinion, key: OnceKey = None) -> Response:
    """Say what one thinks of a load. What was withheld from the caller until now is shown from now on."""
    parts = parts_of(request)

    def work(session: Session) -> Answer:
        load = loads.find(session, load_id)
        given = opinions.give(
            session,
            load,
            parts.loads.standards.of(session, load),
            actor=actor_of(request),
            grade=new.grade,
            deduction_percent=new.deduction_percent,
            note=new.note,
            at=datetime.now(UTC),
        )
        return Answer(201, _shown(given))

    return change(request, new, key, work)


@router.get("/loads/{load_id}/opinions", response_model=None, responses=answers(404) | shaped(OpinionList))
def list_opinions(request: Request, load_id: str) -> dict[str, Any]:
    """What people have said of a load, oldest first, and whether a second opinion is asked for. `withheld` says why
    the caller sees only what they have said themselves."""
    with parts_of(request).loads.reading() as session:
        loads.find(session, load_id)
        why = why_withheld(session, request, load_id)
        given = [one for one in opinions.of_load(session, load_id) if why is None or one.rater == actor_of(request)]
        return {
            "opinions": [_shown(one) for one in given],
            "second_opinion": _request(second_opinions.asked(session, load_id), why),
            "withheld": why,
        }


@router.post("/loads/{load_id}/second-opinion", status_code=201, responses=answers(404, 409))
def ask_for_second_opinion(request: Request, load_id: str, because: Because, key: OnceKey = None) -> Response:
    """Leave a load to somebody else. It stays in the queue, the caller's claim on it ends, and whoever takes it does
    not see what the machine and others think before having said what they think."""

    def work(session: Session) -> Answer:
        load = loads.find(session, load_id)
        actor = caller_of(request).name
        claims.check(session, load_id, actor=actor, at=datetime.now(UTC))
        asked = second_opinions.ask(session, load, actor=actor, reason=because.reason)
        claims.end(session, load_id)
        return Answer(201, {"second_opinion": _request(asked, None)})

    return change(request, because, key, work)


def _request(asked: SecondOpinion | None, why_not: str | None) -> dict[str, Any] | None:
    """A request as it is shown; the reason tells what the first person thinks."""
    if asked is None:
        return None
    return {"asked_by": asked.actor, "at": asked.at, "reason": asked.reason if why_not is None else None}


def _shown(opinion: Opinion) -> dict[str, Any]:
    names = ("rater", "version", "grade", "deduction_percent", "note", "blind", "at")
    return {name: getattr(opinion, name) for name in names} | {
        "machine": {"grade": opinion.machine_grade, "deduction_percent": opinion.machine_percent}
    }
