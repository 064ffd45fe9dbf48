"""Changes that are made once, however often they are asked for: `Idempotency-Key`.

The answer is stored in the transaction that makes the change, so there is never one without the other. A key is a
caller's own and lives for a day; with another request under it the caller is told of its mistake.
"""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import Header, Request, Response
from pydantic import BaseModel
from sqlalchemy.orm import Session

from loadlens.serving.api.parts import actor_of, parts_of
from loadlens.serving.canonical import canonical_json
from loadlens.serving.load_errors import UnacceptableError
from loadlens.serving.records.kept_answers import KEPT_FOR
from loadlens.serving.store.tables import StoredAnswer, now

OnceKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=128,
        description="the same key again within 24 h gives the same answer, and nothing is done twice",
    ),
]


@dataclass(frozen=True, slots=True)
class Answer:
    """What a change answers: its status, its JSON and headers."""

    status: int
    body: dict[str, Any]
    headers: dict[str, str] = field(default_factory=dict)


def change(request: Request, asked: BaseModel | None, key: str | None, work: Callable[[Session], Answer]) -> Response:
    """Do `work` in one writing transaction, or give the answer that was given under this key.

    Raises UnacceptableError where the key was used for another request.
    """
    actor = actor_of(request)
    with parts_of(request).loads.writing() as session:
        if key is None:
            return _response(work(session))
        digest = _digest(request, asked)
        known = session.get(StoredAnswer, (actor, key))
        if known is not None and known.at > (datetime.now(UTC) - KEPT_FOR).isoformat():
            if known.request != digest:
                raise UnacceptableError(f"the idempotency key {key!r} was used for another request; take a new one")
            return _response(Answer(known.status, json.loads(known.body), json.loads(known.headers)))
        if known is not None:
            session.delete(known)
            session.flush()
        answer = work(session)
        session.add(
            StoredAnswer(
                actor=actor,
                key=key,
                request=digest,
                status=answer.status,
                headers=canonical_json(answer.headers),
                body=canonical_json(answer.body),
                at=now(),
            )
        )
        return _response(answer)


def _response(answer: Answer) -> Response:
    return Response(canonical_json(answer.body).encode(), answer.status, answer.headers, media_type="application/json")


def _digest(request: Request, asked: BaseModel | None) -> str:
    body = "" if asked is None else asked.model_dump_json(exclude_unset=True)
    return hashlib.sha256(f"{request.method} {request.url.path}\n{body}".encode()).hexdigest()
