"""Loads are opened, weighed and closed."""

import uuid
from collections.abc import Iterable
from decimal import Decimal
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from loadlens.grading.observation import HazardSighting
from loadlens.serving.api.parts import Parts, parts_of
from loadlens.serving.loads import Kind
from loadlens.serving.store.tables import Load

router = APIRouter(tags=["loads"])

Kilograms = Annotated[Decimal, Field(ge=0, max_digits=12, decimal_places=3, allow_inf_nan=False)]
Status = Literal["open", "closed", "graded", "failed"]


class NewLoad(BaseModel):
    """What is known when a truck arrives."""

    model_config = ConfigDict(extra="forbid")

    id: Annotated[str, Field(pattern=r"^\w[\w.\-]{0,63}$")] | None = None
    declared: Annotated[str, Field(min_length=1, max_length=64)] | None = None
    standard: str | None = None


class Weighing(BaseModel):
    """One weighing in kilograms; `division` is the interval of the scale."""

    model_config = ConfigDict(extra="forbid")

    kg: Kilograms
    division: Annotated[Kilograms, Field(gt=0)] | None = None


@router.post("/loads", status_code=201)
def create_load(request: Request, response: Response, new: NewLoad) -> dict[str, Any]:
    """Open a load. The same id with the same particulars again answers 200."""
    parts = parts_of(request)
    load_id = new.id or uuid.uuid4().hex
    load, is_new = parts.loads.create(load_id, declared=new.declared, standard=new.standard)
    response.status_code = 201 if is_new else 200
    response.headers["Location"] = f"/v1/loads/{load.id}"
    return described(parts, load)


@router.get("/loads")
def list_loads(request: Request, status: Status | None = None) -> dict[str, Any]:
    """The newest hundred loads."""
    parts = parts_of(request)
    return {"loads": [_summary(load) for load in parts.loads.all(status)]}


@router.get("/loads/{load_id}")
def get_load(request: Request, load_id: str) -> dict[str, Any]:
    """One load, with the hazards seen so far."""
    parts = parts_of(request)
    return described(parts, parts.loads.load(load_id))


@router.put("/loads/{load_id}/weights/{kind}", status_code=201)
def put_weight(request: Request, response: Response, load_id: str, kind: Kind, weighing: Weighing) -> dict[str, Any]:
    """Record a weighing; the newest of a kind counts. A graded load is assessed anew as its next version."""
    parts = parts_of(request)
    is_new = parts.loads.weigh(load_id, kind, weighing.kg, weighing.division)
    response.status_code = 201 if is_new else 200
    return described(parts, parts.loads.load(load_id))


def _summary(load: Load) -> dict[str, Any]:
    return {
        "id": load.id,
        "status": load.status,
        "declared": load.declared,
        "standard": load.standard,
        "created_at": load.created_at,
        "closed_at": load.closed_at,
    }


def described(parts: Parts, load: Load) -> dict[str, Any]:
    """All that is known of a load now."""
    watched, layers = parts.grader.progress(load.id)
    weights = parts.loads.weighings(load.id)
    return {
        **_summary(load),
        "weights": {kind: {"kg": known.kg, "division": known.division} for kind, known in weights.items()},
        "frames": {"stored": parts.loads.count_frames(load.id), "watched": watched},
        "layers_so_far": layers,
        "hazards": _hazards(parts, load),
        "problem": load.failure or parts.grader.troubles.get(load.id),
    }


def _hazards(parts: Parts, load: Load) -> list[dict[str, Any]]:
    """The hazards of the assessment where there is one, else those seen so far."""
    if load.status == "graded":
        hazards: list[dict[str, Any]] = parts.loads.report(load.id)["truck"]["hazards"]
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
