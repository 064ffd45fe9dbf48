"""GET /v1/events: what happens, as it happens. The number of an event is that of its record in the journal."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Request
from fastapi.responses import StreamingResponse
from sqlalchemy import func, select
from sqlalchemy.orm import Session
from starlette.concurrency import run_in_threadpool

from loadlens.serving.api.doors import caller_of, would_come_in_again
from loadlens.serving.api.parts import Parts, parts_of
from loadlens.serving.api.problems import answers
from loadlens.serving.api.withheld import JUDGES, why_withheld
from loadlens.serving.canonical import canonical_json
from loadlens.serving.records import opinions
from loadlens.serving.store.tables import JournalRecord

router = APIRouter(tags=["events"])

# What a person at a screen waits for. The records of evidence are read from /v1/journal.
KINDS = (
    "load.opened",
    "load.transition",
    "load.flagged",
    "load.claimed",
    "load.unclaimed",
    "layer.settled",
    "hazard.raised",
    "alarm.raised",
    "alarm.acknowledged",
    "camera.health",
    "reading.recorded",
    "weight.recorded",
    "assessment.recorded",
    "review.recorded",
    "second_opinion.asked",
    "opinion.recorded",
    "ticket.issued",
    "supplier.confirmed",
    "supplier.disputed",
    "dispute.answered",
)
# Of these a person who is to grade a load blind hears that they happened, and not what was said.
_TELL_OPINIONS = frozenset(
    {
        "load.transition",
        "assessment.recorded",
        "review.recorded",
        "second_opinion.asked",
        "opinion.recorded",
        "ticket.issued",
    }
)
_LOOK_EVERY_S = 0.3
# A proxy cuts a line on which nothing is said, and a browser cannot tell a quiet yard from a cable that was pulled.
_SAY_SOMETHING_EVERY_S = 15.0
# A key that was revoked or a session that has ended hears nothing more after so long.
_CHECK_CALLER_EVERY_S = 5.0
_AT_ONCE = 200
_STREAM: dict[int | str, dict[str, Any]] = {
    200: {"description": "events until the caller goes", "content": {"text/event-stream": {}}}
}

LastEventId = Annotated[int | None, Header(alias="Last-Event-ID", ge=0, lt=2**63, description="go on behind this one")]


@router.get("/events", response_class=StreamingResponse, responses=answers() | _STREAM)
async def get_events(
    request: Request,
    last_event_id: LastEventId = None,
    after: Annotated[int | None, Query(ge=0, lt=2**63, description="as Last-Event-ID, for who cannot send it")] = None,
) -> StreamingResponse:
    """Events from now on, or behind the number that the caller has seen last; nothing between is left out.

    The stream ends within seconds of the caller's key or session, and of a change of its role.
    """
    parts = parts_of(request)
    seen = last_event_id if last_event_id is not None else after
    if seen is None:
        seen = await run_in_threadpool(_newest, parts)
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(_events(request, parts, seen), media_type="text/event-stream", headers=headers)


async def _events(request: Request, parts: Parts, seen: int) -> AsyncIterator[str]:
    yield f"retry: 2000\n: behind {seen}\n\n"
    silent_s, checked_at = 0.0, time.monotonic()
    while not parts.stopping.is_set() and not await request.is_disconnected():
        if time.monotonic() - checked_at >= _CHECK_CALLER_EVERY_S:
            if not await would_come_in_again(request):
                return
            checked_at = time.monotonic()
        found, seen = await run_in_threadpool(_behind, request, parts, seen)
        for event in found:
            yield event
        silent_s = 0.0 if found else silent_s + _LOOK_EVERY_S
        if silent_s >= _SAY_SOMETHING_EVERY_S:
            silent_s = 0.0
            yield "event: stream.alive\ndata: {}\n\n"
        if not found:
            await asyncio.sleep(_LOOK_EVERY_S)


def _newest(parts: Parts) -> int:
    with parts.loads.reading() as session:
        return session.scalars(select(func.max(JournalRecord.seq))).one() or 0


def _behind(request: Request, parts: Parts, seen: int) -> tuple[list[str], int]:
    """The events behind a number, and the number up to which there are no others."""
    query = select(JournalRecord).where(JournalRecord.seq > seen).order_by(JournalRecord.seq).limit(_AT_ONCE)
    with parts.loads.reading() as session:
        records = session.scalars(query).all()
        withheld = _withheld(session, request, records)
    found = [_event(record, is_withheld=record.subject in withheld) for record in records if record.kind in KINDS]
    return found, records[-1].seq if records else seen


def _withheld(session: Session, request: Request, records: Sequence[JournalRecord]) -> set[str]:
    """The subjects of records that say what is withheld from the caller."""
    caller = caller_of(request)
    if caller.role not in JUDGES or not any(record.kind in _TELL_OPINIONS for record in records):
        return set()
    perhaps = opinions.may_be_withheld(session, caller.name)
    return {f"load:{load_id}" for load_id in perhaps if why_withheld(session, request, load_id) is not None}


def _event(record: JournalRecord, *, is_withheld: bool) -> str:
    body: dict[str, Any] = json.loads(record.body)
    if is_withheld and record.kind in _TELL_OPINIONS:
        body = {name: body[name] for name in ("event", "status", "version") if name in body} | {"withheld": True}
    rows = [
        dict(zip(table["columns"], values, strict=True)) for table in body.pop("rows", ()) for values in table["values"]
    ]
    said = {"seq": record.seq, "at": record.at, "subject": record.subject, "actor": record.actor, **body, "rows": rows}
    return f"id: {record.seq}\nevent: {record.kind}\ndata: {canonical_json(said)}\n\n"
