"""A person decides on a load; and a load that everything is known of is settled."""

import json
from dataclasses import asdict
from decimal import Decimal
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field, model_validator
from sqlalchemy.orm import Session

from loadlens.serving import corrections
from loadlens.serving.api.loads import Kilograms, Reason, load_answer, matched
from loadlens.serving.api.once import Answer, OnceKey, change
from loadlens.serving.api.parts import Parts, actor_of, parts_of
from loadlens.serving.api.problems import answers
from loadlens.serving.api.queue_shapes import Preview
from loadlens.serving.api.shapes import LoadShown, ReviewList, shaped
from loadlens.serving.api.tags import IfMatch, tagged
from loadlens.serving.api.withheld import check_seen
from loadlens.serving.records import loads, previews, reviews, tickets
from loadlens.serving.store.tables import Load, Review

router = APIRouter(tags=["reviews"])

ClassId = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,63}$")]
Percent = Annotated[Decimal, Field(ge=0, le=100, max_digits=6, decimal_places=3, allow_inf_nan=False)]
Fraction = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
ZERO = Decimal(0)


class PickedItem(BaseModel):
    """A thing that was picked out of the load and weighed."""

    model_config = ConfigDict(extra="forbid")

    what: Annotated[str, Field(min_length=1, max_length=200)]
    kg: Kilograms


class DrawnRegion(BaseModel):
    """A part of a layer's key frame that a person names: a polygon or, with `radius`, a brush along a line. Points are
    x, y as shares of the frame's width and height, the radius is one of its width. What a later one covers is its."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    class_: ClassId = Field(alias="class", description="a form, a contaminant or `unknown`")
    points: Annotated[list[tuple[Fraction, Fraction]], Field(min_length=1, max_length=1000)]
    radius: Annotated[float, Field(gt=0, le=0.5, allow_inf_nan=False)] | None = None

    @model_validator(mode="after")
    def _fits(self) -> "DrawnRegion":
        if self.radius is None and len(self.points) < 3:
            raise ValueError("a polygon has three points or more")
        return self


class LayerCorrection(BaseModel):
    """What a person corrects in one layer: regions, then the share of its area that contaminants cover, then the grade
    of all its scrap."""

    model_config = ConfigDict(extra="forbid")

    layer: Annotated[int, Field(ge=0, lt=2**31)]
    regions: Annotated[list[DrawnRegion], Field(max_length=50)] = Field(default_factory=list)
    contaminants_percent: Annotated[dict[ClassId, Percent], Field(max_length=100)] = Field(default_factory=dict)
    grade: Annotated[str, Field(min_length=1, max_length=64)] | None = None


class Correction(BaseModel):
    """What a person has measured or seen. `contaminants_kg` stands in place of what was seen of these classes, `layers`
    in place of what was seen in these layers; all else is deducted beside it. A correction takes the place of the one
    before it as a whole."""

    model_config = ConfigDict(extra="forbid")

    contaminants_kg: Annotated[dict[ClassId, Kilograms], Field(max_length=100)] = Field(default_factory=dict)
    residue_kg: Kilograms = ZERO
    items: Annotated[list[PickedItem], Field(max_length=100)] = Field(default_factory=list)
    water_percent: Percent = ZERO
    oil_percent: Percent = ZERO
    packaging_kg: Kilograms = ZERO
    other_kg: Kilograms = ZERO
    other_reason: Annotated[str, Field(max_length=2000)] = ""
    layers: Annotated[list[LayerCorrection], Field(max_length=500)] = Field(default_factory=list)


class NewReview(BaseModel):
    """A decision: the assessment is right (accept), right but for the correction (correct), or the load is refused."""

    model_config = ConfigDict(extra="forbid")

    decision: Literal["accept", "correct", "stop"]
    reason: Reason
    correction: Correction | None = None

    @model_validator(mode="after")
    def _fits(self) -> "NewReview":
        if (self.decision == "correct") != (self.correction is not None):
            raise ValueError("a correction belongs to the decision `correct`, and to no other")
        return self


class AddedAmount(BaseModel):
    """Money added to (or, negative, taken off) what the mass is worth, in the currency of the standard."""

    model_config = ConfigDict(extra="forbid")

    amount: Annotated[Decimal, Field(max_digits=12, decimal_places=2, allow_inf_nan=False)]
    reason: Reason


class Settling(BaseModel):
    """How a load is settled. `priced` false: the ticket states masses alone, the prices are kept elsewhere."""

    model_config = ConfigDict(extra="forbid")

    priced: bool = True
    adjustments: Annotated[list[AddedAmount], Field(max_length=50)] = Field(default_factory=list)

    @model_validator(mode="after")
    def _fits(self) -> "Settling":
        if self.adjustments and not self.priced:
            raise ValueError("a ticket without prices has no adjustments of them")
        return self


@router.post("/loads/{load_id}/reviews", status_code=201, responses=answers(404, 409, 412) | shaped(LoadShown, 201))
def post_review(
    request: Request, load_id: str, new: NewReview, key: OnceKey = None, if_match: IfMatch = None
) -> Response:
    """Decide on the newest assessment. A correction makes the next version; the answer is the load as it is then."""
    parts = parts_of(request)

    def work(session: Session) -> Answer:
        load = matched(session, parts, load_id, if_match)
        check_seen(session, request, load_id)  # nobody accepts what they have not seen
        # A standard that is gone must keep nobody from stopping a load.
        standard = None if new.correction is None else parts.loads.standards.of(session, load)
        reviews.add(
            session,
            load,
            standard,
            decision=new.decision,
            reason=new.reason,
            correction=_resolved(session, parts, load, new.correction),
            actor=actor_of(request),
        )
        return load_answer(session, parts, load, 201)

    return change(request, new, key, work)


@router.post(
    "/loads/{load_id}/reviews/preview", response_model=None, responses=answers(404, 409, 412) | shaped(Preview)
)
def preview_review(request: Request, load_id: str, new: NewReview, if_match: IfMatch = None) -> dict[str, Any]:
    """What this review would lead to: the report and, where there are prices and weights, the money, before and after
    it. Computed as the review computes it; nothing is recorded."""
    parts = parts_of(request)
    with parts.loads.reading() as session:
        load = matched(session, parts, load_id, if_match)
        check_seen(session, request, load_id)
        standard = parts.loads.standards.of(session, load)
        correction = _resolved(session, parts, load, new.correction)
        before, after = previews.preview(session, load, standard, new.decision, correction)
    return {"before": asdict(before), "after": asdict(after)}


@router.get("/loads/{load_id}/reviews", response_model=None, responses=answers(404, 409) | shaped(ReviewList))
def list_reviews(request: Request, load_id: str) -> dict[str, Any]:
    """Every decision on a load, oldest first."""
    with parts_of(request).loads.reading() as session:
        loads.find(session, load_id)
        check_seen(session, request, load_id)
        return {"reviews": [_described(review) for review in reviews.of_load(session, load_id)]}


@router.post("/loads/{load_id}/settle", status_code=201, responses=answers(404, 409, 412))
def settle_load(
    request: Request, load_id: str, settling: Settling, key: OnceKey = None, if_match: IfMatch = None
) -> Response:
    """Issue the ticket of an emptied load: it has both weights, and a person has looked where one had to."""
    parts = parts_of(request)
    adjustments = [(f"{added.amount:f}", added.reason) for added in settling.adjustments]

    def work(session: Session) -> Answer:
        load = matched(session, parts, load_id, if_match)
        standard = parts.loads.standards.of(session, load)
        tickets.issue(session, load, standard, adjustments, priced=settling.priced, actor=actor_of(request))
        return load_answer(session, parts, load, 201)

    return change(request, settling, key, work)


@router.get("/loads/{load_id}/ticket.json", responses=answers(404, 409))
def get_ticket(request: Request, load_id: str, number: Annotated[int | None, Query(ge=1, lt=2**31)] = None) -> Response:
    """The ticket of a load: the newest, or that of a number."""
    with parts_of(request).loads.reading() as session:
        loads.find(session, load_id)
        check_seen(session, request, load_id)
        return tagged(request, tickets.numbered(session, load_id, number).body)


def _resolved(session: Session, parts: Parts, load: Load, correction: Correction | None) -> dict[str, Any] | None:
    if correction is None:
        return None
    plain = correction.model_dump(mode="json", by_alias=True)
    return corrections.resolved(session, parts.loads.blobs, reviews.decided_on(session, load), plain)


def _described(review: Review) -> dict[str, Any]:
    names = ("decision", "reason", "version", "actor", "at")
    # Corrections that were made before there were such name no layers.
    correction = review.correction and {"layers": [], "classes": {}, **json.loads(review.correction)}
    return {**{name: getattr(review, name) for name in names}, "correction": correction}
