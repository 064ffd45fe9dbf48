"""The history of a container as a GS1 EPCIS 2.0 document (JSON-LD).

    produced                 ObjectEvent ADD, commissioning (what is added to the container later: OBSERVE, collecting)
    stored, retrieved, moved ObjectEvent OBSERVE
    treated, handed over     ObjectEvent DELETE where nothing is left in the container, else OBSERVE
    repacked                 TransformationEvent from the containers that gave to those that took
    corrected                what was taken back once more, with an errorDeclaration, as EPCIS has it

Masses are sensor reports in kilograms; what was weighed again is told as what was found more or, below zero, less.
A container has no GS1 key: its identity stands in a URN of our own.
"""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from loadlens.waste.ledger import OUTSIDE, Entry, Posting

CONTEXT = "https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld"
# By stage: the business step and the disposition of the Core Business Vocabulary.
_STEPS = {
    "produced": ("commissioning", "active"),
    "stored": ("storing", "in_progress"),
    "retrieved": ("picking", "in_progress"),
    "moved": ("transporting", "in_transit"),
    "treated": ("destroying", "destroyed"),
    "handed_over": ("shipping", "in_transit"),
    "repacked": ("repackaging", "in_progress"),
    "reweighed": ("inspecting", "in_progress"),
}


@dataclass(frozen=True, slots=True)
class Box:
    """A container as its label says."""

    identity: str
    list_id: str
    edition: str
    code: str
    name: str
    litres: str


def container_history(box: Box, entries: Sequence[Entry], made_at: datetime) -> dict[str, Any]:
    """The document of one container: `entries` are all that touched it, in the order in which they were accepted."""
    events: dict[str, dict[str, Any]] = {}
    told: list[dict[str, Any]] = []
    inside = 0
    for entry in entries:
        of_box = [posting for posting in entry.postings if posting.container == box.identity]
        is_new = not events
        inside += sum(posting.grams for posting in of_box if posting.place not in OUTSIDE)
        if entry.takes_back is not None:
            told.append(events[entry.takes_back] | {"errorDeclaration": _declaration(entry)})
            continue
        if entry.stage == "repacked":
            event = _transformation(entry)
        else:
            event = _object_event(entry, of_box, is_new=is_new, is_empty=inside == 0)
            if is_new:
                event["ilmd"] = {f"loadlens:{name}": value for name, value in _about(box).items()}
        events[entry.id] = event
        told.append(event)
    return {
        "@context": [CONTEXT, {"loadlens": "urn:x-loadlens:vocabulary:"}],
        "type": "EPCISDocument",
        "schemaVersion": "2.0",
        "creationDate": made_at.astimezone(UTC).isoformat(),
        "epcisBody": {"eventList": told},
    }


def _about(box: Box) -> Mapping[str, str]:
    return {"list": box.list_id, "edition": box.edition, "code": box.code, "name": box.name, "litres": box.litres}


def _declaration(entry: Entry) -> dict[str, Any]:
    return {
        "declarationTime": entry.at.astimezone(UTC).isoformat(),
        "reason": "did_not_occur",
        "loadlens:reason": entry.reason,
        "loadlens:actor": entry.actor,
    }


def _event(kind: str, entry: Entry, of: str) -> dict[str, Any]:
    step, disposition = _STEPS[entry.stage]
    event: dict[str, Any] = {
        "type": kind,
        "eventID": uuid.uuid5(uuid.NAMESPACE_URL, _urn("entry", f"{entry.id}/{of}")).urn,
        "eventTime": entry.at.astimezone(UTC).isoformat(),
        "eventTimeZoneOffset": "+00:00",
        "bizStep": step,
        "disposition": disposition,
        "loadlens:entry": entry.id,
        "loadlens:actor": entry.actor,
    }
    said = {"batch": entry.batch, "reason": entry.reason, "particulars": dict(entry.particulars)}
    return event | {f"loadlens:{name}": value for name, value in said.items() if value}


def _object_event(entry: Entry, of_box: Sequence[Posting], *, is_new: bool, is_empty: bool) -> dict[str, Any]:
    identity = of_box[0].container
    event = _event("ObjectEvent", entry, identity)
    if entry.stage == "produced" and not is_new:
        event["bizStep"] = "collecting"
    ends = is_empty and entry.stage in ("treated", "handed_over")
    event["action"] = "ADD" if is_new and entry.stage == "produced" else "DELETE" if ends else "OBSERVE"
    event["epcList"] = [_urn("container", identity)]
    found = [posting.grams for posting in of_box if _is_here(posting.place)]
    moved = [posting.grams for posting in of_box if posting.grams > 0]
    event["sensorElementList"] = [_mass(sum(found if entry.stage == "reweighed" else moved), identity)]
    left = [posting.place for posting in of_box if posting.grams < 0 and _is_here(posting.place)]
    came = [posting.place for posting in of_box if posting.grams > 0 and _is_here(posting.place)]
    if read := (left or came):
        event["readPoint"] = {"id": _urn("place", read[0])}
    if came:
        event["bizLocation"] = {"id": _urn("place", came[0])}
    return event


def _transformation(entry: Entry) -> dict[str, Any]:
    event = _event("TransformationEvent", entry, "")
    gave = [posting for posting in entry.postings if posting.grams < 0]
    took = [posting for posting in entry.postings if posting.grams > 0]
    event["inputEPCList"] = sorted({_urn("container", posting.container) for posting in gave})
    event["outputEPCList"] = sorted({_urn("container", posting.container) for posting in took})
    event["sensorElementList"] = [_mass(posting.grams, posting.container) for posting in entry.postings]
    event["readPoint"] = event["bizLocation"] = {"id": _urn("place", entry.postings[0].place)}
    return event


def _mass(grams: int, identity: str) -> dict[str, Any]:
    """A mass in kilograms; in a transformation it is below zero where it left the container."""
    report = {"type": "Mass", "value": grams / 1000, "uom": "KGM", "loadlens:container": _urn("container", identity)}
    return {"sensorReport": [report]}


def _is_here(place: str) -> bool:
    return place not in OUTSIDE


def _urn(kind: str, name: str) -> str:
    return f"urn:x-loadlens:{kind}:{quote(name, safe='')}"
