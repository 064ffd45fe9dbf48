"""Frames as they were taken: the key frame of a layer, and the newest frame of a camera."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from starlette.exceptions import HTTPException

from loadlens.serving.api.cameras import Camera
from loadlens.serving.api.lanes import LaneId
from loadlens.serving.api.parts import parts_of
from loadlens.serving.api.problems import answers
from loadlens.serving.api.results import NEWEST, Number
from loadlens.serving.evidence.retention import let_go_of
from loadlens.serving.jpeg import encode_jpeg
from loadlens.serving.records import assessments, frames, loads
from loadlens.vision.frame import Frame
from loadlens.vision.pipeline import picture_for_model

router = APIRouter(tags=["pictures"])

_PICTURE: dict[int | str, dict[str, Any]] = {
    200: {"content": {"image/*": {"schema": {"type": "string", "format": "binary"}}}},
    304: {"description": "the caller has it already (If-None-Match)"},
}
_NONE: dict[int | str, dict[str, Any]] = {204: {"description": "no frame of this camera is kept"}}
# The kinds that are taken in (vision/image.py), by their first bytes.
_KINDS = {b"\xff\xd8": "image/jpeg", b"\x89P": "image/png", b"BM": "image/bmp", b"RI": "image/webp"}

Width = Annotated[int | None, Query(ge=64, le=1920, description="scaled to so many pixels, as JPEG")]


@router.get("/loads/{load_id}/layers/{index}/frame", response_class=Response, responses=answers(404, 410) | _PICTURE)
def get_key_frame(
    request: Request,
    load_id: str,
    index: Number,
    version: Annotated[int, Query(ge=1, le=NEWEST)] = NEWEST,
    width: Width = None,
) -> Response:
    """The key frame of one layer as it was taken; without `version` that of the newest assessment."""
    parts = parts_of(request)
    with parts.loads.reading() as session:
        loads.find(session, load_id)
        sha256 = assessments.key_frames(session, load_id, version).get(index)
        gone = let_go_of(session, load_id)
    if sha256 is None:
        raise HTTPException(404, f"load {load_id} has no layer {index}")
    if sha256 in gone:
        raise HTTPException(410, f"the frame of layer {index} of load {load_id} was let go, as the settings say")
    return _picture(request, sha256, width)


@router.get("/lanes/{lane}/cameras/{camera}/frame", response_class=Response, responses=answers(404) | _PICTURE | _NONE)
def get_newest_frame(request: Request, lane: LaneId, camera: Camera, width: Width = None) -> Response:
    """The newest frame of a camera, 204 where none is kept; `Captured-At` says when it was taken, by its clock."""
    parts = parts_of(request)
    with parts.loads.reading() as session:
        loads.find_lane(session, lane)
        newest = frames.newest(session, f"lane:{lane}", camera)
    if newest is None or not parts.loads.blobs.exists(newest.sha256):
        return Response(status_code=204)
    return _picture(request, newest.sha256, width, {"Captured-At": newest.captured_at})


def _picture(request: Request, sha256: str, width: int | None, more: dict[str, str] | None = None) -> Response:
    headers = {"ETag": f'"{sha256}-{width or "whole"}"', "Cache-Control": "private, no-cache", **(more or {})}
    if headers["ETag"] in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    data = parts_of(request).loads.blobs.get(sha256)
    if width is not None:
        frame = Frame.from_bytes(data, name=f"frame {sha256}", time_s=0)
        data = encode_jpeg(picture_for_model(frame, min(width, frame.width)), 80)
    return Response(data, media_type=_KINDS[data[:2]], headers=headers)
