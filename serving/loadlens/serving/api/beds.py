"""The bed in the frames of a camera, as a person marks it by its four corners."""

import json
from typing import Annotated, Any

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field

from loadlens.serving.api.cameras import Camera
from loadlens.serving.api.lanes import LaneId
from loadlens.serving.api.parts import actor_of, parts_of
from loadlens.serving.api.problems import answers
from loadlens.serving.api.settings_shapes import BedNow, BedScale, BedShown
from loadlens.serving.api.shapes import shaped
from loadlens.serving.load_errors import UnacceptableError
from loadlens.serving.records import loads, marked_beds
from loadlens.serving.store.settings_tables import CameraBed
from loadlens.vision.bed import BedError, MarkedBed, mark_bed

router = APIRouter(tags=["cameras"])

Pixel = Annotated[float, Field(ge=0, le=100_000, allow_inf_nan=False)]
Side = Annotated[int, Field(ge=1, le=100_000)]
Millimetres = Annotated[int, Field(ge=200, le=100_000)]


class NewBed(BaseModel):
    """Four corners in pixels of a frame of `width` x `height`, one after the other round the bed; the first side is its
    length."""

    model_config = ConfigDict(extra="forbid")

    corners: Annotated[list[tuple[Pixel, Pixel]], Field(min_length=4, max_length=4)]
    length_mm: Millimetres
    width_mm: Millimetres
    width: Side
    height: Side


@router.get("/lanes/{lane}/cameras/{camera}/bed", response_model=None, responses=answers(404) | shaped(BedNow))
def get_bed(request: Request, lane: LaneId, camera: Camera) -> dict[str, Any]:
    """The bed that was marked last; null where nobody has, and the settings or the pictures say where it is."""
    with parts_of(request).loads.reading() as session:
        loads.find_lane(session, lane)
        row = marked_beds.newest(session, lane, camera)
    return {"bed": row and _shown(row)}


@router.post("/bed-scale", response_model=None, responses=answers() | shaped(BedScale))
def compute_scale(given: NewBed) -> dict[str, Any]:
    """The millimetres per pixel that corners give; nothing is kept."""
    return _scale(_marked(given))


@router.put("/lanes/{lane}/cameras/{camera}/bed", response_model=None, responses=answers(404) | shaped(BedShown))
def put_bed(request: Request, lane: LaneId, camera: Camera, given: NewBed) -> dict[str, Any]:
    """Say where the bed lies, for the loads that arrive from now on."""
    _marked(given)
    with parts_of(request).loads.writing() as session:
        loads.find_lane(session, lane)
        row = marked_beds.keep(
            session,
            (lane, camera),
            given.corners,
            size_mm=(given.length_mm, given.width_mm),
            frame_size=(given.width, given.height),
            actor=actor_of(request),
        )
        session.flush()
        return _shown(row)


def _marked(given: NewBed) -> MarkedBed:
    try:
        return mark_bed(
            given.corners,
            length_mm=given.length_mm,
            width_mm=given.width_mm,
            frame_size=(given.width, given.height),
        )
    except BedError as error:
        raise UnacceptableError(str(error)) from None


def _scale(marked: MarkedBed) -> dict[str, Any]:
    return {"mm_per_px": marked.bed.mm_per_px, "mm_low": marked.mm_low, "mm_high": marked.mm_high}


def _shown(row: CameraBed) -> dict[str, Any]:
    names = ("length_mm", "width_mm", "width", "height", "actor", "at")
    about = {name: getattr(row, name) for name in names}
    return {"corners": json.loads(row.corners), **about, **_scale(marked_beds.marked(row))}
