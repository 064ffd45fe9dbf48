"""Which load a frame of a lane belongs to: a pure rule.

A camera of a lane knows no loads. Its frames are numbered without end, and its clock may be wrong; so the numbers
decide where they can, and the clock only where they cannot.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class Visit:
    """One load's time on a lane; `closed` None: it still takes frames."""

    load_id: str
    opened: datetime
    closed: datetime | None

    def holds(self, moment: datetime) -> bool:
        """Whether the moment lies between its opening and its close."""
        return self.opened <= moment and (self.closed is None or moment <= self.closed)


def visit_of(
    captured: datetime, visits: Sequence[Visit], lead: timedelta, *, before: str | None, after: str | None
) -> Visit | None:
    """The visit a frame belongs to; None where it has to wait for the next load of the lane.

    `visits` are those of the lane in order of opening; `before` and `after` the loads of the nearest frames of this
    camera with a lower and a higher number (None: no such frame, or it waits too). A frame taken up to `lead` before
    a load was opened belongs to that load, where no earlier one holds it.
    """
    by_id = {visit.load_id: visit for visit in visits}
    lower = by_id.get(before) if before else None
    upper = by_id.get(after) if after else None
    if lower is not None and (lower is upper or lower.closed is None):
        return lower
    possible = [
        visit
        for visit in visits
        if (lower is None or visit.opened >= lower.opened) and (upper is None or visit.opened <= upper.opened)
    ]
    for visit in reversed(possible):
        if visit.holds(captured):
            return visit
    for visit in reversed(possible):
        if visit.opened - lead <= captured <= visit.opened:
            return visit
    return None
