"""Frames come in: idempotent, refused early where they are too large, acknowledged only once they are durable."""

import hashlib
from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Header, Path, Request, Response
from pydantic import AfterValidator
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException

from loadlens.serving import metrics
from loadlens.serving.api.parts import Parts, parts_of
from loadlens.serving.load_errors import UnacceptableError
from loadlens.serving.loads import FrameFacts
from loadlens.vision.frame import Frame, SourceError

router = APIRouter(tags=["frames"])


def _moment(text: str) -> str:
    """ISO 8601 as the tables keep it; without an offset it is read as UTC."""
    moment = datetime.fromisoformat(text)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC).isoformat()


CapturedAt = Annotated[str, Header(alias="Captured-At", description="ISO 8601"), AfterValidator(_moment)]
Camera = Annotated[str, Path(pattern=r"^\w[\w.\-]{0,63}$")]
Seq = Annotated[int, Path(ge=0, lt=2**31, description="counts from 0")]

_BODY = {"requestBody": {"required": True, "content": {"image/*": {"schema": {"type": "string", "format": "binary"}}}}}


@router.put("/loads/{load_id}/frames/{camera}/{seq}", status_code=201, openapi_extra=_BODY)
async def put_frame(
    request: Request, response: Response, *, load_id: str, camera: Camera, seq: Seq, captured_at: CapturedAt
) -> dict[str, str | int]:
    """Keep one frame: 201 once it is durable, 200 where exactly this frame was kept already."""
    parts = parts_of(request)
    data = await _body(request, parts.settings.max_body_bytes)
    is_new = await run_in_threadpool(_keep, parts, (load_id, camera, seq), data, captured_at)
    response.status_code = 201 if is_new else 200
    (metrics.frames_received if is_new else metrics.frames_known).inc()
    return {"load": load_id, "camera": camera, "seq": seq, "sha256": hashlib.sha256(data).hexdigest()}


async def _body(request: Request, limit: int) -> bytes:
    """The body, kept no further than it may be long; raises 413 as soon as it is known to be longer."""
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


def _keep(parts: Parts, where: tuple[str, str, int], data: bytes, captured_at: str) -> bool:
    load_id, camera, seq = where
    if parts.loads.known_frame(load_id, camera, seq, hashlib.sha256(data).hexdigest()):
        return False
    try:
        frame = Frame.from_bytes(data, name=f"frame {camera}/{seq}", time_s=0.0, camera=camera)
    except SourceError as error:
        raise UnacceptableError(str(error)) from None
    is_new = parts.loads.add_frame(load_id, camera, seq, data, FrameFacts(captured_at, frame.width, frame.height))
    parts.grader.wake(load_id)
    return is_new
