"""Transfers of waste: manifests, the hand-overs of the three parties, the gate, what was refused."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from loadlens.serving.api.loads import Kilograms, Plate
from loadlens.serving.api.parts import actor_of, parts_of
from loadlens.serving.api.problems import answers
from loadlens.serving.api.shapes import shaped
from loadlens.serving.api.waste_shapes import ManifestList, ManifestShown
from loadlens.serving.load_errors import UnacceptableError
from loadlens.serving.moment import MomentWithOffset
from loadlens.serving.records import manifests
from loadlens.serving.records.manifests import Taken
from loadlens.serving.waste_forms import Id, Identity, Name, Place
from loadlens.waste.batches import BatchError, parse_batch
from loadlens.waste.ledger import MOST_GRAMS
from loadlens.waste.manifest import Line, Manifest, ManifestError, Step

router = APIRouter(prefix="/waste/manifests", tags=["waste"])

# The ledger's entries have the id of their manifest and a few letters more.
ManifestId = Annotated[str, Field(pattern=r"^\w[\w.\-]{0,55}$")]
Grams = Annotated[int, Field(gt=0, lt=MOST_GRAMS)]


class ManifestLine(BaseModel):
    """Grams of one container, and where they stand."""

    model_config = ConfigDict(extra="forbid")

    container: Identity
    place: Place
    grams: Grams


class NewManifest(BaseModel):
    """What is to go where, with whom and how; `permit` is the receiver's, `tolerance_kg` for weighings of all of it."""

    model_config = ConfigDict(extra="forbid")

    id: ManifestId
    sender: Name
    carrier: Name
    receiver: Name
    permit: Annotated[str, Field(max_length=200)]
    method: Name
    plate: Plate
    tolerance_kg: Kilograms
    lines: Annotated[list[ManifestLine], Field(min_length=1, max_length=50)]


class _Step(BaseModel):
    model_config = ConfigDict(extra="forbid")

    id: Id
    at: MomentWithOffset
    person: Annotated[str, Field(min_length=1, max_length=100)]

    def said(self) -> Mapping[str, Any]:
        """What the step says beside who took it when."""
        return self.model_dump(mode="json", exclude={"id", "at", "person", "kind"})


class Declare(_Step):
    """The manifest is declared."""

    kind: Literal["declare"]


class TakeEffect(_Step):
    """The manifest is in force; `number` is the one that it has with the authority."""

    kind: Literal["take_effect"]
    number: Annotated[str, Field(max_length=64)] = ""


class Sign(_Step):
    """A party hands over or takes over; `signature` is what its device gives, such as a drawing in base64."""

    kind: Literal["sign"]
    party: Literal["sender", "carrier"]
    signature: Annotated[str, Field(max_length=65536)] = ""


class Gate(_Step):
    """The truck at the gate: its plate, and the grams of waste on it."""

    kind: Literal["gate"]
    plate: Plate
    grams: Grams


class Receive(_Step):
    """The receiver: what he weighed of each container that he takes, and what he refuses."""

    kind: Literal["receive"]
    weighed: Annotated[dict[Identity, Grams], Field(max_length=50)] = {}
    refused: Annotated[list[Identity], Field(max_length=50)] = []
    why: Annotated[str, Field(max_length=500)] = ""
    batch: Annotated[str, Field(max_length=32)] = ""
    signature: Annotated[str, Field(max_length=65536)] = ""


class Return(_Step):
    """What was refused is here again, at `place`."""

    kind: Literal["return"]
    place: Place


class Cancel(_Step):
    """The manifest is given up before the truck has left."""

    kind: Literal["cancel"]
    reason: Annotated[str, Field(min_length=1, max_length=500)]


NewStep = Annotated[
    Declare | TakeEffect | Sign | Gate | Receive | Return | Cancel,
    Field(discriminator="kind"),
]


@router.post(
    "",
    status_code=201,
    response_model=None,
    responses=answers(404, 409)
    | shaped(ManifestShown, 201)
    | {200: {"description": "exactly this manifest is known already", "model": ManifestShown}},
)
def add_manifest(request: Request, response: Response, new: NewManifest) -> dict[str, Any]:
    """Make a manifest, as a draft."""
    lines = tuple(Line(line.container, line.place, line.grams) for line in new.lines)
    try:
        manifest = Manifest(**{**new.model_dump(exclude={"lines"}), "lines": lines})
    except ManifestError as error:
        raise UnacceptableError(str(error)) from None
    with parts_of(request).loads.writing() as session:
        response.status_code = 201 if manifests.add(session, manifest, actor=actor_of(request)) else 200
        return manifests.described(session, manifest)


@router.get("", response_model=None, responses=answers() | shaped(ManifestList))
def list_manifests(request: Request, limit: Annotated[int, Query(ge=1, le=200)] = 50) -> dict[str, Any]:
    """The newest manifests, newest first."""
    with parts_of(request).loads.reading() as session:
        return {"manifests": [manifests.described(session, one) for one in manifests.newest(session, limit)]}


@router.get("/{manifest_id}", response_model=None, responses=answers(404) | shaped(ManifestShown))
def get_manifest(request: Request, manifest_id: str) -> dict[str, Any]:
    """A manifest: what it says, where it stands, every step, and what is amiss."""
    with parts_of(request).loads.reading() as session:
        return manifests.described(session, manifests.find(session, manifest_id))


@router.post(
    "/{manifest_id}/steps",
    status_code=201,
    response_model=None,
    responses=answers(404, 409)
    | shaped(ManifestShown, 201)
    | {200: {"description": "exactly this step was taken already", "model": ManifestShown}},
)
def take_step(request: Request, response: Response, manifest_id: str, new: NewStep) -> dict[str, Any]:
    """Take the next step. A truck that may not leave is on record with every reason (`faults`), and stays."""
    step = Step(new.kind, new.at, new.person, new.said())
    batch = new.batch if isinstance(new, Receive) else ""
    try:
        if batch:
            parse_batch(batch)
    except BatchError as error:
        raise UnacceptableError(str(error)) from None
    place = new.place if isinstance(new, Return) else ""
    taken = Taken(new.id, step, actor_of(request), place, batch)
    with parts_of(request).loads.writing() as session:
        manifest = manifests.find(session, manifest_id)
        response.status_code = 201 if manifests.take(session, manifest, taken) else 200
        return manifests.described(session, manifest)
