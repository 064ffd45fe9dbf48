"""The journal as an auditor reads it."""

import json
from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from sqlalchemy import select

from loadlens.serving.api.parts import parts_of
from loadlens.serving.api.problems import answers
from loadlens.serving.store.journal import newest_head
from loadlens.serving.store.tables import JournalRecord

router = APIRouter(tags=["audit"])

_FIELDS = ("seq", "at", "kind", "subject", "actor", "previous", "digest", "signature")


@router.get("/journal", responses=answers())
def list_records(
    request: Request,
    after: Annotated[int, Query(ge=0, lt=2**31, description="the number behind which to begin")] = 0,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    kind: str | None = None,
    subject: Annotated[str | None, Query(description='as "load:<id>"')] = None,
) -> dict[str, Any]:
    """Records by number; `next_after` is the `after` of the next page, null on the last."""
    query = select(JournalRecord).where(JournalRecord.seq > after)
    for column, wanted in ((JournalRecord.kind, kind), (JournalRecord.subject, subject)):
        if wanted is not None:
            query = query.where(column == wanted)
    with parts_of(request).loads.reading() as session:
        rows = session.scalars(query.order_by(JournalRecord.seq).limit(limit + 1)).all()
    shown = [{field: getattr(row, field) for field in _FIELDS} | {"body": json.loads(row.body)} for row in rows[:limit]]
    return {
        "records": shown,
        "next_after": rows[limit - 1].seq if len(rows) > limit else None,
    }


@router.get("/journal/head", responses=answers())
def get_head(request: Request) -> dict[str, Any]:
    """The newest record, signed. Kept elsewhere, it shows later whether the journal was rolled back or replaced."""
    with parts_of(request).loads.reading() as session:
        return asdict(newest_head(session))
