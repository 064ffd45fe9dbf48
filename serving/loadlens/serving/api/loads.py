"""Loads are opened, weighed, closed, cancelled and taken up again."""

import uuid
from decimal import Decimal
from typing import Annotated, Any
from urllib.parse import quote, unquote

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field, model_validator
from sqlalchemy.orm import Session

from loadlens.serving.api.doors import check_own_lane
from loadlens.serving.api.once import Answer, OnceKey, change
from loadlens.serving.api.parts import Parts, actor_of, parts_of
from loadlens.serving.api.problems import answers
from loadlens.serving.api.shapes import LoadPage, LoadShown, shaped
from loadlens.serving.api.tags import IfMatch, check_match, tag_of, tagged
from loadlens.serving.api.withheld import why_withheld
from loadlens.serving.canonical import canonical_json
from loadlens.serving.evidence.retention import let_go_of
from loadlens.serving.lifecycle import State
from loadlens.serving.load_errors import ConflictError
from loadlens.serving.records import assessments, frames, hazards, lists, loads, readings
from loadlens.serving.records.lists import Filter
from loadlens.serving.records.loads import Particulars
from loadlens.serving.records.weights import Kind, Weighed, weighings
from loadlens.serving.store.tables import Load, now

router = APIRouter(tags=["loads"])

Kilograms = Annotated[Decimal, Field(ge=0, max_digits=12, decimal_places=3, allow_inf_nan=False)]
Name = Annotated[str, Field(pattern=r"^\w[\w.\-]{0,63}$")]
Words = Annotated[str, Field(min_length=1, max_length=200)]
Declared = Annotated[str, Field(min_length=1, max_length=64)]
Plate = Annotated[str, Field(min_length=1, max_length=32)]
Reason = Annotated[str, Field(min_length=1, max_length=2000, pattern=r"^[^\x00]*$")]

# Steps whose reasons say what people think of the load.
_TELL_OPINIONS = ("flag", "review", "reopen")


class NewLoad(BaseModel):
    """What is known when a truck arrives. With `lane`, the cameras of that lane show this load from now on."""

    model_config = ConfigDict(extra="forbid")

    id: Name | None = None
    lane: Name | None = None
    declared: Declared | None = None
    standard: str | None = None
    supplier: Words | None = None
    plate: Plate | None = None
    note: Words | None = None


class Amendment(BaseModel):
    """What was wrongly said when the truck came, and why it is corrected. Null takes a figure away."""

    model_config = ConfigDict(extra="forbid")

    reason: Reason
    declared: Declared | None = None
    supplier: Words | None = None
    plate: Plate | None = None
    note: Words | None = None

    @model_validator(mode="after")
    def _says_something(self) -> "Amendment":
        if not self.model_fields_set - {"reason"}:
            raise ValueError("name what is to be corrected: declared, supplier, plate or note")
        return self


class Weighing(BaseModel):
    """One weighing: in kilograms with the interval of the scale, or the id of a stable reading of the lane's scale."""

    model_config = ConfigDict(extra="forbid")

    kg: Kilograms | None = None
    division: Annotated[Kilograms, Field(gt=0)] | None = None
    reading: uuid.UUID | None = None

    @model_validator(mode="after")
    def _one_source(self) -> "Weighing":
        if (self.kg is None) == (self.reading is None):
            raise ValueError("give kg, or the id of a reading")
        if self.reading is not None and self.division is not None:
            raise ValueError("a reading has its own division; leave division out")
        return self


class Because(BaseModel):
    """Why something is done that is out of the ordinary."""

    model_config = ConfigDict(extra="forbid")

    reason: Reason


@router.post(
    "/loads",
    status_code=201,
    responses=answers(404, 409) | {200: {"description": "exactly this load is there already"}},
)
def create_load(request: Request, new: NewLoad, key: OnceKey = None) -> Response:
    """Open a load. The same id with the same particulars again answers 200."""
    check_own_lane(request, new.lane)
    parts = parts_of(request)

    def work(session: Session) -> Answer:
        load_id = new.id or uuid.uuid4().hex
        standard = parts.loads.standards.named(session, new.standard)
        about = Particulars(standard, new.declared, new.lane, new.supplier, new.plate, new.note)
        load, is_new = parts.loads.open(session, load_id, about, actor=actor_of(request))
        return load_answer(session, parts, load, 201 if is_new else 200)

    answer = change(request, new, key, work)
    parts.grader.wake(unquote(answer.headers["Location"].rpartition("/")[2]))
    return answer


@router.get("/loads", response_model=None, responses=answers() | shaped(LoadPage))
def list_loads(
    request: Request,
    *,
    status: State | None = None,
    lane: str | None = None,
    supplier: str | None = None,
    plate: str | None = None,
    q: Annotated[str | None, Query(description="one word of the id, plate, supplier or note")] = None,
    cursor: Annotated[str | None, Query(max_length=400, description="next_cursor of the page before")] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> dict[str, Any]:
    """Loads, newest first, a page at a time."""
    with parts_of(request).loads.reading() as session:
        page = lists.page(session, Filter(status, lane, supplier, plate, q), cursor, limit)
        return {"loads": [summary(load) for load in page.loads], "next_cursor": page.next_cursor}


@router.get("/loads/{load_id}", responses=answers(404) | shaped(LoadShown))
def get_load(request: Request, load_id: str) -> Response:
    """One load, with the hazards seen so far."""
    parts = parts_of(request)
    with parts.loads.reading() as session:
        return tagged(request, described(session, parts, loads.find(session, load_id)))


@router.patch("/loads/{load_id}", responses=answers(404, 409, 412))
def amend_load(
    request: Request, load_id: str, amendment: Amendment, key: OnceKey = None, if_match: IfMatch = None
) -> Response:
    """Correct what was declared, until the load is settled. Another declared grade makes the next assessment, and a
    person has to look at it. What is named and is so already changes nothing."""
    parts = parts_of(request)
    correct = amendment.model_dump(exclude_unset=True, exclude={"reason"})

    def work(session: Session) -> Answer:
        load = matched(session, parts, load_id, if_match)
        actor, clock = actor_of(request), parts.settings.time_zone
        parts.loads.amend(session, load, correct, actor=actor, reason=amendment.reason, clock=clock)
        return load_answer(session, parts, load)

    return change(request, amendment, key, work)


@router.get("/loads/{load_id}/transitions", responses=answers(404))
def get_transitions(request: Request, load_id: str) -> dict[str, Any]:
    """The life of a load so far: every step with who did it and why, but for reasons that are withheld."""
    with parts_of(request).loads.reading() as session:
        loads.find(session, load_id)
        steps = loads.transitions(session, load_id)
        why = why_withheld(session, request, load_id)
    names = ("event", "source", "target", "actor", "reason", "at")
    shown = [{name: getattr(step, name) for name in names} for step in steps]
    if why is not None:
        shown = [step | ({"reason": why} if step["event"] in _TELL_OPINIONS else {}) for step in shown]
    return {"transitions": shown}


@router.put(
    "/loads/{load_id}/weights/{kind}",
    status_code=201,
    responses=answers(404, 409, 412) | {200: {"description": "exactly this is known already"}},
)
def put_weight(request: Request, load_id: str, kind: Kind, weighing: Weighing, if_match: IfMatch = None) -> Response:
    """Record a weighing; the newest of a kind counts. A graded load is assessed anew as its next version."""
    parts = parts_of(request)
    with parts.loads.writing() as session:
        load = matched(session, parts, load_id, if_match)
        if weighing.kg is not None:
            weighed = Weighed(weighing.kg, weighing.division)
        else:
            weighed = readings.weighed_by(readings.find(session, str(weighing.reading)))
        is_new = parts.loads.weigh(session, load, kind, weighed, actor=actor_of(request))
        answer = load_answer(session, parts, load, 201 if is_new else 200)
    return JSONResponse(answer.body, answer.status, answer.headers)


@router.post("/loads/{load_id}/cancel", responses=answers(404, 409, 412))
def cancel_load(
    request: Request, load_id: str, because: Because, key: OnceKey = None, if_match: IfMatch = None
) -> Response:
    """Give a load up: its truck was never unloaded, or its load was refused."""
    parts = parts_of(request)

    def work(session: Session) -> Answer:
        load = matched(session, parts, load_id, if_match)
        loads.move(session, load, "cancel", actor=actor_of(request), reason=because.reason)
        load.closed_at = load.closed_at or now()
        return load_answer(session, parts, load)

    return change(request, because, key, work)


@router.post("/loads/{load_id}/reopen", responses=answers(404, 409, 412))
def reopen_load(
    request: Request, load_id: str, because: Because, key: OnceKey = None, if_match: IfMatch = None
) -> Response:
    """Take a load up again: it takes frames and has to be closed, and looked at by a person, once more."""
    parts = parts_of(request)

    def work(session: Session) -> Answer:
        load = matched(session, parts, load_id, if_match)
        if let_go_of(session, load_id, "frames"):
            # It would fail to be graded for ever, and what was settled of it would count no more.
            raise ConflictError(
                f"load {load_id} cannot be watched again: its frames were let go, as the settings of this site say; "
                "open a new load for what is to be seen"
            )
        loads.reopen(session, load, lead_s=parts.loads.lead_s, actor=actor_of(request), reason=because.reason)
        return load_answer(session, parts, load)

    answer = change(request, because, key, work)
    parts.grader.wake(load_id)
    return answer


def matched(session: Session, parts: Parts, load_id: str, if_match: str | None) -> Load:
    """The load that is to be changed, if it is what the caller has seen. Raises UnknownLoadError, ChangedError."""
    load = loads.find(session, load_id)
    if if_match is not None:
        check_match(if_match, described(session, parts, load))
    return load


def load_answer(session: Session, parts: Parts, load: Load, status: int = 200) -> Answer:
    """A load as the answer to a change of it."""
    session.flush()
    body = described(session, parts, load)
    return Answer(status, body, {"ETag": tag_of(canonical_json(body)), "Location": place_of(load.id)})


def place_of(load_id: str) -> str:
    """The path of a load; its id may be of any script, and a header and a link hold ASCII alone."""
    return f"/v1/loads/{quote(load_id, safe='')}"


def summary(load: Load) -> dict[str, Any]:
    """What a list shows of a load."""
    names = ("id", "status", "lane", "supplier", "plate", "note", "declared", "standard", "created_at", "closed_at")
    return {name: getattr(load, name) for name in names}


def described(session: Session, parts: Parts, load: Load) -> dict[str, Any]:
    """All that is known of a load now."""
    progress = parts.grader.progress(session, load)
    weights = weighings(session, load.id)
    newest = assessments.newest(session, load.id)
    return {
        **summary(load),
        "weights": {kind: {"kg": known.kg, "division": known.division} for kind, known in weights.items()},
        "frames": {"stored": frames.count(session, load.id), "watched": progress.watched},
        "layers_so_far": progress.layers,
        "hazards": _hazards(session, load),
        "flags": [{"code": flag.code, "level": flag.level, "why": flag.why} for flag in loads.flags(session, load.id)],
        "assessment_version": newest and newest.version,
        "problem": load.failure or progress.trouble,
    }


def _hazards(session: Session, load: Load) -> list[dict[str, Any]]:
    """The hazards of the assessment where there is one, else those seen so far."""
    if assessments.newest(session, load.id) is not None:
        assessed: list[dict[str, Any]] = assessments.report(session, load.id)["truck"]["hazards"]
        return assessed
    return [hazards.described(hazard) for hazard in hazards.of_load(session, load.id)]
