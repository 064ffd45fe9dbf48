"""Beds that people mark in the frames of a camera: kept one after the other, and which of them counts for a load."""

import json
from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from loadlens.serving.canonical import canonical_json
from loadlens.serving.store import journal
from loadlens.serving.store.settings_tables import CameraBed
from loadlens.serving.store.tables import Load, StoredFrame, now
from loadlens.vision.bed import Bed, BedError, MarkedBed, mark_bed


def keep(
    session: Session,
    place: tuple[str, str],
    corners: Sequence[tuple[float, float]],
    *,
    size_mm: tuple[int, int],
    frame_size: tuple[int, int],
    actor: str,
) -> CameraBed:
    """Record where the bed lies in the frames of a camera (`place`: lane and camera). `size_mm` is length and width."""
    (lane, camera), (length, width) = place, size_mm
    row = CameraBed(
        lane=lane,
        camera=camera,
        corners=canonical_json([list(corner) for corner in corners]),
        length_mm=length,
        width_mm=width,
        width=frame_size[0],
        height=frame_size[1],
        actor=actor,
    )
    session.add(row)
    journal.append(session, "camera.bed_marked", f"lane:{lane}", {"camera": camera}, actor, rows=[row])
    return row


def newest(session: Session, lane: str, camera: str, *, at: str | None = None) -> CameraBed | None:
    """What was marked last for a camera, or last until a moment; None where nobody has."""
    query = select(CameraBed).where(CameraBed.lane == lane, CameraBed.camera == camera, CameraBed.at <= (at or now()))
    return session.scalars(query.order_by(CameraBed.at.desc(), CameraBed.id.desc()).limit(1)).first()


def marked(row: CameraBed) -> MarkedBed:
    """The bed that a row says."""
    return mark_bed(
        json.loads(row.corners),
        length_mm=row.length_mm,
        width_mm=row.width_mm,
        frame_size=(row.width, row.height),
    )


def of_load(session: Session, load: Load, first: StoredFrame) -> Bed | None:
    """The bed that was marked for a camera before a load arrived; `first` is its first frame. None where nobody has.

    Where the camera gives frames of another size by now, the corners would lie elsewhere: then what was marked since in
    frames of that size counts. Raises BedError where nothing was.
    """
    row = None if load.lane is None else newest(session, load.lane, first.camera, at=load.created_at)
    if row is None:
        return None
    if (row.width, row.height) != (first.width, first.height):
        again = newest(session, row.lane, row.camera)
        if again is None or (again.width, again.height) != (first.width, first.height):
            raise BedError(
                f"camera {first.camera} gives frames of {first.width}x{first.height} pixels, and its bed was marked in "
                f"{row.width}x{row.height}; mark it again"
            )
        row = again
    return marked(row).bed
