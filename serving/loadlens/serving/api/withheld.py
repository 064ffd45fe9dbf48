"""What is withheld from a person who is to grade a load without knowing what the machine and others think of it."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from fastapi import Request
from sqlalchemy.orm import Session

from loadlens.serving.access.caller import Role
from loadlens.serving.api.doors import caller_of
from loadlens.serving.records import opinions

# Who may decide on loads. Auditors and admins judge none, so they see everything.
JUDGES = frozenset({Role.INSPECTOR, Role.MANAGER})
_FACTS_OF_LAYER = ("index", "start_s", "end_s", "key_frame_s", "key_frame_sha256", "new_area", "visible", "hazards")
SCHEMA = "loadlens.facts/1"


def why_withheld(session: Session, request: Request, load_id: str) -> str | None:
    """Why opinions on a load are withheld from the caller; None: they are not."""
    caller = caller_of(request)
    if caller.role not in JUDGES:
        return None
    return opinions.withheld_from(session, load_id, caller.name, datetime.now(UTC))


def check_seen(session: Session, request: Request, load_id: str) -> None:
    """Raise ConflictError where opinions on a load are withheld from the caller."""
    caller = caller_of(request)
    if caller.role in JUDGES:
        opinions.check_seen(session, load_id, caller.name, datetime.now(UTC))


def facts(report: Mapping[str, Any]) -> dict[str, Any]:
    """What of a report is no opinion: the load, the frames of its layers, its net, every hazard and every stop."""
    truck = report["truck"]
    return {
        "schema": SCHEMA,
        "load": report["load"],
        "versions": report["versions"],
        "layers": [{name: layer[name] for name in _FACTS_OF_LAYER} for layer in report["layers"]],
        "truck": {
            "net_kg": truck["net_kg"],
            "hazards": truck["hazards"],
            "flags": [flag for flag in truck["flags"] if flag["level"] == "stop"],
        },
    }
