"""Frames as they were taken: the key frame of a layer, and the newest frame of a camera."""

from typing import Annotated, Any

import numpy as np
from fastapi import APIRouter, Query, Request, Response
from starlette.exceptions import HTTPException

from loadlens.serving.api.cameras import Camera
from loadlens.serving.api.lanes import LaneId
from loadlens.serving.api.layer_shapes import LayerMapShown, LayerViews
from loadlens.serving.api.parts import parts_of
from loadlens.serving.api.problems import answers
from loadlens.serving.api.results import NEWEST, Number
from loadlens.serving.api.shapes import shaped
from loadlens.serving.api.tags import tagged
from loadlens.serving.api.withheld import check_seen
from loadlens.serving.corrections import map_of_layer
from loadlens.serving.evidence.retention import let_go_of
from loadlens.serving.jpeg import encode_jpeg
from loadlens.serving.load_errors import ConflictError
from loadlens.serving.records import assessments, frames, layer_views, loads
from loadlens.serving.records.layer_views import When
from loadlens.vision.frame import Frame
from loadlens.vision.layer_map import likeliest
from loadlens.vision.pipeline import picture_for_model
from loadlens.vision.taxonomy import load_taxonomy

router = APIRouter(tags=["pictures"])

_PICTURE: dict[int | str, dict[str, Any]] = {
    200: {"content": {"image/*": {"schema": {"type": "string", "format": "binary"}}}},
    304: {"description": "the caller has it already (If-None-Match)"},
}
_NONE: dict[int | str, dict[str, Any]] = {204: {"description": "no frame of this camera is kept"}}
# The kinds that are taken in (vision/image.py), by their first bytes.
_KINDS = {b"\xff\xd8": "image/jpeg", b"\x89P": "image/png", b"BM": "image/bmp", b"RI": "image/webp"}

# As many as a person reads at once.
_NAMED = 3

Version = Annotated[int, Query(ge=1, le=NEWEST)]
Width = Annotated[int | None, Query(ge=64, le=1920, description="scaled to so many pixels, as JPEG")]


@router.get("/loads/{load_id}/layers/{index}/frame", response_class=Response, responses=answers(404, 410) | _PICTURE)
def get_key_frame(
    request: Request,
    load_id: str,
    index: Number,
    *,
    version: Version = NEWEST,
    camera: Annotated[Camera | None, Query(description="another camera's frame of that moment")] = None,
    moment: Annotated[When, Query(description="before: as it lay when the layer before was graded")] = "key",
    width: Width = None,
) -> Response:
    """The key frame of one layer as it was taken; without `version` that of the newest assessment."""
    parts = parts_of(request)
    with parts.loads.reading() as session:
        loads.find(session, load_id)
        frame = layer_views.frame(session, load_id, version, index, camera=camera, moment=moment)
        gone = let_go_of(session, load_id)
    if frame.sha256 in gone:
        raise HTTPException(410, f"the frame of layer {index} of load {load_id} was let go, as the settings say")
    return _picture(request, frame.sha256, width, {"Captured-At": frame.captured_at})


@router.get("/loads/{load_id}/layers/{index}/views", response_model=None, responses=answers(404) | shaped(LayerViews))
def list_views(request: Request, load_id: str, index: Number, version: Version = NEWEST) -> dict[str, Any]:
    """The cameras that saw one layer, that of the key frame first."""
    with parts_of(request).loads.reading() as session:
        loads.find(session, load_id)
        found = layer_views.views(session, load_id, version, index)
    return {
        "views": [
            {"camera": view.frame.camera, "captured_at": view.frame.captured_at, "is_key": view.is_key}
            for view in found
        ]
    }


@router.get(
    "/loads/{load_id}/layers/{index}/map", response_model=None, responses=answers(404, 409) | shaped(LayerMapShown)
)
def get_layer_map(request: Request, load_id: str, index: Number, version: Version = NEWEST) -> Response:
    """What was seen where in one layer: for every cell the likeliest classes and how likely each is, row by row, and
    how much of the cell the layer is graded by. 409 where the map is not kept or is withheld from the caller."""
    parts = parts_of(request)
    with parts.loads.reading() as session:
        loads.find(session, load_id)
        check_seen(session, request, load_id)
        known = (
            assessments.newest(session, load_id)
            if version == NEWEST
            else assessments.version(session, load_id, version)
        )
        if known is None:
            raise ConflictError(f"load {load_id} is not graded yet; close it first")
        layer_views.views(session, load_id, version, index)
        sha256, kept = map_of_layer(session, parts.loads.blobs, known, index)
    classes, shares = likeliest(kept, _NAMED)
    counted = kept.weight(load_taxonomy())
    _, rows, columns = kept.probs.shape
    shown = {
        "sha256": sha256,
        "rows": rows,
        "columns": columns,
        "cell": [kept.stride / kept.size[1], kept.stride / kept.size[0]],
        "class_ids": list(kept.class_ids),
        "classes": [plane.ravel().tolist() for plane in classes],
        "percent": [np.rint(plane.ravel() / 2.55).astype(int).tolist() for plane in shares],
        "counted_percent": np.rint(100 * counted.ravel()).astype(int).tolist(),
    }
    return tagged(request, shown, {"Cache-Control": "private, no-cache"})


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
        frame = Frame.from_bytes(data, name=f"frame {sha256}", time_s=0, colour_width=width)
        data = encode_jpeg(picture_for_model(frame, min(width, frame.width)), 80)
    return Response(data, media_type=_KINDS[data[:2]], headers=headers)
