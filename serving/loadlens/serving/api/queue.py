"""The review queue: which loads wait for a person, and who works on which."""

import json
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, ConfigDict
from sqlalchemy.orm import Session
from starlette.exceptions import HTTPException

from loadlens.serving.access.caller import Role
from loadlens.serving.api.doors import caller_of
from loadlens.serving.api.loads import summary
from loadlens.serving.api.parts import actor_of, parts_of
from loadlens.serving.api.problems import answers
from loadlens.serving.api.queue_shapes import ClaimNow, QueuePage
from loadlens.serving.api.shapes import shaped
from loadlens.serving.api.withheld import why_withheld
from loadlens.serving.records import assessments, claims, loads, queue, second_opinions
from loadlens.serving.records.queue import Claimed, Entry, Filter
from loadlens.serving.store.queue_tables import Claim, LoadResult

router = APIRouter(tags=["queue"])

FlagCode = Annotated[str, Query(pattern=r"^[a-z][a-z0-9_]{0,63}$", description="code of a reason to look")]

_FIGURES = ("kg", "kg_low", "kg_high", "percent", "percent_low", "percent_high")
_UNTOLD_STAKE = {"in": "unknown", "amount": None, "currency": None, "at_most": False}


class Claiming(BaseModel):
    """A person begins to work on a load, or says that they still do. `take_over` takes it from whoever has it, which
    a manager may do; it is on record. `blind` withholds what the machine and others think of it until the person has
    given an opinion; it is for who has not worked on the load before."""

    model_config = ConfigDict(extra="forbid")

    take_over: bool = False
    blind: bool = False


@router.get("/queue", response_model=None, responses=answers() | shaped(QueuePage))
def list_queue(
    request: Request,
    *,
    lane: str | None = None,
    supplier: str | None = None,
    flag: FlagCode | None = None,
    claimed: Annotated[Claimed | None, Query(description="by whom it is claimed now")] = None,
    cursor: Annotated[str | None, Query(max_length=800, description="next_cursor of the page before")] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> dict[str, Any]:
    """Loads that wait for a person: those with a stop flag first, then by what is at stake (the width of the
    deduction's interval, in money where the standard has prices, else in kilograms), then the oldest first."""
    which = Filter(lane, supplier, flag, claimed)
    with parts_of(request).loads.reading() as session:
        page = queue.page(session, which, cursor, limit, actor=actor_of(request), at=datetime.now(UTC))
        shown = [_shown(session, request, entry) for entry in page.entries]
    return {"loads": shown, "total": page.total, "next_cursor": page.next_cursor}


@router.get("/loads/{load_id}/claim", response_model=None, responses=answers(404) | shaped(ClaimNow))
def get_claim(request: Request, load_id: str) -> dict[str, Any]:
    """Who works on a load; null where nobody does."""
    with parts_of(request).loads.reading() as session:
        loads.find(session, load_id)
        return {"claim": _claim(claims.in_force(session, load_id, datetime.now(UTC)))}


@router.post(
    "/loads/{load_id}/claim",
    status_code=201,
    response_model=None,
    responses=answers(404, 409)
    | shaped(ClaimNow, 201)
    | {200: {"description": "it was the caller's already; it is renewed", "model": ClaimNow}},
)
def claim_load(request: Request, response: Response, load_id: str, claiming: Claiming | None = None) -> dict[str, Any]:
    """Claim a load, or renew one's claim, for `claim_expires_s`; 409 names who has it. A review ends the claim."""
    asked = claiming or Claiming()
    if asked.take_over and caller_of(request).role is not Role.MANAGER:
        raise HTTPException(403, "a manager may take a load over from somebody else; ask one, or its holder")
    parts = parts_of(request)
    lasts = timedelta(seconds=parts.settings.claim_expires_s)
    with parts.loads.writing() as session:
        load = loads.find(session, load_id)
        claim, is_new = claims.take(
            session,
            load,
            actor=actor_of(request),
            at=datetime.now(UTC),
            lasts=lasts,
            take_over=asked.take_over,
            blind=asked.blind,
        )
        response.status_code = 201 if is_new else 200
        return {"claim": _claim(claim)}


@router.delete("/loads/{load_id}/claim", status_code=204, responses=answers(404, 409))
def let_go_of_load(request: Request, load_id: str) -> None:
    """Let go of one's claim; it is no fault if there is none any more."""
    with parts_of(request).loads.writing() as session:
        loads.find(session, load_id)
        claims.let_go(session, load_id, actor=actor_of(request), at=datetime.now(UTC))


def _shown(session: Session, request: Request, entry: Entry) -> dict[str, Any]:
    """A load as the queue shows it; masses, percentages and money are decimal text."""
    result, load, claim = entry
    why = why_withheld(session, request, load.id)
    flags = json.loads(assessments.version(session, load.id, result.version).report)["truck"]["flags"]
    noted = [{"code": flag.code, "level": flag.level, "why": flag.why} for flag in loads.flags(session, load.id)]
    levels = ("review", "stop") if why is None else ("stop",)
    asked = second_opinions.asked(session, load.id)
    return {
        **summary(load),
        "assessment_version": result.version,
        "hazard": result.hazard,
        "at_stake": _at_stake(result) if why is None else _UNTOLD_STAKE,
        "grade": result.grade if why is None else None,
        "net_kg": result.net_kg,
        "deduction": {name: getattr(result, name) if why is None else None for name in _FIGURES},
        "flags": [flag for flag in flags + [new for new in noted if new not in flags] if flag["level"] in levels],
        "claim": _claim(claim),
        "second_opinion": asked and {"asked_by": asked.actor, "at": asked.at},
        "withheld": why,
    }


def _at_stake(result: LoadResult) -> dict[str, Any]:
    """What the load ranks by. `at_most`: the truck is not weighed empty, so its gross weight stands for the net."""
    return {
        "in": result.stake_in,
        "amount": result.stake,
        "currency": result.currency if result.stake_in == "money" else None,
        "at_most": result.at_most,
    }


def _claim(claim: Claim | None) -> dict[str, Any] | None:
    if claim is None:
        return None
    return {"holder": claim.holder, "since": claim.since, "expires_at": claim.expires_at, "blind": claim.blind}
