"""Lanes as people set them."""

from sqlalchemy.orm import Session

from loadlens.serving.store import journal
from loadlens.serving.store.tables import Lane


def put(session: Session, lane_id: str, gross_above_kg: str | None, tare_below_kg: str | None, *, actor: str) -> Lane:
    """Make a lane, or change when a weighing of its scale is taken by itself; what is so already is not recorded."""
    known = session.get(Lane, lane_id)
    if known is not None and (known.gross_above_kg, known.tare_below_kg) == (gross_above_kg, tare_below_kg):
        return known
    lane = known or Lane(id=lane_id)
    lane.gross_above_kg, lane.tare_below_kg = gross_above_kg, tare_below_kg
    session.add(lane)
    session.flush()
    about = {"gross_above_kg": gross_above_kg, "tare_below_kg": tare_below_kg}
    journal.append(session, "lane.set", f"lane:{lane_id}", about, actor)
    return lane
