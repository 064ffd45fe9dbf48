"""Frames come in: idempotent, refused early where they are too large, acknowledged only once they are durable."""

import re
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Header, Path, Request, Response
from fastapi.responses import JSONResponse
from pydantic import AfterValidator
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from loadlens.serving import metrics
from loadlens.serving.api.cameras import Camera
from loadlens.serving.api.lanes import LaneId
from loadlens.serving.api.parts import actor_of, parts_of
from loadlens.serving.api.picture_body import PICTURE, picture_body
from loadlens.serving.api.problems import answers
from loadlens.serving.intake import Sent
from loadlens.serving.moment import moment_text, within_calendar
from loadlens.serving.records.frames import Place

router = APIRouter(tags=["frames"])


def _moment(text: str) -> str:
    return moment_text(within_calendar(datetime.fromisoformat(text)))


CapturedAt = Annotated[
    str, Header(alias="Captured-At", description="ISO 8601, by the camera's clock"), AfterValidator(_moment)
]
SentAt = Annotated[
    str | None,
    Header(alias="Sent-At", description="ISO 8601: the sender's clock when it sent this; shows how far it is wrong"),
    AfterValidator(lambda text: text and _moment(text)),
]
_LONGEST_WHY = 200
WhyKept = Annotated[
    str | None, Header(alias="Why-Kept", max_length=_LONGEST_WHY, description="why the agent sent this frame")
]
Seq = Annotated[int, Path(ge=0, lt=2**31, description="counts from 0")]

_ANSWERS = answers(404, 408, 409, 507) | {200: {"description": "exactly this frame is stored already"}}


# The three headers of a frame: when it was taken, when it was sent, why.
Said = tuple[str, str | None, str | None]

# A frame as cameras send it: every name and number that this matches, the routes below take too.
_PLAIN = re.compile(r"/v1/(load|lane)s/(\w[\w.\-]{0,63})/frames/(\w[\w.\-]{0,63})/(\d{1,9})", re.ASCII)


@router.put(
    "/loads/{load_id}/frames/{camera}/{seq}",
    status_code=201,
    openapi_extra=PICTURE,
    responses=_ANSWERS,
    response_model=dict[str, Any],
)
async def put_frame(
    request: Request,
    *,
    load_id: str,
    camera: Camera,
    seq: Seq,
    captured_at: CapturedAt,
    sent_at: SentAt = None,
    why_kept: WhyKept = None,
) -> Response:
    """Keep one frame of a load: 201 once it is durable, 200 where exactly this frame was kept already."""
    return await _put(request, Place(f"load:{load_id}", camera, seq), (captured_at, sent_at, why_kept))


@router.put(
    "/lanes/{lane}/frames/{camera}/{seq}",
    status_code=201,
    openapi_extra=PICTURE,
    responses=_ANSWERS,
    response_model=dict[str, Any],
)
async def put_lane_frame(
    request: Request,
    *,
    lane: LaneId,
    camera: Camera,
    seq: Seq,
    captured_at: CapturedAt,
    sent_at: SentAt = None,
    why_kept: WhyKept = None,
) -> Response:
    """Keep one frame of a lane; `load` is the load it belongs to, null while it waits for the next one."""
    return await _put(request, Place(f"lane:{lane}", camera, seq), (captured_at, sent_at, why_kept))


class FrameEntry:
    """Takes plain frames past the routing, which costs more than all else that the event loop does for them.

    Stands behind the doors. Whatever is odd about a frame goes on to the routes above and is answered there.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Take in a plain frame; let anything else pass."""
        if scope["type"] == "http" and scope["method"] == "PUT" and (found := _PLAIN.fullmatch(scope["path"])):
            request = Request(scope, receive)
            if (said := _said(request.headers)) is not None:
                kind, owner, camera, seq = found.groups()
                response = await _put(request, Place(f"{kind}:{owner}", camera, int(seq)), said)
                await response(scope, receive, send)
                return
        await self._app(scope, receive, send)


def _said(headers: Headers) -> Said | None:
    """The headers of a frame where each is there at most once and as it should be; None otherwise."""
    captured, sent, why = (headers.getlist(name) for name in ("captured-at", "sent-at", "why-kept"))
    if len(captured) != 1 or max(len(sent), len(why)) > 1 or any(len(text) > _LONGEST_WHY for text in why):
        return None
    try:
        return _moment(captured[0]), _moment(sent[0]) if sent else None, why[0] if why else None
    except ValueError:
        return None


async def _put(request: Request, place: Place, said: Said) -> Response:
    parts = parts_of(request)
    with parts.admission.frame():
        data = await picture_body(request, parts.settings)
        kept = await parts.intake.take(Sent(place, data, *said, actor_of(request)))
    (metrics.frames_received if kept.is_new else metrics.frames_known).inc()
    told = {"load": kept.load_id, "camera": place.camera, "seq": place.seq, "sha256": kept.sha256}
    return JSONResponse(told, 201 if kept.is_new else 200)
