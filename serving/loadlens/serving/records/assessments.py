"""Assessments: computed by one pure function from what is recorded, appended as versions; and what follows."""

import json
from collections.abc import Mapping
from importlib import metadata
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from loadlens.grading.assessment import assess_load
from loadlens.grading.flags import Flag
from loadlens.grading.observation import LoadObservation
from loadlens.grading.standard import Standard
from loadlens.grading.weighing import Weights
from loadlens.serving.canonical import canonical_json
from loadlens.serving.lifecycle import ASSESSED, Event, allows
from loadlens.serving.load_errors import ConflictError, UnknownLoadError
from loadlens.serving.observation_json import from_json, to_json
from loadlens.serving.records import frames, loads, weights
from loadlens.serving.store import journal
from loadlens.serving.store.journal import SYSTEM
from loadlens.serving.store.tables import Assessment, Load, Picture, Review, Transition

_LOOK = ("review", "stop")


def newest(session: Session, load_id: str) -> Assessment | None:
    """The newest assessment of a load; None while there is none."""
    query = select(Assessment).where(Assessment.load_id == load_id).order_by(Assessment.version.desc()).limit(1)
    return session.scalars(query).first()


def version(session: Session, load_id: str, number: int) -> Assessment:
    """One version of a load's assessment; UnknownLoadError where there is none."""
    found = session.get(Assessment, (load_id, number))
    if found is None:
        raise UnknownLoadError(f"load {load_id} has no assessment {number}")
    return found


def versions(session: Session, load_id: str) -> list[tuple[int, str, str]]:
    """Number, reason and time of every version, oldest first."""
    query = select(Assessment.version, Assessment.reason, Assessment.created_at).where(Assessment.load_id == load_id)
    return [(row.version, row.reason, row.created_at) for row in session.execute(query.order_by(Assessment.version))]


def report(session: Session, load_id: str) -> dict[str, Any]:
    """The report of the newest assessment; ConflictError while there is none."""
    found = newest(session, load_id)
    if found is None:
        raise ConflictError(f"load {load_id} is not graded yet; close it and wait for its assessment")
    read: dict[str, Any] = json.loads(found.report)
    return read


def watching(session: Session, load_id: str, number: int) -> int:
    """The version for which the load was last watched, at or before version `number`; 0 where there is no picture."""
    query = select(func.max(Picture.version)).where(Picture.load_id == load_id, Picture.version <= number)
    return session.scalars(query).one() or 0


def pictures_of(session: Session, load_id: str, number: int) -> dict[int, str]:
    """The digests of the drawn-on pictures by layer, as one assessment version shows them."""
    watched = watching(session, load_id, number)
    rows = select(Picture.layer, Picture.sha256).where(Picture.load_id == load_id, Picture.version == watched)
    return {row.layer: row.sha256 for row in session.execute(rows)}


def record_watching(
    session: Session, load: Load, standard: Standard, observation: LoadObservation, drawn: Mapping[int, str]
) -> None:
    """Record what was seen of a closed load and assess it; `drawn` are digests of pictures by layer."""
    known = newest(session, load.id)
    version = known.version + 1 if known else 1
    pictures = [Picture(load_id=load.id, version=version, layer=layer, sha256=sha) for layer, sha in drawn.items()]
    session.add_all(pictures)
    if pictures:
        journal.append(session, "pictures.drawn", f"load:{load.id}", {}, SYSTEM, rows=pictures)
    frames.seal(session, load, late=True, actor=SYSTEM)
    _assess(session, load, standard, observation, version, reason="watched", actor=SYSTEM)
    event: Event = "flag" if unseen_flags(session, load.id) else "grade"
    loads.move(session, load, event, actor=SYSTEM, reason=f"assessment {version}")


def reassess(session: Session, load: Load, standard: Standard, *, reason: str, actor: str) -> Assessment | None:
    """Assess what was seen once more, as the next version, because something else is known now.

    None where there is none yet or the load is watched (again). A new reason to look puts it before a person.
    """
    known = newest(session, load.id)
    if known is None or load.status not in ASSESSED:
        return None
    made = _assess(session, load, standard, from_json(known.observation), known.version + 1, reason=reason, actor=actor)
    if allows(load.status, "flag") and unseen_flags(session, load.id):
        loads.move(session, load, "flag", actor=actor, reason=reason)
    return made


def unseen_flags(session: Session, load_id: str) -> list[dict[str, str]]:
    """The flags of the newest version that call for a person and that no person has decided on since the load came
    (or was last re-opened)."""
    steps = select(Transition.event).where(Transition.load_id == load_id, Transition.event.in_(("review", "reopen")))
    last = session.scalars(steps.order_by(Transition.id.desc()).limit(1)).first()
    seen: set[tuple[str, str]] = set()
    if last == "review":
        version = select(Review.version).where(Review.load_id == load_id).order_by(Review.id.desc()).limit(1)
        reviewed = session.get(Assessment, (load_id, session.scalars(version).one()))
        seen = {(flag["code"], flag["why"]) for flag in _calls(reviewed)}
    return [flag for flag in _calls(newest(session, load_id)) if (flag["code"], flag["why"]) not in seen]


def _calls(assessment: Assessment | None) -> list[dict[str, str]]:
    if assessment is None:
        return []
    return [flag for flag in json.loads(assessment.report)["truck"]["flags"] if flag["level"] in _LOOK]


def _assess(
    session: Session,
    load: Load,
    standard: Standard,
    observation: LoadObservation,
    version: int,
    *,
    reason: str,
    actor: str,
) -> Assessment:
    noted = tuple(Flag(flag.code, flag.level, flag.why) for flag in loads.flags(session, load.id))  # type: ignore[arg-type]
    weighed = weights.both(session, load.id)
    assessed = assess_load(observation, standard, weights=weighed, declared=load.declared, noted=noted)
    made = assessed.to_report()
    drawn, watched = pictures_of(session, load.id, version), watching(session, load.id, version)
    for layer in made["layers"]:
        if layer["index"] in drawn:
            layer["overlay"] = f"/v1/loads/{load.id}/layers/{layer['index']}/overlay.jpg?version={watched}"
    assessment = Assessment(
        load_id=load.id,
        version=version,
        observation=to_json(observation),
        report=canonical_json(made),
        inputs=_inputs(standard, weighed, load.declared, noted),
        reason=reason,
    )
    session.add(assessment)
    about = {
        "version": version,
        "decision": assessed.decision,
        "standard": standard.sha256,
        "model": observation.model.sha256,
        "software": observation.software,
    }
    journal.append(session, "assessment.recorded", f"load:{load.id}", about, actor, rows=[assessment])
    return assessment


def _inputs(standard: Standard, weighed: Weights | None, declared: str | None, noted: tuple[Flag, ...]) -> str:
    scale = weighed and {
        "gross_kg": str(weighed.gross.kg),
        "tare_kg": str(weighed.tare.kg),
        "division_kg": None if weighed.division is None else str(weighed.division.kg),
        "scale": weighed.scale,
    }
    inputs = {
        "software": metadata.version("loadlens"),
        "standard": {"id": standard.id, "version": standard.version, "sha256": standard.sha256},
        "weights": scale,
        "declared": declared,
        "noted": [[flag.code, flag.level, flag.why] for flag in noted],
    }
    return canonical_json(inputs)
