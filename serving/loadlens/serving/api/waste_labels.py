"""Labels of waste: a new container with its label, the label as a file, reprints, voids; scanning, and moving by it."""

import hashlib
from collections.abc import Sequence
from dataclasses import asdict
from datetime import date
from decimal import Decimal
from typing import Annotated, Any, Literal
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import BaseModel, ConfigDict, Field, model_validator
from sqlalchemy.orm import Session

from loadlens.grading.quantity import Mass
from loadlens.serving.api.loads import Because
from loadlens.serving.api.once import Answer, OnceKey, change
from loadlens.serving.api.parts import Parts, actor_of, parts_of
from loadlens.serving.api.problems import answers
from loadlens.serving.api.shapes import shaped
from loadlens.serving.api.waste import described_answers
from loadlens.serving.api.waste_label_shapes import LabelShown, NewestLabel, ProducerList, ScannedShown, WasteClassList
from loadlens.serving.api.waste_shapes import Entered
from loadlens.serving.load_errors import ConflictError, UnacceptableError
from loadlens.serving.moment import MomentWithOffset
from loadlens.serving.records import waste, waste_labels, waste_scans
from loadlens.serving.records.waste_labels import LabelOnRecord
from loadlens.serving.store import journal
from loadlens.serving.waste_forms import Id, Identity, Name, NewContainer, NewEntry, NewPosting, Place
from loadlens.waste.classes import waste_classes
from loadlens.waste.codes import CodeError, WasteCode, code_list
from loadlens.waste.drawing import AnyLabel, draw
from loadlens.waste.identity import Identity as IdentityParts
from loadlens.waste.identity import IdentityError, parse_identity, scheme_for
from loadlens.waste.label import Label, LabelError, State, edition_doubts
from loadlens.waste.ledger import MOST_GRAMS, PRODUCTION, Posting, move, repack
from loadlens.waste.plain_label import PlainLabel
from loadlens.waste.seal import Sealed, seal

router = APIRouter(prefix="/waste", tags=["waste"])
# What a label's QR code leads to, also on a phone without our software.
page = APIRouter(include_in_schema=False)

Kind = Literal["pdf", "png", "zpl"]
_MEDIA = {"pdf": "application/pdf", "png": "image/png", "zpl": "application/zpl"}
_FILE: dict[int | str, dict[str, Any]] = {200: {"content": {media: {} for media in _MEDIA.values()}}}
_PNG: dict[int | str, dict[str, Any]] = {200: {"content": {"image/png": {}}}}
_Text = Annotated[str, Field(max_length=200)]
_LAST_SERIAL = 999


class NewLabel(BaseModel):
    """A container that is filled now, and what its label says; whoever sends it confirms the code.

    What is said of state, components, hazards and precautions stands on labels of hazardous waste alone. `filled_from`:
    grams out of containers that stand at `place`, where it was filled from them; else its waste was produced.
    """

    model_config = ConfigDict(extra="forbid")

    unit: Annotated[str, Field(max_length=18)]
    list: Annotated[str, Field(max_length=32)]
    code: Annotated[str, Field(max_length=16)]
    name: Name
    grams: Annotated[int, Field(gt=0, lt=MOST_GRAMS)]
    litres: Annotated[Decimal, Field(gt=0, max_digits=9, decimal_places=1, allow_inf_nan=False)]
    place: Place
    at: MomentWithOffset
    produced_on: date
    state: State | None = None
    main_components: _Text = ""
    harmful_components: _Text = ""
    hazards: Annotated[Sequence[str], Field(max_length=5)] = ()
    precautions: _Text = ""
    remark: _Text = ""
    identification: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] | None = None
    filled_from: Annotated[dict[Identity, Annotated[int, Field(gt=0, lt=MOST_GRAMS)]], Field(max_length=99)] = {}

    @model_validator(mode="after")
    def _adds_up(self) -> "NewLabel":
        if self.filled_from and (total := sum(self.filled_from.values())) != self.grams:
            raise ValueError(f"filled_from adds up to {total} g, and grams says {self.grams}; they must agree")
        return self

    def postings(self, identity: str) -> tuple[Posting, ...]:
        """Where its mass comes from and where it stands now."""
        if self.filled_from:
            return repack(self.place, self.filled_from, {identity: self.grams})
        return move(identity, self.grams, PRODUCTION, self.place)

    def text(self) -> dict[str, Any]:
        """What the label says, as it is kept."""
        left_out = {"place", "at", "identification", "filled_from"}
        return self.model_dump(mode="json", exclude=left_out) | {"litres": f"{self.litres.normalize():f}"}


class Printing(BaseModel):
    """What is printed, and why once more."""

    model_config = ConfigDict(extra="forbid")

    kind: Kind
    reason: Annotated[str, Field(max_length=500)] = ""


class ScannedCode(BaseModel):
    """What a scanner read off a label, or the identification code that a person typed."""

    model_config = ConfigDict(extra="forbid")

    code: Annotated[str, Field(min_length=1, max_length=500)]


class NewMove(ScannedCode):
    """All of a container is moved to `place`; `id` is made where it is scanned, so that it can be sent again."""

    id: Id
    place: Place
    at: MomentWithOffset


@router.get("/producers", response_model=None, responses=answers() | shaped(ProducerList))
def list_producers(request: Request) -> dict[str, Any]:
    """The plants whose waste is labelled here, as the settings have them."""
    return {"producers": [one.model_dump() for one in parts_of(request).settings.producers]}


@router.get("/classes", response_model=None, responses=answers() | shaped(WasteClassList))
def list_waste_classes() -> dict[str, Any]:
    """What a photo of waste can show, and what people call it."""
    return {
        "classes": [
            {"id": one.id, "name": {"en": one.name_en, "zh": one.name_zh}, "looks_like": one.looks_like}
            for one in waste_classes().values()
        ]
    }


@router.get("/labels/newest", response_model=None, responses=answers() | shaped(NewestLabel))
def get_newest_label(request: Request, list_id: Annotated[str, Query(alias="list")], code: str) -> dict[str, Any]:
    """What stood on the newest label under a code; null where there was none."""
    with parts_of(request).loads.reading() as session:
        return {"text": waste_labels.newest_text(session, list_id, code)}


@router.post("/labels", status_code=201, response_model=None, responses=answers(409) | shaped(LabelShown, 201))
def add_label(request: Request, new: NewLabel, key: OnceKey = None) -> Response:
    """Register a container under a new identity, enter what fills it, and keep its label: all of it or nothing."""
    parts, actor = parts_of(request), actor_of(request)
    _host(parts)
    entry, text = _entry_of(new.list, new.code), new.text()
    try:
        # Whether the text fits is known before anything is kept; every serial number is as long as this one.
        identity = IdentityParts(new.unit, entry.code, new.produced_on, _LAST_SERIAL)
        draw(_label(parts, scheme_for(entry.list_id).compose(identity), text, actor), "https://x/w/x", "png")
    except (IdentityError, LabelError) as error:
        raise UnacceptableError(str(error)) from None

    def work(session: Session) -> Answer:
        identity = waste_labels.next_identity(session, new.unit, entry, new.produced_on)
        form = NewContainer(identity=identity, list=new.list, code=new.code, name=new.name, litres=new.litres)
        waste.register(session, form.container(actor), identification=new.identification)
        waste_scans.check_place(session, new.place)
        made = NewEntry(
            id=_entry_id(identity),
            stage="repacked" if new.filled_from else "produced",
            at=new.at,
            postings=[NewPosting(**asdict(one)) for one in new.postings(identity)],
        )
        # A label is of what is there: it does not wait for what may come.
        if why := waste.post(session, [made.entry(actor)]).waiting.get(made.id):
            raise ConflictError(f"the container cannot be filled: {why}")
        waste_labels.make(session, identity, text, actor)
        return Answer(201, _shown(identity, waste_labels.find(session, identity)))

    return change(request, new, key, work)


@router.get("/containers/{identity}/label", response_model=None, responses=answers(404) | shaped(LabelShown))
def get_label(request: Request, identity: str) -> dict[str, Any]:
    """What stands on a container's label, its prints, and whether it is void."""
    with parts_of(request).loads.reading() as session:
        return _shown(identity, waste_labels.find(session, identity))


@router.get("/containers/{identity}/label.png", response_class=Response, responses=answers(404) | _PNG)
def get_label_png(request: Request, identity: str) -> Response:
    """The label to look at. Whoever prints it says so by the route for that."""
    parts = parts_of(request)
    with parts.loads.reading() as session:
        data = _draw(parts, session, identity, "png")
    return Response(data, media_type=_MEDIA["png"])


@router.post("/containers/{identity}/label/prints", response_class=Response, responses=answers(404, 409) | _FILE)
def print_label(request: Request, identity: str, given: Printing) -> Response:
    """The label as a file to print; that it was printed is recorded, and from the second time on why."""
    parts = parts_of(request)
    with parts.loads.reading() as session:
        data = _draw(parts, session, identity, given.kind)
    with parts.loads.writing() as session:
        digest = hashlib.sha256(data).hexdigest()
        waste_labels.record_print(
            session, identity, kind=given.kind, sha256=digest, reason=given.reason, actor=actor_of(request)
        )
    headers = {"Content-Disposition": f'attachment; filename="{identity}.{given.kind}"'}
    return Response(data, media_type=_MEDIA[given.kind], headers=headers)


@router.post("/containers/{identity}/label/void", response_model=None, responses=answers(404) | shaped(LabelShown))
def void_label(request: Request, identity: str, because: Because) -> dict[str, Any]:
    """Declare a label void: whoever scans it from then on is told why."""
    with parts_of(request).loads.writing() as session:
        waste_labels.void(session, identity, reason=because.reason, actor=actor_of(request))
        return _shown(identity, waste_labels.find(session, identity))


@router.post("/scan", response_model=None, responses=answers() | shaped(ScannedShown))
def scan_label(request: Request, scanned: ScannedCode) -> dict[str, Any]:
    """Whose code this is; 422 with the reason where it is forged, altered, void or of no container here."""
    with parts_of(request).loads.reading() as session:
        found = waste_scans.scan(session, scanned.code)
        return {
            "identity": found.container.identity,
            "signed": found.sealed is not None,
            "labelled_grams": None if found.sealed is None else int(found.sealed.mass.kg * 1000),
            "list": found.container.list_id,
            "code": found.container.code,
            "name": found.container.name,
            "grams": waste.whereabouts(session, found.container.identity),
        }


@router.post("/moves", response_model=None, responses=answers(404, 409) | shaped(Entered))
def move_container(request: Request, new: NewMove, key: OnceKey = None) -> Response:
    """Move all of a scanned container, from wherever the ledger has it. 409 where it was moved after `at`."""

    def work(session: Session) -> Answer:
        actor = actor_of(request)
        done = waste_scans.move_scanned(session, new.code, entry_id=new.id, place=new.place, at=new.at, actor=actor)
        return Answer(200, described_answers(done))

    return change(request, new, key, work)


@page.get("/w/{identity}", response_class=RedirectResponse, status_code=307)
def open_label(request: Request, identity: str) -> RedirectResponse:
    """What a label's link leads to: the console, which asks whether it can be trusted."""
    query = request.url.query
    code = f"/w/{identity}" + (f"?{query}" if query else "")
    # A path alone: whatever host the request names, it leads nowhere else.
    return RedirectResponse(f"/console/waste/scan?{urlencode({'code': code})}", 307)


def _entry_of(list_id: str, code: str) -> WasteCode:
    try:
        return code_list(list_id).find(code)
    except CodeError as error:
        raise UnacceptableError(str(error)) from None


def _entry_id(identity: str) -> str:
    """The id of the entry by which a container was filled; an identity may hold signs that ids may not."""
    return f"new.{hashlib.sha256(identity.encode()).hexdigest()[:32]}"


def _host(parts: Parts) -> str:
    url = parts.settings.public_url
    if url is None:
        raise UnacceptableError("labels lead to this server: the setting public_url has to say by which address")
    return url.partition("://")[2]


def _label(parts: Parts, identity: str, text: dict[str, Any], confirmed_by: str) -> AnyLabel:
    """The label of a text. Raises LabelError, IdentityError."""
    entry = code_list(text["list"]).find(text["code"])
    unit = parse_identity(identity)[1].unit
    producer = next((one.producer() for one in parts.settings.producers if one.unit == unit), None)
    if producer is None:
        raise LabelError(f"the setting producers has no plant with the unit {unit}; put it there")
    common: dict[str, Any] = {
        "identity": identity,
        "name": text["name"],
        "code": entry,
        "producer": producer,
        "produced_on": date.fromisoformat(text["produced_on"]),
        "mass": Mass(Decimal(text["grams"]) / 1000),
        "litres": float(Decimal(text["litres"])),
        "confirmed_by": confirmed_by,
        "remark": text["remark"],
    }
    if entry.hazardous is not True:
        return PlainLabel(**common)
    if text["state"] is None:
        raise LabelError("state is missing; a label of hazardous waste says whether it is solid, liquid or gas")
    more = ("state", "main_components", "harmful_components", "precautions")
    return Label(**common, **{name: text[name] for name in more}, hazards=tuple(text["hazards"]))


def _draw(parts: Parts, session: Session, identity: str, kind: Kind) -> bytes:
    """The label of a container as a file, sealed with the key in force."""
    text = dict(waste_labels.find(session, identity).text)
    container = waste.find(session, identity)
    try:
        label = _label(parts, identity, text, container.actor)
        sealed = Sealed(identity, container.list_id, container.edition, label.mass)
        link = seal(sealed, lambda message: bytes.fromhex(journal.sign(session, message)), _host(parts))
        return draw(label, link, kind)
    except (CodeError, LabelError) as error:
        raise UnacceptableError(str(error)) from None


def _shown(identity: str, found: LabelOnRecord) -> dict[str, Any]:
    """A label as it is on record: of a plant or a code too that this server does not have any more."""
    text = dict(found.text)
    try:
        entry = code_list(text["list"]).find(text["code"])
        doubts = edition_doubts(entry, date.fromisoformat(text["produced_on"]))
    except CodeError as error:
        doubts = (str(error),)
    return {
        "identity": identity,
        "text": text,
        "doubts": list(doubts),
        "prints": found.prints,
        "void": found.void,
    }
