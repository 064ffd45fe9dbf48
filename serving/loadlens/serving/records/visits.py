"""The loads of a period as the figures see them: what the machine said of each, what stands now, who decided.

They are read as columns of one row a load, in the period alone, so they cost what the period holds, not the whole yard.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import Any, Literal

from sqlalchemy import select
from sqlalchemy.orm import Session

from loadlens.serving.lifecycle import ASSESSED
from loadlens.serving.records.periods import Period
from loadlens.serving.store.queue_tables import LoadResult
from loadlens.serving.store.tables import Load, Review, Transition

By = Literal["supplier", "grade", "inspector", "camera", "month"]


@dataclass(frozen=True)
class Visit:
    """One load with an assessment that counts. `result` has the columns of LoadResult; `decision` is the last one of a
    person."""

    result: Any
    supplier: str | None
    month: str
    was_flagged: bool
    decision: str | None
    inspector: str | None

    @property
    def was_overturned(self) -> bool:
        """A person's figures or grade stand instead of the machine's, or a person stopped what it had not."""
        result = self.result
        changed = result.machine_percent is not None and result.percent != result.machine_percent
        return changed or result.grade != result.machine_grade or (self.decision == "stop" and not result.hazard)

    @property
    def was_judged(self) -> bool:
        """A person has said what the load is: accepted what the machine said, or corrected it."""
        return self.decision in ("accept", "correct")

    @property
    def cameras(self) -> list[str]:
        """The cameras that saw it."""
        found: list[str] = json.loads(self.result.cameras)
        return found

    @cached_property
    def forms(self) -> Mapping[str, float]:
        """The share of each form as the machine saw it."""
        found: dict[str, float] = json.loads(self.result.forms)
        return found

    @property
    def price_error(self) -> float | None:
        """What the machine would have paid a tonne above what stands now; None where one of them is not known."""
        return less(self.result.machine_price_per_tonne, self.result.price_per_tonne)


def less(one: str | None, other: str | None) -> float | None:
    """What is left of one decimal text when another is taken off it; None where one is not known."""
    return None if one is None or other is None else float(Decimal(one) - Decimal(other))


def visits(session: Session, period: Period) -> list[Visit]:
    """Every load of a period that an assessment counts of."""
    counted = (Load.status.in_((*ASSESSED, "settled")), *period.of(Load.created_at))
    decided = select(Review.load_id, Review.decision, Review.actor).join(Load, Load.id == Review.load_id)
    last = {row.load_id: row for row in session.execute(decided.where(*counted).order_by(Review.id))}
    flagging = select(Transition.load_id).join(Load, Load.id == Transition.load_id)
    flagged = set(session.scalars(flagging.where(*counted, Transition.event == "flag")))
    columns = [column for column in LoadResult.__table__.columns if column.key not in ("rank", "waiting")]
    rows = session.execute(
        select(*columns, Load.supplier, Load.created_at).join(Load, Load.id == LoadResult.load_id).where(*counted)
    )
    return [
        Visit(
            row,
            row.supplier,
            row.created_at[:7],
            row.load_id in flagged,
            last[row.load_id].decision if row.load_id in last else None,
            last[row.load_id].actor if row.load_id in last else None,
        )
        for row in rows
    ]


def grouped(seen: Iterable[Visit], by: By) -> list[tuple[str | None, list[Visit]]]:
    """The loads of every group, by its name; those that belong to none come first. By camera a load counts for each
    camera that saw it."""
    groups: defaultdict[str | None, list[Visit]] = defaultdict(list)
    for visit in seen:
        for key in _keys(visit, by):
            groups[key].append(visit)
    return sorted(groups.items(), key=lambda group: (group[0] is not None, group[0] or ""))


def _keys(visit: Visit, by: By) -> Sequence[str | None]:
    if by == "camera":
        return visit.cameras or (None,)
    return (visit.result.grade if by == "grade" else getattr(visit, by),)
