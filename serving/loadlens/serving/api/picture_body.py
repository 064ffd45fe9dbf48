"""A picture as the raw body of a request: read in time, and no further than the settings allow."""

import asyncio

from starlette.exceptions import HTTPException
from starlette.requests import Request

from loadlens.serving.settings import Settings

PICTURE = {
    "requestBody": {"required": True, "content": {"image/*": {"schema": {"type": "string", "format": "binary"}}}}
}


async def picture_body(request: Request, settings: Settings) -> bytes:
    """The body; raises 413 as soon as it is known to be too long, 408 where it does not come in time."""
    try:
        async with asyncio.timeout(settings.body_within_s):
            return await _read(request, settings.max_body_bytes)
    except TimeoutError:
        raise HTTPException(
            408, f"the picture did not arrive within {settings.body_within_s} s", {"Connection": "close"}
        ) from None


async def _read(request: Request, limit: int) -> bytes:
    detail = f"the body is larger than {limit} bytes; send a smaller picture"
    announced = request.headers.get("content-length", "")
    if announced.isdecimal() and int(announced) > limit:
        # The server lets the announced rest run into nothing, so that the camera gets to read the answer.
        raise HTTPException(413, detail)
    chunks, length = [], 0
    async for chunk in request.stream():
        chunks.append(chunk)
        length += len(chunk)
        if length > limit:
            raise HTTPException(413, detail, headers={"Connection": "close"})
    return b"".join(chunks)
