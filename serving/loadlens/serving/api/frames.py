"""Frames come in: idempotent, refused early where they are too large, acknowledged only once they are durable."""

import asyncio
import hashlib
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Header, Path, Request, Response
from pydantic import AfterValidator
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException

from loadlens.serving import metrics
from loadlens.serving.api.cameras import Camera
from loadlens.serving.api.lanes import LaneId
from loadlens.serving.api.moment import moment_text
from loadlens.serving.api.parts import Parts, actor_of, parts_of
from loadlens.serving.api.problems import answers
from loadlens.serving.load_errors import UnacceptableError
from loadlens.serving.loads import check_takes
from loadlens.serving.records import frames
from loadlens.serving.records.frames import Place, Shot
from loadlens.serving.settings import Settings
from loadlens.vision.image import EncodedImage, SourceError

router = APIRouter(tags=["frames"])


def _moment(text: str) -> str:
    return moment_text(datetime.fromisoformat(text))


Moment = AfterValidator(_moment)
CapturedAt = Annotated[str, Header(alias="Captured-At", description="ISO 8601, by the camera's clock"), Moment]
SentAt = Annotated[
    str | None,
    Header(alias="Sent-At", description="ISO 8601: the sender's clock when it sent this; shows how far it is wrong"),
    AfterValidator(lambda text: text and _moment(text)),
]
WhyKept = Annotated[str | None, Header(alias="Why-Kept", max_length=200, description="why the agent sent this frame")]
Seq = Annotated[int, Path(ge=0, lt=2**31, description="counts from 0")]

_BODY = {"requestBody": {"required": True, "content": {"image/*": {"schema": {"type": "string", "format": "binary"}}}}}
_ANSWERS = answers(404, 408, 409, 413, 507) | {200: {"description": "exactly this frame is stored already"}}


@router.put("/loads/{load_id}/frames/{camera}/{seq}", status_code=201, openapi_extra=_BODY, responses=_ANSWERS)
async def put_frame(
    request: Request,
    response: Response,
    *,
    load_id: str,
    camera: Camera,
    seq: Seq,
    captured_at: CapturedAt,
    sent_at: SentAt = None,
    why_kept: WhyKept = None,
) -> dict[str, Any]:
    """Keep one frame of a load: 201 once it is durable, 200 where exactly this frame was kept already."""
    return await _put(request, response, Place(f"load:{load_id}", camera, seq), (captured_at, sent_at, why_kept))


@router.put("/lanes/{lane}/frames/{camera}/{seq}", status_code=201, openapi_extra=_BODY, responses=_ANSWERS)
async def put_lane_frame(
    request: Request,
    response: Response,
    *,
    lane: LaneId,
    camera: Camera,
    seq: Seq,
    captured_at: CapturedAt,
    sent_at: SentAt = None,
    why_kept: WhyKept = None,
) -> dict[str, Any]:
    """Keep one frame of a lane; `load` is the load it belongs to, null while it waits for the next one."""
    return await _put(request, response, Place(f"lane:{lane}", camera, seq), (captured_at, sent_at, why_kept))


async def _put(
    request: Request, response: Response, place: Place, said: tuple[str, str | None, str | None]
) -> dict[str, Any]:
    parts = parts_of(request)
    with parts.admission.frame():
        data = await _body(request, parts.settings)
        sha256, is_new, load_id = await run_in_threadpool(_keep, parts, place, data, said, actor_of(request))
    response.status_code = 201 if is_new else 200
    (metrics.frames_received if is_new else metrics.frames_known).inc()
    return {"load": load_id, "camera": place.camera, "seq": place.seq, "sha256": sha256}


async def _body(request: Request, settings: Settings) -> bytes:
    """The body; raises 413 as soon as it is known to be too long, 408 where it does not come in time."""
    try:
        async with asyncio.timeout(settings.body_within_s):
            return await _read(request, settings.max_body_bytes)
    except TimeoutError:
        raise HTTPException(
            408, f"the frame did not arrive within {settings.body_within_s} s", {"Connection": "close"}
        ) from None


async def _read(request: Request, limit: int) -> bytes:
    detail = f"the body is larger than {limit} bytes; send a smaller picture"
    announced = request.headers.get("content-length", "")
    if announced.isdecimal() and int(announced) > limit:
        # The server lets the announced rest run into nothing, so that the camera gets to read the answer.
        raise HTTPException(413, detail)
    data = bytearray()
    async for chunk in request.stream():
        data += chunk
        if len(data) > limit:
            raise HTTPException(413, detail, headers={"Connection": "close"})
    return bytes(data)


def _keep(
    parts: Parts, place: Place, data: bytes, said: tuple[str, str | None, str | None], actor: str
) -> tuple[str, bool, str | None]:
    sha256 = hashlib.sha256(data).hexdigest()
    captured_at, sent_at, why_kept = said
    taken_at = _by_our_clock(captured_at, sent_at, parts.settings.clock_tolerance_s)
    with parts.loads.reading() as session:
        if frames.is_stored(session, place, sha256):
            return sha256, False, frames.load_of(session, place)
    try:
        picture = EncodedImage(data, f"frame {place.camera}/{place.seq}")
    except SourceError as error:
        with parts.loads.reading() as session:
            check_takes(session, place, taken_at)  # that nobody waits for it here is the more telling fault
        raise UnacceptableError(str(error)) from None
    shot = Shot(captured_at, taken_at, sha256, picture.width, picture.height, why_kept)
    is_new, load_id = parts.loads.keep_frame(place, data, shot, actor=actor)
    if is_new:
        parts.grader.recent.add(sha256, picture)
    if load_id is not None:
        parts.grader.wake(load_id)
    return sha256, is_new, load_id


def _by_our_clock(captured_at: str, sent_at: str | None, tolerance_s: float) -> str:
    """When a frame was taken by the server's clock, where the sender's is further off than `tolerance_s`.

    A sender that does not tell its time is known to be wrong only where its frame comes from the future.
    """
    captured, arrived = datetime.fromisoformat(captured_at), datetime.now(UTC)
    ahead = datetime.fromisoformat(sent_at) - arrived if sent_at else max(captured - arrived, timedelta(0))
    return captured_at if abs(ahead) <= timedelta(seconds=tolerance_s) else (captured - ahead).isoformat()
