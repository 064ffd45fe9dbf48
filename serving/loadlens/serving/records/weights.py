"""Weighings of a load: appended, never edited; the newest of a kind counts."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from sqlalchemy import select
from sqlalchemy.orm import Session

from loadlens.grading.quantity import Mass
from loadlens.grading.weighing import Weights, WeightsError
from loadlens.serving.load_errors import UnacceptableError
from loadlens.serving.store import journal
from loadlens.serving.store.tables import Weight

Kind = Literal["gross", "tare"]


@dataclass(frozen=True, slots=True)
class Weighed:
    """One weighing in kg; `division` is the interval of the scale, `reading` the id of the reading it comes from."""

    kg: Decimal
    division: Decimal | None
    reading: str | None = None


def is_known(session: Session, load_id: str, kind: Kind, weighed: Weighed) -> bool:
    """Whether the newest weighing of this kind says the same."""
    known = weighings(session, load_id).get(kind)
    return known is not None and (Decimal(known.kg), known.division) == (weighed.kg, _text(weighed.division))


def add(session: Session, load_id: str, kind: Kind, weighed: Weighed, *, actor: str) -> None:
    """Record a weighing. UnacceptableError where it cannot be true."""
    weight = Weight(
        load_id=load_id,
        kind=kind,
        kg=f"{weighed.kg:f}",
        division=_text(weighed.division),
        reading=weighed.reading,
        actor=actor,
    )
    session.add(weight)
    journal.append(session, "weight.recorded", f"load:{load_id}", {"kind": kind, "kg": weight.kg}, actor, rows=[weight])
    try:
        both(session, load_id)
    except WeightsError as error:
        raise UnacceptableError(str(error)) from None


def can_be(session: Session, load_id: str, kind: Kind, weighed: Weighed) -> bool:
    """Whether a weighing can be true beside the newest of the other kind."""
    other = weighings(session, load_id).get("tare" if kind == "gross" else "gross")
    if other is None:
        return True
    pair = {kind: Mass(weighed.kg), other.kind: Mass(other.kg)}
    try:
        Weights(pair["gross"], pair["tare"])
    except WeightsError:
        return False
    return True


def weighings(session: Session, load_id: str) -> dict[str, Weight]:
    """The newest weighing of each kind."""
    query = select(Weight).where(Weight.load_id == load_id).order_by(Weight.id)
    return {weight.kind: weight for weight in session.scalars(query)}


def both(session: Session, load_id: str) -> Weights | None:
    """Both weights with the coarser of their divisions; None while one is missing. Raises WeightsError."""
    known = weighings(session, load_id)
    if len(known) < 2:
        return None
    divisions = [Mass(weight.division) for weight in known.values() if weight.division is not None]
    return Weights(Mass(known["gross"].kg), Mass(known["tare"].kg), max(divisions, default=None))


def _text(kg: Decimal | None) -> str | None:
    return None if kg is None else f"{kg:f}"
