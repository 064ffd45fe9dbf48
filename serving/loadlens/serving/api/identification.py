"""What a photo of waste shows: the same answer as `loadlens waste identify`, and kept in the journal.

The answer's `identification` may be named when the container is registered: then the journal holds what the photo
suggested beside what a person confirmed.
"""

from functools import cache
from typing import Any

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool

from loadlens.serving.api.parts import Parts, actor_of, parts_of
from loadlens.serving.api.picture_body import PICTURE, picture_body
from loadlens.serving.api.problems import answers
from loadlens.serving.api.shapes import shaped
from loadlens.serving.api.waste_shapes import Identified
from loadlens.serving.load_errors import UnacceptableError
from loadlens.serving.records import waste
from loadlens.vision.frame import Frame, SourceError
from loadlens.waste.identification import identify, load_waste_model

router = APIRouter(prefix="/waste", tags=["waste"])

_model = cache(load_waste_model)


@router.post(
    "/identify",
    openapi_extra=PICTURE,
    response_model=None,
    responses=answers(408, 507) | shaped(Identified),
)
async def identify_photo(request: Request) -> dict[str, Any]:
    """What waste a photo may show and which codes to ask about; `image` is its SHA-256. A person confirms the code."""
    parts = parts_of(request)
    with parts.admission.frame():
        data = await picture_body(request, parts.settings)
        return await run_in_threadpool(_identify, parts, data, actor_of(request))


def _identify(parts: Parts, data: bytes, actor: str) -> dict[str, Any]:
    try:
        found = identify(Frame.from_bytes(data, name="the photo", time_s=0.0), _model())
    except SourceError as error:
        raise UnacceptableError(str(error)) from None
    with parts.loads.writing() as session:
        waste.keep_identification(session, found, actor)
    return found.to_plain(found.photo_sha256) | {"identification": found.digest}
