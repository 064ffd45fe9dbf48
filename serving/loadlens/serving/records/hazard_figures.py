"""How often each kind of danger was seen, and what people made of the loads.

A load that a person released may have been a false alarm, or the thing was taken off it: the records do not tell which.
"""

from collections import defaultdict
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from loadlens.serving.records.periods import Period
from loadlens.serving.records.visits import visits
from loadlens.serving.store.tables import Hazard, Load
from loadlens.vision.metadata import Metric
from loadlens.vision.proportion import proportion


@dataclass(frozen=True, slots=True)
class Dangers:
    """One class: on how many loads, how often of all (`rate`), and of those that a person decided on how often the load
    was stopped for good. `waiting` nobody has decided on."""

    class_id: str
    loads: int
    rate: Metric
    stopped: Metric | None
    waiting: int


def dangers(session: Session, period: Period) -> tuple[list[Dangers], int]:
    """Every class that was seen on a load of the period, the most frequent first; and how many loads there were."""
    seen = {one.result.load_id: one for one in visits(session, period)}
    sighted = select(Hazard.load_id, Hazard.class_id).distinct().join(Load, Load.id == Hazard.load_id)
    classes: defaultdict[str, list[str | None]] = defaultdict(list)
    for load_id, class_id in session.execute(sighted.where(*period.of(Load.created_at))):
        if load_id in seen:
            classes[class_id].append(seen[load_id].decision)
    found = [_of_class(class_id, decisions, len(seen)) for class_id, decisions in classes.items()]
    return sorted(found, key=lambda one: (-one.loads, one.class_id)), len(seen)


def _of_class(class_id: str, decisions: list[str | None], loads: int) -> Dangers:
    decided = [decision for decision in decisions if decision is not None]
    return Dangers(
        class_id=class_id,
        loads=len(decisions),
        rate=proportion(len(decisions), loads),
        stopped=proportion(decided.count("stop"), len(decided)) if decided else None,
        waiting=len(decisions) - len(decided),
    )
