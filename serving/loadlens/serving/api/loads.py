"""Loads are opened, weighed, closed, cancelled and taken up again."""

import uuid
from collections.abc import Iterable
from decimal import Decimal
from typing import Annotated, Any

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import select
from sqlalchemy.orm import Session

from loadlens.grading.observation import HazardSighting
from loadlens.serving.api.parts import Parts, actor_of, parts_of
from loadlens.serving.api.problems import answers
from loadlens.serving.lifecycle import State
from loadlens.serving.records import assessments, frames, loads
from loadlens.serving.records.loads import Particulars
from loadlens.serving.records.weights import Kind, Weighed, weighings
from loadlens.serving.store.tables import Load, now

router = APIRouter(tags=["loads"])

Kilograms = Annotated[Decimal, Field(ge=0, max_digits=12, decimal_places=3, allow_inf_nan=False)]
Name = Annotated[str, Field(pattern=r"^\w[\w.\-]{0,63}$")]
Words = Annotated[str, Field(min_length=1, max_length=200)]


class NewLoad(BaseModel):
    """What is known when a truck arrives. With `lane`, the cameras of that lane show this load from now on."""

    model_config = ConfigDict(extra="forbid")

    id: Name | None = None
    lane: Name | None = None
    declared: Annotated[str, Field(min_length=1, max_length=64)] | None = None
    standard: str | None = None
    supplier: Words | None = None
    plate: Annotated[str, Field(min_length=1, max_length=32)] | None = None
    note: Words | None = None


class Weighing(BaseModel):
    """One weighing in kilograms; `division` is the interval of the scale."""

    model_config = ConfigDict(extra="forbid")

    kg: Kilograms
    division: Annotated[Kilograms, Field(gt=0)] | None = None


class Because(BaseModel):
    """Why something is done that is out of the ordinary."""

    model_config = ConfigDict(extra="forbid")

    reason: Annotated[str, Field(min_length=1, max_length=2000)]


@router.post(
    "/loads",
    status_code=201,
    responses=answers(404, 409) | {200: {"description": "exactly this load is there already"}},
)
def create_load(request: Request, response: Response, new: NewLoad) -> dict[str, Any]:
    """Open a load. The same id with the same particulars again answers 200."""
    parts = parts_of(request)
    standard = parts.loads.standard_named(new.standard)
    about = Particulars(standard, new.declared, new.lane, new.supplier, new.plate, new.note)
    with parts.loads.writing() as session:
        load, is_new = loads.open_load(
            session, new.id or uuid.uuid4().hex, about, lead_s=parts.loads.lead_s, actor=actor_of(request)
        )
        answer = described(session, parts, load)
    parts.grader.wake(load.id)
    response.status_code = 201 if is_new else 200
    response.headers["Location"] = f"/v1/loads/{load.id}"
    return answer


@router.get("/loads", responses=answers())
def list_loads(request: Request, status: State | None = None) -> dict[str, Any]:
    """The newest hundred loads."""
    query = select(Load).order_by(Load.created_at.desc(), Load.id).limit(100)
    with parts_of(request).loads.reading() as session:
        found = session.scalars(query if status is None else query.where(Load.status == status)).all()
        return {"loads": [summary(load) for load in found]}


@router.get("/loads/{load_id}", responses=answers(404))
def get_load(request: Request, load_id: str) -> dict[str, Any]:
    """One load, with the hazards seen so far."""
    parts = parts_of(request)
    with parts.loads.reading() as session:
        return described(session, parts, loads.find(session, load_id))


@router.get("/loads/{load_id}/transitions", responses=answers(404))
def get_transitions(request: Request, load_id: str) -> dict[str, Any]:
    """The life of a load so far: every step with who did it and why."""
    with parts_of(request).loads.reading() as session:
        loads.find(session, load_id)
        steps = loads.transitions(session, load_id)
    names = ("event", "source", "target", "actor", "reason", "at")
    return {"transitions": [{name: getattr(step, name) for name in names} for step in steps]}


@router.put(
    "/loads/{load_id}/weights/{kind}",
    status_code=201,
    responses=answers(404, 409) | {200: {"description": "exactly this is known already"}},
)
def put_weight(request: Request, response: Response, load_id: str, kind: Kind, weighing: Weighing) -> dict[str, Any]:
    """Record a weighing; the newest of a kind counts. A graded load is assessed anew as its next version."""
    parts = parts_of(request)
    with parts.loads.writing() as session:
        weighed = Weighed(weighing.kg, weighing.division)
        is_new = parts.loads.weigh(session, load_id, kind, weighed, actor=actor_of(request))
        response.status_code = 201 if is_new else 200
        return described(session, parts, loads.find(session, load_id))


@router.post("/loads/{load_id}/cancel", responses=answers(404, 409))
def cancel_load(request: Request, load_id: str, because: Because) -> dict[str, Any]:
    """Give a load up: its truck was never unloaded, or its load was refused."""
    parts = parts_of(request)
    with parts.loads.writing() as session:
        load = loads.find(session, load_id)
        loads.move(session, load, "cancel", actor=actor_of(request), reason=because.reason)
        load.closed_at = load.closed_at or now()
        return described(session, parts, load)


@router.post("/loads/{load_id}/reopen", responses=answers(404, 409))
def reopen_load(request: Request, load_id: str, because: Because) -> dict[str, Any]:
    """Take a load up again: it takes frames and has to be closed, and looked at by a person, once more."""
    parts = parts_of(request)
    with parts.loads.writing() as session:
        load = loads.find(session, load_id)
        loads.reopen(session, load, lead_s=parts.loads.lead_s, actor=actor_of(request), reason=because.reason)
        answer = described(session, parts, load)
    parts.grader.wake(load_id)
    return answer


def summary(load: Load) -> dict[str, Any]:
    """What a list shows of a load."""
    names = ("id", "status", "lane", "supplier", "plate", "note", "declared", "standard", "created_at", "closed_at")
    return {name: getattr(load, name) for name in names}


def described(session: Session, parts: Parts, load: Load) -> dict[str, Any]:
    """All that is known of a load now."""
    watched, layers = parts.grader.progress(load.id)
    weights = weighings(session, load.id)
    newest = assessments.newest(session, load.id)
    return {
        **summary(load),
        "weights": {kind: {"kg": known.kg, "division": known.division} for kind, known in weights.items()},
        "frames": {"stored": frames.count(session, load.id), "watched": watched},
        "layers_so_far": layers,
        "hazards": _hazards(session, parts, load),
        "flags": [{"code": flag.code, "level": flag.level, "why": flag.why} for flag in loads.flags(session, load.id)],
        "assessment_version": newest and newest.version,
        "problem": load.failure or parts.grader.troubles.get(load.id),
    }


def _hazards(session: Session, parts: Parts, load: Load) -> list[dict[str, Any]]:
    """The hazards of the assessment where there is one, else those seen so far."""
    if assessments.newest(session, load.id) is not None:
        hazards: list[dict[str, Any]] = assessments.report(session, load.id)["truck"]["hazards"]
        return hazards
    return list(_sightings(parts.grader.hazards(load.id)))


def _sightings(hazards: Iterable[HazardSighting]) -> Iterable[dict[str, Any]]:
    for hazard in hazards:
        yield {
            "class": hazard.class_id,
            "score": round(hazard.score, 6),
            "box": list(hazard.box),
            "frame_s": round(hazard.frame_s, 3),
            "frame_sha256": hazard.frame_sha256,
        }
