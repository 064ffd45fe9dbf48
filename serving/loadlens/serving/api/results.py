"""A load is closed and graded; its assessment, pictures and report; and what the server grades by."""

import asyncio
import hashlib
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.orm import Session
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException

from loadlens.serving.api.loads import matched, place_of
from loadlens.serving.api.once import Answer, OnceKey, change
from loadlens.serving.api.parts import Parts, actor_of, parts_of
from loadlens.serving.api.problems import answers, problem
from loadlens.serving.api.queue_shapes import Facts
from loadlens.serving.api.shapes import ClassList, Report, StandardList, shaped
from loadlens.serving.api.tags import IfMatch, tagged
from loadlens.serving.api.withheld import check_seen, facts, why_withheld
from loadlens.serving.drawings import drawings_of
from loadlens.serving.lifecycle import OPEN, State
from loadlens.serving.load_errors import ConflictError
from loadlens.serving.records import assessments, loads
from loadlens.serving.report import render_report
from loadlens.serving.store.tables import Assessment, Load
from loadlens.vision.legend import class_colour
from loadlens.vision.taxonomy import load_taxonomy

_PAGE_MAY = (
    "default-src 'none'; img-src data:; style-src 'unsafe-inline'; "
    "frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)

router = APIRouter(tags=["results"])

# Who waits for a grade looks soon at first, then ever more rarely: a long wait would cost as much as the grading.
_LOOK_AFTER_S, _LOOK_AT_LEAST_EVERY_S = 0.02, 0.5
NEWEST = 2**31 - 1
_ACCEPTED: dict[int | str, dict[str, Any]] = {202: {"description": "it is being graded"}}
_JPEG: dict[int | str, dict[str, Any]] = {200: {"content": {"image/jpeg": {}}}}

Number = Annotated[int, Path(ge=0, le=NEWEST)]


class Closing(BaseModel):
    """`last_seq` names the last frame of each camera; then the load is closed only if every frame is here."""

    model_config = ConfigDict(extra="forbid")

    last_seq: dict[str, Annotated[int, Field(ge=0, lt=2**31)]] = Field(default_factory=dict)


@router.post(
    "/loads/{load_id}/close",
    status_code=202,
    responses=answers(404, 409, 412) | {200: {"description": "with `wait`: the assessment"}},
)
async def close_load(
    request: Request,
    load_id: str,
    *,
    closing: Closing | None = None,
    wait: bool = False,
    key: OnceKey = None,
    if_match: IfMatch = None,
) -> Response:
    """Close a load and grade it: 202 with the place of the assessment, or with `wait` 200 with the assessment."""
    parts = parts_of(request)

    def work(session: Session) -> Answer:
        matched(session, parts, load_id, if_match)
        load = loads.close(session, load_id, closing.last_seq if closing else {}, actor=actor_of(request))
        place = _place(load)
        return Answer(202, place, {"Location": place["assessment"]})

    closed = await run_in_threadpool(change, request, closing, key, work)
    parts.grader.wake(load_id)
    if not wait:
        return closed
    status, pause_s = await run_in_threadpool(_status, parts, load_id), _LOOK_AFTER_S
    while status == "closed" and not (parts.stopping.is_set() or await request.is_disconnected()):
        await asyncio.sleep(pause_s)
        pause_s = min(1.5 * pause_s, _LOOK_AT_LEAST_EVERY_S)
        status = await run_in_threadpool(_status, parts, load_id)
    return await run_in_threadpool(_assessment, request, load_id)


def _status(parts: Parts, load_id: str) -> State:
    with parts.loads.reading() as session:
        return loads.find(session, load_id).status


@router.get("/loads/{load_id}/assessment", responses=answers(404, 409) | _ACCEPTED | shaped(Report))
def get_assessment(request: Request, load_id: str) -> Response:
    """The newest assessment; 202 while the load is being graded, 409 before it is closed, where grading failed, or
    where it is withheld from the caller, who is to say first what they think: see `facts`."""
    return _assessment(request, load_id)


@router.get(
    "/loads/{load_id}/so-far", responses=answers(404) | shaped(Report) | {204: {"description": "nothing is known yet"}}
)
def get_so_far(request: Request, load_id: str) -> Response:
    """What the layers that have settled of a load that is being unloaded come to: a look ahead, which is recorded
    nowhere. 204 before the first layer, after the close, and where opinions on it are withheld from the caller. Where
    another server of the site watches the load, its newest layer may be told a few seconds later."""
    parts = parts_of(request)
    with parts.loads.reading() as session:
        load = loads.find(session, load_id)
        seen = parts.grader.so_far(session, load) if load.status in OPEN else None
        if seen is None or why_withheld(session, request, load_id) is not None:
            return Response(status_code=204)
        assessed = assessments.inputs_now(session, load).assess(seen, parts.loads.standards.of(session, load))
    return tagged(request, assessed.to_report())


@router.get("/loads/{load_id}/assessments", responses=answers(404))
def list_assessments(request: Request, load_id: str) -> dict[str, Any]:
    """The versions of a load's assessment, oldest first, with why each was made."""
    with parts_of(request).loads.reading() as session:
        loads.find(session, load_id)
        made = assessments.versions(session, load_id)
    return {"assessments": [{"version": v, "reason": reason, "created_at": at} for v, reason, at in made]}


@router.get("/loads/{load_id}/facts", response_model=None, responses=answers(404, 409) | shaped(Facts))
def get_facts(request: Request, load_id: str) -> dict[str, Any]:
    """What of the newest assessment is no opinion, for everybody: the frames of its layers, the net weight, every
    hazard and every stop."""
    with parts_of(request).loads.reading() as session:
        loads.find(session, load_id)
        return facts(assessments.report(session, load_id))


@router.get("/loads/{load_id}/assessments/{version}", responses=answers(404, 409) | shaped(Report))
def get_assessment_version(request: Request, load_id: str, version: Number) -> Response:
    """One version of a load's assessment."""
    with parts_of(request).loads.reading() as session:
        loads.find(session, load_id)
        check_seen(session, request, load_id)
        return _report(request, assessments.version(session, load_id, version))


@router.get(
    "/loads/{load_id}/layers/{index}/overlay.jpg", response_class=Response, responses=answers(404, 409, 410) | _JPEG
)
def get_overlay(
    request: Request, load_id: str, index: Number, version: Annotated[int, Query(ge=1, le=NEWEST)] = NEWEST
) -> Response:
    """The key frame of one layer with what was seen drawn on it; without `version` that of the newest assessment.

    One that was let go is drawn again from its frame, without the map of forms; 410 where the frame was let go too.
    """
    parts = parts_of(request)
    with parts.loads.reading() as session:
        loads.find(session, load_id)
        check_seen(session, request, load_id)
        drawing = drawings_of(session, load_id, version).get(index)
    if drawing is None:
        raise HTTPException(404, f"load {load_id} has no picture of a layer {index}")
    if drawing.is_gone:
        why = "the drawing and its frame were let go, as the settings of this site say"
        raise HTTPException(410, f"layer {index} of load {load_id} cannot be shown any more: {why}")
    jpeg = drawing.jpeg(parts.loads.blobs)
    return Response(jpeg, media_type="image/jpeg", headers={"ETag": f'"{hashlib.sha256(jpeg).hexdigest()}"'})


@router.get("/loads/{load_id}/report.html", response_class=HTMLResponse, responses=answers(404, 409))
def get_report(request: Request, load_id: str) -> HTMLResponse:
    """The report as one page that needs nothing else."""
    parts = parts_of(request)
    with parts.loads.reading() as session:
        standard = parts.loads.standards.of(session, loads.find(session, load_id))
        check_seen(session, request, load_id)
        report = assessments.report(session, load_id)
        drawings = drawings_of(session, load_id, NEWEST)
    pictures = {index: one.jpeg(parts.loads.blobs) for index, one in drawings.items() if not one.is_gone}
    page = render_report(report, pictures, standard)
    return HTMLResponse(page, headers={"Content-Security-Policy": _PAGE_MAY})


@router.get("/standards", response_model=None, responses=answers() | shaped(StandardList))
def list_standards(request: Request) -> dict[str, Any]:
    """The standards that a load which arrives now can be graded by; `default` is that of loads that name none."""
    parts = parts_of(request)
    with parts.loads.reading() as session:
        standards = parts.loads.standards.in_force(session).values()
        default = parts.loads.standards.default(session)
    return {
        "default": default,
        "standards": [
            {
                "id": standard.id,
                "version": standard.version,
                "title": {"en": standard.title_en, "zh": standard.title_zh},
                "edition": standard.edition,
                "grades": [
                    {"code": grade.code, "name": {"en": grade.name_en, "zh": grade.name_zh}}
                    for grade in standard.grades
                ],
                "sha256": standard.sha256,
            }
            for standard in sorted(standards, key=lambda standard: standard.id)
        ],
    }


@router.get("/classes", response_model=None, responses=answers() | shaped(ClassList))
def list_classes() -> dict[str, Any]:
    """What a model can see, with the names that people read and the colour it is drawn in."""
    taxonomy = load_taxonomy()
    return {
        "classes": [
            {
                "id": card.id,
                "kind": card.kind,
                "family": card.surface_class.family or None,
                "name": {"en": card.name_en, "zh": card.name_zh},
                "colour": "#{:02x}{:02x}{:02x}".format(*class_colour(card.id, taxonomy)),
            }
            for card in taxonomy.values()
        ]
    }


def _assessment(request: Request, load_id: str) -> Response:
    parts = parts_of(request)
    with parts.loads.reading() as session:
        load = loads.find(session, load_id)
        found = assessments.newest(session, load_id)
        if found is not None:
            check_seen(session, request, load_id)
    if load.status == "closed":
        place = _place(load)
        return JSONResponse(place, 202, {"Location": place["assessment"]})
    if load.status == "failed":
        return problem(409, f"load {load_id} could not be graded: {load.failure}; mend that, then close it again")
    if found is None:
        raise ConflictError(f"load {load_id} is {load.status}; close it first")
    return _report(request, found)


def _report(request: Request, found: Assessment) -> Response:
    return tagged(request, found.report, {"Assessment-Version": str(found.version)})


def _place(load: Load) -> dict[str, Any]:
    """Where the assessment of a closed load will be."""
    return {"id": load.id, "status": load.status, "assessment": f"{place_of(load.id)}/assessment"}
