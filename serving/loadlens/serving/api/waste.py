"""Waste: codes, containers, and the ledger with its balances."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from loadlens.serving.api.loads import Because
from loadlens.serving.api.parts import actor_of, parts_of
from loadlens.serving.api.problems import answers
from loadlens.serving.api.shapes import shaped
from loadlens.serving.api.waste_balance_shapes import BalancesShown
from loadlens.serving.api.waste_shapes import (
    CodesFound,
    ContainerShown,
    Entered,
    EntryPage,
    Registered,
    StandingPage,
    StockShown,
)
from loadlens.serving.load_errors import UnacceptableError
from loadlens.serving.records import waste, waste_entries
from loadlens.serving.records.waste_events import described
from loadlens.serving.records.waste_standing import standing
from loadlens.serving.waste_forms import Id, NewContainer, NewEntry
from loadlens.waste.codes import CodeError, WasteCode, code_list
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


@router.get("/codes", response_model=None, responses=answers(404) | shaped(CodesFound))
def find_codes(
    q: Annotated[str, Query(min_length=1, max_length=100)], list_id: Annotated[str | None, Query(alias="list")] = None
) -> dict[str, Any]:
    """Codes by digits, Chinese, pinyin, initials or English, with list, edition and whether they were checked.

    A whole code of the list that is named is that code alone.
    """
    try:
        wanted = None if list_id is None else code_list(list_id)
    except CodeError as error:
        raise UnacceptableError(str(error)) from None
    if wanted is not None and q in wanted.codes:
        return {"codes": [_code(wanted.codes[q])]}
    return {"codes": [_code(entry) for entry in search(q, None if wanted is None else [wanted.id])]}


@router.post(
    "/containers",
    status_code=201,
    response_model=None,
    responses=answers(409)
    | shaped(Registered, 201)
    | {200: {"description": "exactly this container is known already", "model": Registered}},
)
def add_container(request: Request, response: Response, new: ConfirmedContainer) -> dict[str, Any]:
    """Register a container under a confirmed code."""
    container = new.container(actor_of(request))
    with parts_of(request).loads.writing() as session:
        response.status_code = 201 if waste.register(session, container, identification=new.identification) else 200
    return {"identity": new.identity, "code": _code(code_list(container.list_id).find(container.code))}


@router.get("/containers/{identity}", response_model=None, responses=answers(404) | shaped(ContainerShown))
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
            "history": [described(entry) for entry in waste_entries.history(session, identity)],
        }


@router.post("/entries", response_model=None, responses=answers(409) | shaped(Entered))
def add_entries(request: Request, sent: Entries) -> dict[str, Any]:
    """Enter what was done; entries that were sent before are known, those that lack something wait and say for what."""
    actor = actor_of(request)
    made = [new.entry(actor) for new in sent.entries]
    with parts_of(request).loads.writing() as session:
        return described_answers(waste.post(session, made))


@router.post(
    "/entries/{entry_id}/correction",
    status_code=201,
    response_model=None,
    responses=answers(404, 409) | shaped(Entered, 201),
)
def correct_entry(request: Request, entry_id: str, correction: Correction) -> dict[str, Any]:
    """Take an entry back by a counter-entry with a reason."""
    with parts_of(request).loads.writing() as session:
        done = waste.take_back(
            session, entry_id, new_id=correction.id, actor=actor_of(request), reason=correction.reason
        )
    return described_answers(done)


@router.post("/entries/{entry_id}/withdrawal", response_model=None, responses=answers(404, 409) | shaped(Entered))
def withdraw_entry(request: Request, entry_id: str, because: Because) -> dict[str, Any]:
    """Let an entry that waits wait no longer: what it needs will never come. The journal keeps it, with the reason."""
    with parts_of(request).loads.writing() as session:
        return described_answers(waste.withdraw(session, entry_id, actor=actor_of(request), reason=because.reason))


@router.get("/entries", response_model=None, responses=answers() | shaped(EntryPage))
def list_entries(
    request: Request,
    *,
    order: Annotated[Literal["oldest", "newest"], Query(description="which is told first")] = "oldest",
    after: Annotated[int, Query(ge=0, lt=2**53)] = 0,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> dict[str, Any]:
    """The ledger in the order of acceptance, or against it; `next` is the `after` of the following page."""
    with parts_of(request).loads.reading() as session:
        found = waste_entries.entries(session, after=after, limit=limit, newest_first=order == "newest")
        return {
            "entries": [{"number": number, **described(entry)} for number, entry in found],
            "next": found[-1][0] if len(found) == limit else None,
            "waiting": [
                {"why": row.why, "since": row.at, **described(entry)} for row, entry in waste_entries.waiting(session)
            ],
        }


@router.get("/stock", response_model=None, responses=answers() | shaped(StockShown))
def get_stock(request: Request, place: str | None = None, code: str | None = None) -> dict[str, Any]:
    """What is on site by place and code, in grams."""
    with parts_of(request).loads.reading() as session:
        rows = waste.stock(session, place=place, code=code)
    for row in rows:
        row["name"] = _name(row["list_id"], row["code"])
    return {"stock": rows, "grams": sum(row["grams"] for row in rows)}


@router.get("/standing", response_model=None, responses=answers() | shaped(StandingPage))
def list_standing(
    request: Request,
    *,
    place: Annotated[str | None, Query(max_length=80)] = None,
    code: Annotated[str | None, Query(max_length=16)] = None,
    cursor: Annotated[str, Query(max_length=200, description="next_cursor of the page before")] = "",
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> dict[str, Any]:
    """What stands on site, container by container; `place` also means the zones of a room."""
    container, _, behind = cursor.partition(" ")
    with parts_of(request).loads.reading() as session:
        found = standing(session, place=place, code=code, after=(container, behind), limit=limit)
    last = found[-1] if len(found) == limit else None
    return {"standing": found, "next_cursor": last and f"{last['container']} {last['place']}"}


@router.get("/balances", response_model=None, responses=answers() | shaped(BalancesShown))
def get_balances(request: Request, unit: str | None = None, code: str | None = None) -> dict[str, Any]:
    """By plant (`unit`) and code, in grams: produced + weighing + repacked = treated + handed_over + stock."""
    with parts_of(request).loads.reading() as session:
        return {"balances": waste.balances(session, unit=unit, code=code)}


def described_answers(done: waste.Answers) -> dict[str, Any]:
    """What became of entries, as the API shows it."""
    return {
        "accepted": done.accepted,
        "known": done.known,
        "waiting": [{"id": id_, "why": why} for id_, why in done.waiting.items()],
        "withdrawn": [{"id": id_, "why": why} for id_, why in done.withdrawn.items()],
    }


def _name(list_id: str, code: str) -> dict[str, str]:
    """What a list calls a code; empty where this program no longer has it."""
    try:
        entry = code_list(list_id).find(code)
    except CodeError:
        return {"zh": "", "en": ""}
    return {"zh": entry.name_zh, "en": entry.name_en}


def _code(entry: WasteCode) -> dict[str, Any]:
    about = code_list(entry.list_id)
    return {
        "list": entry.list_id,
        "edition": entry.edition,
        "superseded_by": about.superseded_by,
        "superseded_on": about.superseded_on and about.superseded_on.isoformat(),
        "code": entry.code,
        "mark": entry.mark,
        "hazards": list(entry.hazards),
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
