"""Assessments: computed by one pure function from what is recorded, appended as versions; and what follows."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from loadlens.grading.assessment import LoadAssessment, ObservationError
from loadlens.grading.correction import CorrectionError
from loadlens.grading.deduction import JudgedError
from loadlens.grading.flags import Flag
from loadlens.grading.observation import LoadObservation
from loadlens.grading.observation_json import from_json, to_json
from loadlens.grading.quantity import QuantityError
from loadlens.grading.standard import Standard
from loadlens.serving.canonical import canonical_json
from loadlens.serving.lifecycle import ASSESSED, Event, allows
from loadlens.serving.load_errors import ConflictError, UnacceptableError, UnknownLoadError
from loadlens.serving.records import frames, grabs, loads, results, weights
from loadlens.serving.records.inputs import Inputs, inputs_from
from loadlens.serving.store import journal
from loadlens.serving.store.journal import SYSTEM
from loadlens.serving.store.tables import (
    Assessment,
    DisputeAnswer,
    LayerMapKept,
    Load,
    LoadTrace,
    Picture,
    Review,
    Statement,
    Transition,
)

_LOOK = ("review", "stop")
OF_DISPUTES = ("disputed", "dispute_unanswered")


@dataclass(frozen=True, slots=True)
class Assessed:
    """An assessment that is not recorded yet, with what it was computed from beside the observation.

    `doubt` is a reason to look that came up on the way and is to be noted with it.
    """

    result: LoadAssessment
    inputs: Inputs
    doubt: Flag | None = None


@dataclass(frozen=True, slots=True)
class Drawn:
    """What is kept of a layer: the digests of the drawn-on picture and of the map, and the camera that both are of."""

    picture: str
    map: str
    camera: str


def newest(session: Session, load_id: str) -> Assessment | None:
    """The newest assessment of a load; None while there is none."""
    query = select(Assessment).where(Assessment.load_id == load_id).order_by(Assessment.version.desc()).limit(1)
    return session.scalars(query).first()


def newest_of_each(*columns: Any) -> Select[Any]:
    """A query for columns (or tables) of the newest assessment of every load that has one."""
    newest = select(Assessment.load_id, func.max(Assessment.version).label("version")).group_by(Assessment.load_id)
    last = newest.subquery()
    is_last = (Assessment.load_id == last.c.load_id) & (Assessment.version == last.c.version)
    return select(*columns).select_from(Assessment).join(last, is_last)


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


def key_frames(session: Session, load_id: str, number: int) -> dict[int, str]:
    """The digests of the key frames by layer, as one assessment version or the newest before it names them."""
    query = select(Assessment.report).where(Assessment.load_id == load_id, Assessment.version <= number)
    found = session.scalars(query.order_by(Assessment.version.desc()).limit(1)).first()
    return {layer["index"]: layer["key_frame_sha256"] for layer in json.loads(found)["layers"]} if found else {}


def map_of_layer(session: Session, load_id: str, number: int, layer: int) -> LayerMapKept | None:
    """The map of a layer, as one assessment version or the watching it rests on has it; None where none is kept."""
    return session.get(LayerMapKept, (load_id, watching(session, load_id, number), layer))


def record_watching(
    session: Session,
    load: Load,
    standard: Standard,
    observation: LoadObservation,
    drawn: Mapping[int, Drawn],
    *,
    trace: str,
) -> None:
    """Record what was seen of a closed load and assess it; `drawn` are the pictures by layer, `trace` is the digest of
    what was watched."""
    known = newest(session, load.id)
    version = known.version + 1 if known else 1
    at = {"load_id": load.id, "version": version}
    pictures = [Picture(**at, layer=layer, sha256=one.picture) for layer, one in drawn.items()]
    maps = [LayerMapKept(**at, layer=layer, camera=one.camera, sha256=one.map) for layer, one in drawn.items()]
    kept = [*pictures, *maps, LoadTrace(**at, sha256=trace)]
    session.add_all(kept)
    journal.append(session, "pictures.drawn", f"load:{load.id}", {}, SYSTEM, rows=kept)
    frames.seal(session, load, late=True, actor=SYSTEM)
    seen = grabs.weighed(session, load, standard, observation)
    known_now = inputs_now(session, load)
    _assess(session, load, standard, seen, known_now, version=version, reason="watched", actor=SYSTEM)
    event: Event = "flag" if unseen_flags(session, load.id) else "grade"
    loads.move(session, load, event, actor=SYSTEM, reason=f"assessment {version}")


def reassess(session: Session, load: Load, standard: Standard, *, reason: str, actor: str) -> Assessment | None:
    """Assess what was seen once more, as the next version, because something else is known now.

    None where there is none yet or the load is watched (again). A new reason to look puts it before a person.
    """
    known = newest(session, load.id)
    if known is None or load.status not in ASSESSED:
        return None
    seen = grabs.weighed(session, load, standard, from_json(known.observation))
    made = _assess(
        session,
        load,
        standard,
        seen,
        inputs_now(session, load),
        version=known.version + 1,
        reason=reason,
        actor=actor,
    )
    if allows(load.status, "flag") and unseen_flags(session, load.id):
        loads.move(session, load, "flag", actor=actor, reason=reason)
    return made


def correct(
    session: Session, load: Load, standard: Standard, known: Assessment, correction: str, *, actor: str
) -> Assessment:
    """The next version, with a person's correction; UnacceptableError where that cannot be."""
    corrected = with_correction(session, load, standard, known, correction)
    if corrected.doubt is not None:
        loads.flag(session, load, corrected.doubt.code, corrected.doubt.level, corrected.doubt.why)
    return _record(session, load, corrected, version=known.version + 1, reason="corrected", actor=actor)


def with_correction(session: Session, load: Load, standard: Standard, known: Assessment, correction: str) -> Assessed:
    """What a correction makes of a load; nothing is recorded. UnacceptableError where that cannot be."""
    seen, doubt = grabs.placed(session, load, standard, from_json(known.observation))
    inputs = replace(inputs_now(session, load), correction=correction)
    if doubt is not None and doubt not in inputs.noted:
        inputs = replace(inputs, noted=(*inputs.noted, doubt))
    try:
        return Assessed(inputs.assess(seen, standard), inputs, doubt)
    except (CorrectionError, JudgedError, ObservationError, QuantityError) as error:
        raise UnacceptableError(str(error)) from None


def recomputed(session: Session, load: Load, standard: Standard, known: Assessment) -> LoadAssessment:
    """A stored assessment as it is computed now; ConflictError where that is not what is stored."""
    inputs = inputs_now(session, load) if known.inputs is None else inputs_from(known.inputs)
    assessed = inputs.assess(from_json(known.observation), standard)
    stored, now = json.loads(known.report), json.loads(canonical_json(assessed.to_report()))
    for layer in stored["layers"]:
        layer["overlay"] = None
    if stored != now:
        raise ConflictError(
            f"assessment {known.version} of load {load.id} was made by other software or another edition of "
            f"{standard.id}; review the load with an empty correction, which assesses it anew"
        )
    return assessed


def inputs_now(session: Session, load: Load) -> Inputs:
    """What is known of a load now, beside what was seen of it."""
    noted = tuple(Flag(flag.code, flag.level, flag.why) for flag in loads.flags(session, load.id))  # type: ignore[arg-type]
    corrections = select(Review.correction).where(Review.load_id == load.id, Review.correction.is_not(None))
    correction = session.scalars(corrections.order_by(Review.id.desc()).limit(1)).first()
    return Inputs(weights.both(session, load.id), load.declared, noted, correction)


def unseen_flags(session: Session, load_id: str) -> list[dict[str, str]]:
    """The flags of the newest version that call for a person and that no person has decided on since the load came
    (or was last re-opened). A dispute calls for nobody once every one is answered."""
    steps = select(Transition.event).where(Transition.load_id == load_id, Transition.event.in_(("review", "reopen")))
    last = session.scalars(steps.order_by(Transition.id.desc()).limit(1)).first()
    seen: set[tuple[str, str]] = set()
    if last == "review":
        version = select(Review.version).where(Review.load_id == load_id).order_by(Review.id.desc()).limit(1)
        reviewed = session.get(Assessment, (load_id, session.scalars(version).one()))
        seen = {(flag["code"], flag["why"]) for flag in _calls(reviewed)}
    calls = [flag for flag in _calls(newest(session, load_id)) if (flag["code"], flag["why"]) not in seen]
    if any(flag["code"] in OF_DISPUTES for flag in calls) and not _has_open_dispute(session, load_id):
        calls = [flag for flag in calls if flag["code"] not in OF_DISPUTES]
    return calls


def _has_open_dispute(session: Session, load_id: str) -> bool:
    answered = select(DisputeAnswer.id).where(DisputeAnswer.statement == Statement.id)
    query = select(Statement.id).where(Statement.load_id == load_id, Statement.said == "dispute", ~answered.exists())
    return session.scalars(query.limit(1)).first() is not None


def _calls(assessment: Assessment | None) -> list[dict[str, str]]:
    if assessment is None:
        return []
    return [flag for flag in json.loads(assessment.report)["truck"]["flags"] if flag["level"] in _LOOK]


def report_of(session: Session, load: Load, assessed: LoadAssessment, version: int) -> dict[str, Any]:
    """The report of an assessment as this version of it: with the places of its pictures."""
    made = assessed.to_report()
    drawn, watched = pictures_of(session, load.id, version), watching(session, load.id, version)
    for layer in made["layers"]:
        if layer["index"] in drawn:
            layer["overlay"] = f"/v1/loads/{load.id}/layers/{layer['index']}/overlay.jpg?version={watched}"
    return made


def _assess(
    session: Session,
    load: Load,
    standard: Standard,
    observation: LoadObservation,
    inputs: Inputs,
    *,
    version: int,
    reason: str,
    actor: str,
) -> Assessment:
    assessed = Assessed(inputs.assess(observation, standard), inputs)
    return _record(session, load, assessed, version=version, reason=reason, actor=actor)


def _record(session: Session, load: Load, made: Assessed, *, version: int, reason: str, actor: str) -> Assessment:
    assessed, observation, standard = made.result, made.result.observation, made.result.standard
    report = report_of(session, load, assessed, version)
    assessment = Assessment(
        load_id=load.id,
        version=version,
        observation=to_json(observation),
        report=canonical_json(report),
        inputs=made.inputs.to_json(standard),
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
    results.note(session, load, assessed, report, version=version, is_corrected=made.inputs.correction is not None)
    return assessment
