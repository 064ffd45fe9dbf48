"""Which load a frame or a weighing of a lane belongs to: pure rules.

A camera of a lane knows no loads. Its frames are numbered without end, and its clock may be wrong; so the numbers
decide where they can, and the clock only where they cannot. A scale knows no loads either: what it shows becomes a
weight by itself only where it can be nothing else.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Literal

from loadlens.serving.lifecycle import State


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
    captured: datetime | None, visits: Sequence[Visit], lead: timedelta, *, before: str | None, after: str | None
) -> Visit | None:
    """The visit a frame belongs to; None where it has to wait for the next load of the lane.

    `captured` None: the clock is known to be wrong. `visits` are those of the lane in order of opening; `before` and
    `after` the loads of the nearest frames of this camera with a lower and a higher number (None: no such frame, or it
    waits too). A frame taken up to `lead` before a load was opened belongs to that load, where no earlier one holds it.
    """
    by_id = {visit.load_id: visit for visit in visits}
    lower = by_id.get(before) if before else None
    upper = by_id.get(after) if after else None
    if lower is not None and (lower is upper or lower.closed is None):
        return lower
    if captured is None:
        return None
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


@dataclass(frozen=True, slots=True)
class Truck:
    """A load whose truck may be on the scale: what is known of it. Times are the server's."""

    load_id: str
    status: State
    opened: datetime
    closed: datetime | None
    gross: bool
    tare: bool


def weighing_of(
    kg: Decimal,
    at: datetime,
    trucks: Sequence[Truck],
    lead: timedelta,
    *,
    gross_above: Decimal | None,
    tare_below: Decimal | None,
) -> tuple[str, Literal["gross", "tare"]] | None:
    """The load and kind of weight that a stable reading of a lane's scale stands for by the lane's rule.

    None where the rule does not say, or where more than one truck could be on the scale: then a person says. A gross
    weight comes before the unloading and not more than `lead` before the load was opened, a tare after the close.
    """
    if gross_above is not None and kg >= gross_above:
        arrived = [truck for truck in trucks if truck.status == "arrived" and not truck.gross]
        fits = [truck for truck in arrived if truck.opened - lead <= at]
        return (fits[0].load_id, "gross") if len(fits) == 1 else None
    if tare_below is not None and 0 < kg <= tare_below:
        full = [truck for truck in trucks if truck.closed is not None and truck.gross and not truck.tare]
        fits = [truck for truck in full if truck.closed is not None and truck.closed <= at]
        return (fits[0].load_id, "tare") if len(full) == len(fits) == 1 else None
    return None
