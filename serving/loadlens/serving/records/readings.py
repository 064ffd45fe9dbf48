"""What the devices of a lane said: appended as it came, and what follows from it."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from loadlens.serving.alarms.alarms import is_open, raise_alarm
from loadlens.serving.lanes import Truck, weighing_of
from loadlens.serving.lifecycle import ASSESSED
from loadlens.serving.load_errors import ConflictError, UnacceptableError, UnknownLoadError
from loadlens.serving.records import loads
from loadlens.serving.records.weights import Kind, Weighed, weighings
from loadlens.serving.store import journal
from loadlens.serving.store.tables import Lane, Load, Reading

_ON_SITE = ("arrived", "closed", *ASSESSED)


@dataclass(frozen=True, slots=True)
class Use:
    """What a reading became by the rule of its lane."""

    load_id: str
    kind: Kind
    weighed: Weighed


def add(session: Session, reading: Reading, *, actor: str) -> bool:
    """Record a reading; False where exactly this one is known. ConflictError where its id says something else."""
    known = session.get(Reading, reading.id)
    if known is not None:
        if _said(known) != _said(reading):
            raise ConflictError(f"reading {reading.id} is stored and says something else; give each reading its own id")
        return False
    session.add(reading)
    body = {"device": reading.device, "kind": reading.kind}
    journal.append(session, "reading.recorded", f"lane:{reading.lane}", body, actor, rows=[reading])
    return True


def use_of(session: Session, reading: Reading, lead_s: float) -> Use | None:
    """The weight that a stable reading stands for by the rule of its lane; None where a person has to say."""
    if reading.kind != "weight" or not reading.stable or reading.kg is None:
        return None
    lane = loads.find_lane(session, reading.lane)
    query = select(Load).where(Load.lane == lane.id, Load.status.in_(_ON_SITE)).order_by(Load.created_at)
    found = weighing_of(
        Decimal(reading.kg),
        datetime.fromisoformat(reading.at),
        [_truck(session, load) for load in session.scalars(query)],
        timedelta(seconds=lead_s),
        gross_above=_limit(lane.gross_above_kg),
        tare_below=_limit(lane.tare_below_kg),
    )
    return None if found is None else Use(found[0], found[1], weighed_by(reading))


def weighed_by(reading: Reading) -> Weighed:
    """The weighing that a reading is; UnacceptableError where it is none that may count."""
    if reading.kind != "weight" or reading.kg is None:
        raise UnacceptableError(f"reading {reading.id} is no weight")
    if not reading.stable:
        raise UnacceptableError(f"reading {reading.id} was taken while the scale moved; choose a stable one")
    return Weighed(Decimal(reading.kg), _limit(reading.division), reading.id)


def find(session: Session, reading_id: str) -> Reading:
    """The reading of this id; UnknownLoadError where there is none."""
    found = session.get(Reading, reading_id)
    if found is None:
        raise UnknownLoadError(f"there is no reading {reading_id!r}")
    return found


def radiation(session: Session, reading: Reading) -> Load | None:
    """Raise the alarm of a portal; returns the load it is about, if one stands on the lane."""
    if reading.kind != "radiation" or reading.text != "alarm":
        return None
    load = loads.open_on(session, reading.lane)
    subject = f"load:{load.id}" if load else f"lane:{reading.lane}"
    if not is_open(session, "radiation", subject):
        body = {"device": reading.device, "at": reading.at, "value": reading.value, "unit": reading.unit}
        raise_alarm(session, "radiation", subject, body, lane=reading.lane)
    if load is not None:
        flag_radiation(session, load, reading)
    return load


def flag_radiation(session: Session, load: Load, reading: Reading) -> None:
    """A radiation alarm stops a load until a person has decided."""
    loads.flag(session, load, "radiation", "stop", f"the portal {reading.device} raised a radiation alarm: keep away")


def alarms_before(session: Session, lane: str, since: str) -> list[Reading]:
    """The radiation alarms of a lane that were taken or arrived since a moment, for the load that is opened now: by the
    portal's clock alone, one that is slow would let a load pass."""
    query = select(Reading).where(Reading.lane == lane, Reading.kind == "radiation", Reading.text == "alarm")
    return list(session.scalars(query.where(or_(Reading.at >= since, Reading.created_at >= since))))


def newest(session: Session, lane: Lane, kind: str | None, limit: int) -> list[Reading]:
    """The newest readings of a lane, newest first."""
    query = select(Reading).where(Reading.lane == lane.id)
    query = query if kind is None else query.where(Reading.kind == kind)
    return list(session.scalars(query.order_by(Reading.created_at.desc(), Reading.id.desc()).limit(limit)))


def _said(reading: Reading) -> tuple[object, ...]:
    names = ("lane", "device", "kind", "at", "kg", "division", "stable", "text", "value", "unit", "raw")
    return tuple(getattr(reading, name) for name in names)


def _truck(session: Session, load: Load) -> Truck:
    known = weighings(session, load.id)
    closed = None if load.closed_at is None else datetime.fromisoformat(load.closed_at)
    opened = datetime.fromisoformat(load.created_at)
    return Truck(load.id, load.status, opened, closed, gross="gross" in known, tare="tare" in known)


def _limit(kg: str | None) -> Decimal | None:
    return None if kg is None else Decimal(kg)
