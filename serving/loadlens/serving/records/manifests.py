"""Manifests on record: every step is appended, and what it does to the ledger is done in the same transaction."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from loadlens.serving.canonical import canonical_json
from loadlens.serving.load_errors import ConflictError, UnacceptableError, UnknownLoadError
from loadlens.serving.records import waste
from loadlens.serving.records.waste_events import tell
from loadlens.serving.store import journal
from loadlens.serving.store.manifest_tables import ManifestStep, WasteManifest
from loadlens.waste.ledger import TRANSIT, Entry, LedgerError
from loadlens.waste.manifest import (
    Line,
    Manifest,
    ManifestError,
    Step,
    beyond_tolerance,
    check_allowed,
    check_receipt,
    coming_back,
    departure,
    difference,
    gate_faults,
    in_transit,
    receipt,
    state_of,
)


@dataclass(frozen=True, slots=True)
class Taken:
    """A step as it is asked for: `id` makes it one, however often it is sent.

    `place` is where refused goods come back to, `batch` the batch code of a receipt.
    """

    id: str
    step: Step
    actor: str
    place: str = ""
    batch: str = ""


def add(session: Session, manifest: Manifest, *, actor: str) -> bool:
    """Keep a new manifest; False where exactly this one is known.

    ConflictError where another has its id, or has in transit already what this one names there.
    """
    body = canonical_json({**asdict(manifest), "tolerance_kg": f"{manifest.tolerance_kg:f}"})
    known = session.get(WasteManifest, manifest.id)
    if known is not None:
        if known.body != body:
            raise ConflictError(f"manifest {manifest.id} is known with other contents; give the new one its own id")
        return False
    for line in manifest.lines:
        waste.find(session, line.container)
        if line.place == TRANSIT:
            _check_free(session, manifest, line, planned=True)
    row = WasteManifest(id=manifest.id, body=body, actor=actor)
    session.add(row)
    journal.append(session, "manifest.made", f"manifest:{manifest.id}", {}, actor, rows=[row])
    tell(session, "manifest.made", json.loads(body))
    return True


def find(session: Session, manifest_id: str) -> Manifest:
    """The manifest of this id; UnknownLoadError where there is none."""
    row = session.get(WasteManifest, manifest_id)
    if row is None:
        raise UnknownLoadError(f"there is no manifest {manifest_id!r}")
    body = json.loads(row.body)
    lines = tuple(Line(**line) for line in body["lines"])
    return Manifest(**{**body, "tolerance_kg": Decimal(body["tolerance_kg"]), "lines": lines})


def newest(session: Session, limit: int) -> list[Manifest]:
    """The newest manifests, newest first."""
    query = select(WasteManifest.id).order_by(WasteManifest.at.desc(), WasteManifest.id.desc()).limit(limit)
    return [find(session, id_) for id_ in session.scalars(query)]


def rows_of(session: Session, manifest_id: str) -> list[ManifestStep]:
    """The steps of a manifest, in order."""
    query = select(ManifestStep).where(ManifestStep.manifest == manifest_id).order_by(ManifestStep.number)
    return list(session.scalars(query))


def steps_of(session: Session, manifest_id: str) -> list[Step]:
    """The same as the rules of manifests take them."""
    return [
        Step(row.kind, datetime.fromisoformat(row.done_at), row.person, json.loads(row.said))  # type: ignore[arg-type]
        for row in rows_of(session, manifest_id)
    ]


def take(session: Session, manifest: Manifest, taken: Taken) -> bool:
    """Take a step and enter what it moves; False where exactly this step was taken before.

    A truck that does not pass the gate is on record with the faults, and nothing moves. Raises ConflictError where the
    step does not follow, or where the ledger does not hold what it would move.
    """
    done, step = steps_of(session, manifest.id), taken.step
    known = session.scalars(select(ManifestStep).where(ManifestStep.id == taken.id)).first()
    if known is not None:
        kept = json.loads(known.said)
        same = (known.manifest, known.kind, known.person, known.done_at) == (manifest.id, *_facts(step))
        if not same or kept != {**kept, **step.said}:
            raise ConflictError(f"step {taken.id} is known with other contents; give the new one its own id")
        return False
    try:
        check_allowed(state_of(done), step.kind)
        said = _completed(manifest, done, step)
        step = Step(step.kind, step.at, step.person, said)
        entry = _entry(manifest, done, step, taken)
    except ManifestError as error:
        raise ConflictError(str(error)) from None
    except LedgerError as error:
        raise UnacceptableError(str(error)) from None
    row = ManifestStep(
        manifest=manifest.id,
        number=len(done) + 1,
        id=taken.id,
        kind=step.kind,
        person=step.person,
        done_at=step.at.astimezone(UTC).isoformat(),
        said=canonical_json(said),
        actor=taken.actor,
    )
    session.add(row)
    subject = f"manifest:{manifest.id}"
    journal.append(session, "manifest.step", subject, {"kind": step.kind}, taken.actor, rows=[row])
    if step.kind == "gate" and not said["faults"]:
        _check_in_transit(session, manifest)
    if entry is not None:
        _enter(session, entry)
    tell(session, "manifest.step", described(session, manifest))
    return True


def described(session: Session, manifest: Manifest) -> dict[str, Any]:
    """A manifest as the API shows it: what it says, where it stands, its steps, and what is amiss."""
    rows, steps = rows_of(session, manifest.id), steps_of(session, manifest.id)
    return {
        **asdict(manifest),
        "tolerance_kg": f"{manifest.tolerance_kg:f}",
        "grams": manifest.grams,
        "state": state_of(steps),
        "steps": [
            {"id": row.id, "kind": row.kind, "person": row.person, "at": row.done_at, "actor": row.actor, **step.said}
            for row, step in zip(rows, steps, strict=True)
        ],
        "flags": _flags(manifest, steps),
    }


def _flags(manifest: Manifest, steps: list[Step]) -> list[dict[str, str]]:
    found = []
    for step in steps:
        if step.kind == "receive":
            if why := beyond_tolerance(manifest, difference(manifest, step)):
                found.append({"code": "weights_differ", "why": f"the receiver weighed {why}"})
            found += [{"code": "refused", "why": f"{name} was refused"} for name in step.said["refused"]]
    return found


def _completed(manifest: Manifest, done: list[Step], step: Step) -> Mapping[str, Any]:
    """What a step says, and of a gate what it found."""
    if step.kind != "gate":
        return step.said
    return {**step.said, "faults": gate_faults(manifest, done, step.said["plate"], step.said["grams"])}


def _entry(manifest: Manifest, done: list[Step], step: Step, taken: Taken) -> Entry | None:
    if step.kind == "gate" and not step.said["faults"]:
        return departure(manifest, step.at, taken.actor)
    if step.kind == "receive":
        check_receipt(manifest, step.said["refused"], step.said["weighed"])
        return receipt(manifest, [*done, step], step.at, taken.actor, taken.batch)
    if step.kind == "return":
        return coming_back(manifest, done, taken.place, step.at, taken.actor)
    return None


def _check_free(session: Session, manifest: Manifest, line: Line, *, planned: bool) -> None:
    """Raise ConflictError where other manifests have so much of a container in transit that a line cannot be there.

    `planned`: also by what is not on a truck yet.
    """
    others = _in_transit(session, manifest, line.container, planned=planned)
    there = waste.whereabouts(session, line.container).get(TRANSIT, 0)
    if others and there - sum(others.values()) < line.grams:
        named = ", ".join(f"{grams} g on manifest {id_}" for id_, grams in others.items())
        why = f"container {line.container} holds {there} g at {TRANSIT}, of them {named} already"
        raise ConflictError(f"{why}; name what is left of it, or end the other manifest first")


def _in_transit(session: Session, manifest: Manifest, container: str, *, planned: bool) -> dict[str, int]:
    """Grams of a container that other manifests have in transit, by their ids."""
    named = WasteManifest.body.contains(canonical_json(container), autoescape=True)
    query = select(WasteManifest.id).where(named, WasteManifest.id != manifest.id).order_by(WasteManifest.id)
    found = {}
    for id_ in session.scalars(query):
        lines = in_transit(find(session, id_), steps_of(session, id_), planned=planned)
        if grams := sum(line.grams for line in lines if line.container == container):
            found[id_] = grams
    return found


def _check_in_transit(session: Session, manifest: Manifest) -> None:
    """Raise ConflictError where what is to be on its way already is not: no entry of the gate would tell."""
    for line in manifest.lines:
        if line.place != TRANSIT:
            continue
        _check_free(session, manifest, line, planned=False)
        there = waste.whereabouts(session, line.container).get(TRANSIT, 0)
        if there < line.grams:
            why = f"container {line.container} holds {there} g at {TRANSIT}, and {line.grams} g would leave it"
            raise ConflictError(f"the ledger cannot do this now: {why}")


def _enter(session: Session, entry: Entry) -> None:
    answers = waste.post(session, [entry])
    if entry.id not in (*answers.accepted, *answers.known):
        why = answers.waiting.get(entry.id) or f"entry {entry.id} was withdrawn: {answers.withdrawn[entry.id]}"
        raise ConflictError(f"the ledger cannot do this now: {why}")


def _facts(step: Step) -> tuple[str, str, str]:
    return step.kind, step.person, step.at.astimezone(UTC).isoformat()
