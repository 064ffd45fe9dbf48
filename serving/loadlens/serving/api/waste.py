"""Waste: codes, containers, and the ledger with its balances."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from loadlens.serving.api.loads import Because
from loadlens.serving.api.parts import actor_of, parts_of
from loadlens.serving.api.problems import answers
from loadlens.serving.load_errors import UnacceptableError
from loadlens.serving.records import waste
from loadlens.serving.waste_forms import Id, NewContainer, NewEntry
from loadlens.waste.codes import CodeError, WasteCode, code_list
from loadlens.waste.ledger import Entry
from loadlens.waste.search import search

router = APIRouter(prefix="/waste", tags=["waste"])

_MOST_ENTRIES = 500


class Entries(BaseModel):
    """Entries in any order, such as a phone made without a network."""

    model_config = ConfigDict(extra="forbid")

    entries: Annotated[list[NewEntry], Field(min_length=1, max_length=_MOST_ENTRIES)]


class Correction(Because):
    """The id of the counter-entry, and why."""

    id: Id


class ConfirmedContainer(NewContainer):
    """A container; `identification` is what `POST /v1/waste/identify` called its answer about a photo of the waste."""

    identification: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] | None = None


@router.get("/codes", responses=answers(404))
def find_codes(
    q: Annotated[str, Query(min_length=1, max_length=100)], list_id: Annotated[str | None, Query(alias="list")] = None
) -> dict[str, Any]:
    """Codes by digits, Chinese, pinyin, initials or English, with list, edition and whether they were checked."""
    try:
        lists = None if list_id is None else [code_list(list_id).id]
    except CodeError as error:
        raise UnacceptableError(str(error)) from None
    return {"codes": [_code(entry) for entry in search(q, lists)]}


@router.post(
    "/containers",
    status_code=201,
    responses=answers(409) | {200: {"description": "exactly this container is known already"}},
)
def add_container(request: Request, response: Response, new: ConfirmedContainer) -> dict[str, Any]:
    """Register a container under a confirmed code."""
    container = new.container(actor_of(request))
    with parts_of(request).loads.writing() as session:
        response.status_code = 201 if waste.register(session, container, identification=new.identification) else 200
    return {"identity": new.identity, "code": _code(code_list(container.list_id).find(container.code))}


@router.get("/containers/{identity}", responses=answers(404))
def get_container(request: Request, identity: str) -> dict[str, Any]:
    """A container: what it holds, where it is (grams by place), and every entry that touched it."""
    with parts_of(request).loads.reading() as session:
        found = waste.find(session, identity)
        return {
            "identity": found.identity,
            "list": found.list_id,
            "edition": found.edition,
            "code": found.code,
            "name": found.name,
            "litres": found.litres,
            "registered_at": found.at,
            "confirmed_by": found.actor,
            "identification": waste.identification_behind(session, identity),
            "grams": waste.whereabouts(session, identity),
            "history": [_described(entry) for entry in waste.history(session, identity)],
        }


@router.post("/entries", responses=answers(409))
def add_entries(request: Request, sent: Entries) -> dict[str, Any]:
    """Enter what was done; entries that were sent before are known, those that lack something wait and say for what."""
    actor = actor_of(request)
    made = [new.entry(actor) for new in sent.entries]
    with parts_of(request).loads.writing() as session:
        return _answered(waste.post(session, made))


@router.post("/entries/{entry_id}/correction", status_code=201, responses=answers(404, 409))
def correct_entry(request: Request, entry_id: str, correction: Correction) -> dict[str, Any]:
    """Take an entry back by a counter-entry with a reason."""
    with parts_of(request).loads.writing() as session:
        done = waste.take_back(
            session, entry_id, new_id=correction.id, actor=actor_of(request), reason=correction.reason
        )
    return _answered(done)


@router.post("/entries/{entry_id}/withdrawal", responses=answers(404, 409))
def withdraw_entry(request: Request, entry_id: str, because: Because) -> dict[str, Any]:
    """Let an entry that waits wait no longer: what it needs will never come. The journal keeps it, with the reason."""
    with parts_of(request).loads.writing() as session:
        return _answered(waste.withdraw(session, entry_id, actor=actor_of(request), reason=because.reason))


@router.get("/entries", responses=answers())
def list_entries(
    request: Request, after: Annotated[int, Query(ge=0, lt=2**53)] = 0, limit: Annotated[int, Query(ge=1, le=500)] = 100
) -> dict[str, Any]:
    """The ledger in the order of acceptance; `next` is the `after` of the following page."""
    with parts_of(request).loads.reading() as session:
        found = waste.entries(session, after=after, limit=limit)
        return {
            "entries": [{"number": number, **_described(entry)} for number, entry in found],
            "next": found[-1][0] if len(found) == limit else None,
            "waiting": [
                {"why": row.why, "since": row.at, **_described(entry)} for row, entry in waste.waiting(session)
            ],
        }


@router.get("/stock", responses=answers())
def get_stock(request: Request, place: str | None = None, code: str | None = None) -> dict[str, Any]:
    """What is on site by place and code, in grams."""
    with parts_of(request).loads.reading() as session:
        rows = waste.stock(session, place=place, code=code)
    return {"stock": rows, "grams": sum(row["grams"] for row in rows)}


def _answered(done: waste.Answers) -> dict[str, Any]:
    return {
        "accepted": done.accepted,
        "known": done.known,
        "waiting": [{"id": id_, "why": why} for id_, why in done.waiting.items()],
        "withdrawn": [{"id": id_, "why": why} for id_, why in done.withdrawn.items()],
    }


def _code(entry: WasteCode) -> dict[str, Any]:
    return {
        "list": entry.list_id,
        "edition": entry.edition,
        "superseded_by": code_list(entry.list_id).superseded_by,
        "code": entry.code,
        "mark": entry.mark,
        "name": {"zh": entry.name_zh, "en": entry.name_en},
        "category": entry.category,
        "hazardous": entry.hazardous,
        "verified": entry.verified,
        "mirrors": list(entry.mirrors),
        "exemptions": [
            {"item": one.item, "stage": one.stage, "condition": one.condition, "effect": one.effect}
            for one in entry.exemptions
        ],
    }


def _described(entry: Entry) -> dict[str, Any]:
    return {
        "id": entry.id,
        "stage": entry.stage,
        "at": entry.at.isoformat(),
        "actor": entry.actor,
        "batch": entry.batch,
        "reason": entry.reason,
        "takes_back": entry.takes_back,
        "particulars": dict(entry.particulars),
        "postings": [{"container": one.container, "place": one.place, "grams": one.grams} for one in entry.postings],
    }
