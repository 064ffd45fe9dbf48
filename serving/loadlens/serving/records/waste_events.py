"""What happens to waste is told to other systems, by the webhooks whose settings say so.

Told in the transaction of what happened, so there is never one without the other, and delivered like alarms: signed,
again and again until it arrives, perhaps twice, and not always in turn; `number` says the order of entries.
"""

import uuid
from collections.abc import Mapping
from typing import Any

from sqlalchemy.orm import Session

from loadlens.serving.alarms.outbox import enqueue, is_wanted
from loadlens.serving.canonical import canonical_json
from loadlens.serving.store.tables import now
from loadlens.waste.ledger import Entry

SCHEMA = "loadlens.waste-event/1"


def described(entry: Entry) -> dict[str, Any]:
    """An entry as the API and the webhooks show it."""
    return {
        "id": entry.id,
        "stage": entry.stage,
        "at": entry.at.isoformat(),
        "actor": entry.actor,
        "batch": entry.batch,
        "reason": entry.reason,
        "takes_back": entry.takes_back,
        "particulars": dict(entry.particulars),
        "postings": [{"container": one.container, "place": one.place, "grams": one.grams} for one in entry.postings],
    }


def tell(session: Session, event: str, about: Mapping[str, Any]) -> None:
    """Tell of one thing that happened: `event` is noun.verb, as in the journal."""
    if is_wanted(session, "waste"):
        message = uuid.uuid4().hex
        said = {"schema": SCHEMA, "message": message, "type": event, "at": now(), "about": about}
        enqueue(session, message, canonical_json(said), None, topic="waste")
