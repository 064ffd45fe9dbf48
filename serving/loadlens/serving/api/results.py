"""A load is closed and graded; its assessment, pictures and report; and what the server grades by."""

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse
from pydantic import BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException

from loadlens.serving.api.parts import Parts, parts_of
from loadlens.serving.api.problems import problem
from loadlens.serving.load_errors import ConflictError
from loadlens.serving.report import render_report

router = APIRouter(tags=["results"])

_LOOK_EVERY_S = 0.1


class Closing(BaseModel):
    """`last_seq` names the last frame of each camera; then the load is closed only if every frame is here."""

    model_config = ConfigDict(extra="forbid")

    last_seq: dict[str, Annotated[int, Field(ge=0, lt=2**31)]] = Field(default_factory=dict)


@router.post("/loads/{load_id}/close", status_code=202)
async def close_load(request: Request, load_id: str, closing: Closing | None = None, wait: bool = False) -> Response:
    """Close a load and grade it: 202 with the place of the assessment, or with `wait` 200 with the assessment."""
    parts = parts_of(request)
    last_seq = closing.last_seq if closing else {}
    load = await run_in_threadpool(parts.loads.close, load_id, last_seq)
    parts.grader.wake(load_id)
    while wait and load.status == "closed" and not await request.is_disconnected():
        await asyncio.sleep(_LOOK_EVERY_S)
        load = await run_in_threadpool(parts.loads.load, load_id)
    if wait:
        return await run_in_threadpool(_assessment, parts, load_id)
    return _being_graded(load_id, load.status)


@router.get("/loads/{load_id}/assessment")
def get_assessment(request: Request, load_id: str) -> Response:
    """The newest assessment; 202 while the load is being graded, 409 before it is closed or where grading failed."""
    return _assessment(parts_of(request), load_id)


@router.get("/loads/{load_id}/layers/{index}/overlay.jpg", response_class=Response)
def get_overlay(request: Request, load_id: str, index: int) -> Response:
    """The key frame of one layer with what was seen drawn on it."""
    parts = parts_of(request)
    sha256 = parts.loads.pictures(load_id).get(index)
    if sha256 is None:
        raise HTTPException(404, f"load {load_id} has no picture of a layer {index}")
    return Response(parts.loads.blobs.get(sha256), media_type="image/jpeg", headers={"ETag": f'"{sha256}"'})


@router.get("/loads/{load_id}/report.html", response_class=HTMLResponse)
def get_report(request: Request, load_id: str) -> HTMLResponse:
    """The report as one page that needs nothing else."""
    parts = parts_of(request)
    standard = parts.loads.standard_of(parts.loads.load(load_id))
    pictures = {index: parts.loads.blobs.get(sha) for index, sha in parts.loads.pictures(load_id).items()}
    page = render_report(parts.loads.report(load_id), pictures, standard)
    return HTMLResponse(
        page, headers={"Content-Security-Policy": "default-src 'none'; img-src data:; style-src 'unsafe-inline'"}
    )


@router.get("/standards")
def list_standards(request: Request) -> dict[str, Any]:
    """The standards that a load can be graded by."""
    standards = parts_of(request).loads.standards.values()
    return {
        "standards": [
            {
                "id": standard.id,
                "version": standard.version,
                "title": {"en": standard.title_en, "zh": standard.title_zh},
                "edition": standard.edition,
                "sha256": standard.sha256,
            }
            for standard in sorted(standards, key=lambda standard: standard.id)
        ]
    }


@router.get("/models")
def list_models(request: Request) -> dict[str, Any]:
    """The model that looks; none while it is being loaded."""
    model = parts_of(request).grader.model
    if model is None:
        return {"models": []}
    about = model.metadata
    return {
        "models": [
            {"name": about.name, "version": about.version, "sha256": model.sha256, "classes": list(about.class_ids)}
        ]
    }


def _assessment(parts: Parts, load_id: str) -> Response:
    found = parts.loads.assessment(load_id)
    if found is not None:
        version = {"Assessment-Version": str(found.version)}
        return Response(found.report.encode(), media_type="application/json", headers=version)
    load = parts.loads.load(load_id)
    if load.status == "closed":
        return _being_graded(load_id, load.status)
    if load.status == "failed":
        return problem(409, f"load {load_id} could not be graded: {load.failure}; mend that, then close it again")
    raise ConflictError(f"load {load_id} is open; close it first")


def _being_graded(load_id: str, status: str) -> Response:
    place = f"/v1/loads/{load_id}/assessment"
    return JSONResponse({"id": load_id, "status": status, "assessment": place}, 202, {"Location": place})
