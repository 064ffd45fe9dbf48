"""A manager keeps the standards: edits a copy, sees what it would change, saves it, lets it hold from a moment on."""

from decimal import Decimal
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from loadlens.grading.price_table import PriceTableError, with_prices
from loadlens.grading.standard import Standard, StandardError, parse_standard
from loadlens.grading.standard_check import check_standard
from loadlens.serving.api.parts import actor_of, parts_of
from loadlens.serving.api.problems import answers
from loadlens.serving.api.settings_shapes import (
    ActivationShown,
    EditionList,
    EditionShown,
    StandardCheck,
    StandardComparison,
    StandardText,
)
from loadlens.serving.api.shapes import shaped
from loadlens.serving.load_errors import UnacceptableError
from loadlens.serving.records import comparison, standards
from loadlens.serving.store.settings_tables import StandardActivation, StandardEdition

router = APIRouter(tags=["standards"])

_LONGEST = 500_000
Text = Annotated[str, Field(min_length=1, max_length=_LONGEST)]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
StandardId = Annotated[str, Field(min_length=1, max_length=100)]
Price = Annotated[Decimal, Field(ge=0, max_digits=12, decimal_places=4)]


class StandardFile(BaseModel):
    """The text of a standard's file."""

    model_config = ConfigDict(extra="forbid")

    text: Text


class PriceTable(StandardFile):
    """Prices per tonne by grade for a file, which becomes another version."""

    version: Annotated[str, Field(pattern=r"^[\w.+\-]{1,32}$")]
    prices: Annotated[dict[str, Price], Field(max_length=1000)]


class Comparison(StandardFile):
    """A file against past loads: the newest `limit` that are graded by the standard `instead_of`."""

    instead_of: StandardId
    limit: Annotated[int, Field(ge=1, le=1000)] = 200


class NewActivation(BaseModel):
    """From `since` on (null: now) arriving loads of `standard` are graded by the edition `sha256`; null: as shipped or
    set. `is_default`: so are loads that name no standard."""

    model_config = ConfigDict(extra="forbid")

    standard: StandardId
    sha256: Sha256 | None = None
    since: AwareDatetime | None = None
    is_default: bool = False
    reason: Annotated[str, Field(min_length=1, max_length=1000)]


@router.get("/standards/editions", response_model=None, responses=answers() | shaped(EditionList))
def list_editions(request: Request) -> dict[str, Any]:
    """Every edition of a standard that was saved here and every activation, newest first."""
    with parts_of(request).loads.reading() as session:
        return {
            "editions": [_edition(one) for one in standards.editions(session)],
            "activations": [_activation(one) for one in standards.activations(session)],
        }


@router.get("/standards/files/{sha256}", response_model=None, responses=answers(404) | shaped(StandardText))
def get_standard_file(request: Request, sha256: Annotated[str, Path(pattern=r"^[0-9a-f]{64}$")]) -> dict[str, Any]:
    """The file of a standard that is shipped, set or saved, as text."""
    parts = parts_of(request)
    with parts.loads.reading() as session:
        _, data = parts.loads.standards.edition(session, sha256)
    return {"text": data.decode("utf-8")}


@router.post("/standards/check", response_model=None, responses=answers() | shaped(StandardCheck))
def check_file(given: StandardFile) -> dict[str, Any]:
    """Every fault of a file with its line and what to do, or what the file says; nothing is kept."""
    faults = check_standard(given.text)
    names = ("line", "where", "problem", "remedy")
    return {
        "faults": [{name: getattr(fault, name) for name in names} for fault in faults],
        "file": None if faults else _file(_standard(given.text)),
    }


@router.post("/standards/prices", response_model=None, responses=answers() | shaped(StandardText))
def put_prices(given: PriceTable) -> dict[str, Any]:
    """A file with other prices and another version, all else as it was; nothing is kept."""
    _standard(given.text)
    try:
        return {"text": with_prices(given.text, given.prices, given.version)}
    except PriceTableError as error:
        raise UnacceptableError(str(error)) from None


@router.post("/standards/comparison", response_model=None, responses=answers() | shaped(StandardComparison))
def compare_standard(request: Request, given: Comparison) -> dict[str, Any]:
    """Which past loads a file would have judged otherwise; nothing is kept."""
    parts, other = parts_of(request), _standard(given.text)
    with parts.loads.reading() as session:
        found = list(
            comparison.past_loads(session, parts.loads.standards, other, instead_of=given.instead_of, limit=given.limit)
        )
    return {
        "compared": len(found),
        "changed": [
            {
                "load": one.load.id,
                "created_at": one.load.created_at,
                "before": one.before,
                "after": one.after,
                "why": one.why,
            }
            for one in found
            if one.is_changed
        ],
    }


@router.post("/standards", status_code=201, response_model=None, responses=answers(409) | shaped(EditionShown, 201))
def save_standard(request: Request, given: StandardFile) -> dict[str, Any]:
    """Keep a file without a fault as an edition; it decides nothing until it is activated."""
    parts = parts_of(request)
    with parts.loads.writing() as session:
        return _edition(parts.loads.standards.save(session, given.text.encode(), actor=actor_of(request)))


@router.post(
    "/standards/activations",
    status_code=201,
    response_model=None,
    responses=answers(404) | shaped(ActivationShown, 201),
)
def activate_standard(request: Request, given: NewActivation) -> dict[str, Any]:
    """Let an edition hold for loads that arrive from a moment on; those that came before keep their standard."""
    parts = parts_of(request)
    with parts.loads.writing() as session:
        activation = parts.loads.standards.activate(
            session,
            given.standard,
            given.sha256,
            since=given.since,
            is_default=given.is_default,
            reason=given.reason,
            actor=actor_of(request),
        )
        session.flush()
        return _activation(activation)


def _standard(text: str) -> Standard:
    try:
        return parse_standard(text.encode(), name="the standard")
    except StandardError as error:
        raise UnacceptableError(str(error)) from None


def _file(standard: Standard) -> dict[str, Any]:
    return {
        "id": standard.id,
        "version": standard.version,
        "title": {"en": standard.title_en, "zh": standard.title_zh},
        "sha256": standard.sha256,
        "currency": standard.rules.currency,
        "prices": [
            {
                "code": grade.code,
                "name": {"en": grade.name_en, "zh": grade.name_zh},
                "price_per_tonne": None if grade.price_per_tonne is None else f"{grade.price_per_tonne:f}",
            }
            for grade in standard.grades
        ],
    }


def _edition(edition: StandardEdition) -> dict[str, Any]:
    return {name: getattr(edition, name) for name in EditionShown.model_fields}


def _activation(activation: StandardActivation) -> dict[str, Any]:
    return {name: getattr(activation, name) for name in ActivationShown.model_fields}
