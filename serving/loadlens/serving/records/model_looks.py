"""What models made of past loads, kept so that a rule may judge whether one may follow another.

Of a model and a load the newest look counts: the standard may have changed since, or our software.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from loadlens.grading.assessment import LoadAssessment
from loadlens.grading.observation import LoadObservation
from loadlens.serving.canonical import canonical_json
from loadlens.serving.records import assessments, reviews
from loadlens.serving.store import journal
from loadlens.serving.store.settings_tables import ModelLook
from loadlens.vision.metadata import ModelMetadata
from loadlens.vision.succession import Seen, Verdict, judge


def keep(
    session: Session, load_id: str, model: str, seen: LoadObservation, assessed: LoadAssessment, *, actor: str
) -> ModelLook:
    """Keep what a model, by its digest, made of a load without any person's correction."""
    surface = sum(layer.new_area for layer in seen.layers)
    named = sum(layer.new_area * (1 - layer.unknown) for layer in seen.layers)
    facts = {
        "hazards": sorted({hazard.class_id for hazard in seen.hazards}),
        "coverage": round(seen.coverage, 6),
        "answered": round(named / surface, 6) if surface else 0.0,
        "grade": assessed.to_report()["truck"]["grade"],
    }
    row = ModelLook(model=model, load_id=load_id, seen=canonical_json(facts), actor=actor)
    session.add(row)
    journal.append(session, "model.looked", f"load:{load_id}", {"model": model}, actor, rows=[row])
    return row


@dataclass(frozen=True, slots=True)
class Decided:
    """What a person's newest decision left a load with, and who that was."""

    grade: str | None
    deduction_percent: float
    by: str


def decided_on(session: Session, load_id: str) -> Decided | None:
    """None where nobody has decided on the load, but perhaps stopped it."""
    decided = [one for one in reviews.of_load(session, load_id) if one.decision != "stop"]
    if not decided:
        return None
    truck = json.loads(assessments.version(session, load_id, decided[-1].version).report)["truck"]
    return Decided(truck["grade"], truck["deduction"]["percent_of_net"], decided[-1].actor)


def verdict(
    session: Session, before: tuple[str, ModelMetadata], after: tuple[str, ModelMetadata], *, least: int
) -> Verdict:
    """What the rule says of a model that is to follow another, each by its digest and what it says of itself."""
    first, second = _looks(session, before[0]), _looks(session, after[0])
    pairs = {}
    for load_id in sorted(first.keys() & second.keys()):
        decided = decided_on(session, load_id)
        pairs[load_id] = _seen(first[load_id], decided), _seen(second[load_id], decided)
    return judge(pairs, before[1], after[1], least=least)


def _looks(session: Session, model: str) -> Mapping[str, ModelLook]:
    """The newest look of a model at every load."""
    rows = session.scalars(select(ModelLook).where(ModelLook.model == model).order_by(ModelLook.id))
    return {row.load_id: row for row in rows}


def _seen(row: ModelLook, decided: Decided | None) -> Seen:
    facts = json.loads(row.seen)
    return Seen(
        hazards=frozenset(facts["hazards"]),
        coverage=facts["coverage"],
        answered=facts["answered"],
        grade=facts["grade"],
        agrees=None if decided is None else facts["grade"] == decided.grade,
    )
