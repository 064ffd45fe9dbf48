"""ETags: a strong tag for every single thing, changes only on the thing that the caller has seen."""

import hashlib
from typing import Annotated, Any

from fastapi import Header, Request, Response

from loadlens.serving.canonical import canonical_json
from loadlens.serving.load_errors import ChangedError

IfMatch = Annotated[
    str | None, Header(alias="If-Match", description="ETag of the thing as you know it; 412 where it has changed")
]


def tag_of(text: str | bytes) -> str:
    """The strong ETag of a representation."""
    return f'"{hashlib.sha256(text.encode() if isinstance(text, str) else text).hexdigest()[:32]}"'


def tagged(request: Request, body: dict[str, Any] | str, headers: dict[str, str] | None = None) -> Response:
    """A thing with its ETag, or 304 where the caller has it already. `body` as text is JSON that is sent as it is."""
    text = body if isinstance(body, str) else canonical_json(body)
    tag = tag_of(text)
    if tag in _listed(request.headers.get("if-none-match", "")):
        return Response(status_code=304, headers={"ETag": tag})
    return Response(text.encode(), media_type="application/json", headers={"ETag": tag, **(headers or {})})


def check_match(if_match: str | None, body: dict[str, Any]) -> None:
    """Raise ChangedError where the caller knows another version of the thing than `body`."""
    if if_match is not None and if_match.strip() != "*" and tag_of(canonical_json(body)) not in _listed(if_match):
        raise ChangedError("this has changed since you read it; read it again and decide anew")


def _listed(header: str) -> list[str]:
    return [tag.strip() for tag in header.split(",")]
