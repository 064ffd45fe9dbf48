"""What the crane scale of a lane weighed, given to the layers of a load."""

from datetime import datetime, timedelta
from decimal import Decimal

from sqlalchemy import select
from sqlalchemy.orm import Session

from loadlens.grading.flags import Flag
from loadlens.grading.grabs import Grab, weigh_layers
from loadlens.grading.observation import LoadObservation
from loadlens.grading.standard import Standard
from loadlens.serving.lifecycle import ASSESSED
from loadlens.serving.records import loads
from loadlens.serving.store.tables import Load, Reading


def weighed(session: Session, load: Load, standard: Standard, observation: LoadObservation) -> LoadObservation:
    """What was seen of a closed load, its layers with the masses of their grabs as far as they are known now.

    Where the standard weighs layers by them, masses that count for no layer are noted for a person.
    """
    found, doubt = placed(session, load, standard, observation)
    if doubt is not None:
        loads.flag(session, load, doubt.code, doubt.level, doubt.why)
    return found


def placed(
    session: Session, load: Load, standard: Standard, observation: LoadObservation
) -> tuple[LoadObservation, Flag | None]:
    """What `weighed` gives, and the reason to look that it notes; here nothing is noted."""
    clock_wrong = any(flag.code == "clock_wrong" for flag in loads.flags(session, load.id))
    began = datetime.fromisoformat(observation.started_at)
    grabs = [
        Grab((datetime.fromisoformat(reading.at) - began).total_seconds(), Decimal(reading.kg))
        for reading in _of_load(session, load, since=load.created_at if clock_wrong else observation.started_at)
        if reading.kg is not None
    ]
    if not grabs:
        return observation, None
    if clock_wrong:
        found, lost, why = observation, tuple(grabs), "the clock of a camera was wrong"
    else:
        found, lost = weigh_layers(observation, grabs)
        why = "no layer had ended yet when they were read"
    if not lost or standard.rules.layer_weight != "grab_mass":
        return found, None
    kg = sum((grab.kg for grab in lost), Decimal(0))
    told = f"{len(lost)} of {len(grabs)} masses of grabs ({kg:f} kg) count for no layer: {why}"
    return found, Flag("grab_mass_unplaced", "review", told)


def load_of(session: Session, reading: Reading, lead_s: float) -> Load | None:
    """The load, assessed or settled, that a grab was taken from, if its mass became known only now."""
    if reading.kind != "grab_mass":
        return None
    latest = (datetime.fromisoformat(reading.at) + timedelta(seconds=lead_s)).isoformat()
    known = (*ASSESSED, "settled")
    query = select(Load).where(Load.lane == reading.lane, Load.status.in_(known), Load.closed_at >= reading.at)
    return session.scalars(query.where(Load.created_at <= latest).order_by(Load.created_at.desc()).limit(1)).first()


def note_late(session: Session, load: Load, reading: Reading) -> None:
    """Note for a person that a mass became known after its load was settled: it counts where that is taken up again."""
    if reading.kg is not None and reading.stable is not False:
        why = f"a grab of {reading.kg} kg became known after the load was settled; it is kept and decides nothing"
        loads.flag(session, load, "grab_after_settlement", "review", why)


def _of_load(session: Session, load: Load, *, since: str) -> list[Reading]:
    """What the lane's crane scale weighed between a moment and the close of a load, but for what still swung."""
    if load.lane is None or load.closed_at is None:
        return []
    query = select(Reading).where(Reading.lane == load.lane, Reading.kind == "grab_mass")
    query = query.where(Reading.at >= since, Reading.at <= load.closed_at, Reading.stable.is_not(False))
    return list(session.scalars(query))
