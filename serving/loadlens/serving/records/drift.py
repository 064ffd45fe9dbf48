"""Whether what the machine sees moves: the loads of a period beside those of a reference period.

Compared are the mix of forms, the share it could not name, its confidence, the share of the bed that was seen, and how
often the pictures were bad. A movement may be the suppliers', the season's, a camera's or a model's: whether it is of
one camera or of all tells them apart, and whether the same model looked in both periods. It is told as one where the
difference is a point or more and its interval, widened so that all of them together err in 5 of 100 comparisons
(Bonferroni), leaves zero out. Loads of one supplier resemble each other, so the intervals are rather too narrow.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Literal

from sqlalchemy.orm import Session

from loadlens.serving.records.measures import Mean, difference, mean
from loadlens.serving.records.periods import Period
from loadlens.serving.records.visits import Visit, visits

Kind = Literal["form", "seeing", "picture"]
# Of a smaller movement nobody would do anything. Assumed.
_LEAST = 0.01
_ERRING = 0.05
_SEEING = ("unknown", "confidence", "coverage")
_PICTURES = ("frame_dark", "frame_glare", "frame_blurred", "frame_blocked", "stream_frozen", "colour_cast")


@dataclass(frozen=True, slots=True)
class Move:
    """One measure, 0..1, in both periods; `has_moved` None where there are too few loads to tell."""

    kind: Kind
    name: str
    reference: Mean
    now: Mean
    difference: Mean
    has_moved: bool | None


@dataclass(frozen=True, slots=True)
class Drift:
    """Every measure; how many loads of each period, the models that looked at them, and the cameras there are."""

    moves: tuple[Move, ...]
    loads: int
    reference_loads: int
    models: tuple[str, ...]
    reference_models: tuple[str, ...]
    cameras: tuple[str, ...]


def drift(session: Session, period: Period, reference: Period, camera: str | None = None) -> Drift:
    """The loads of a period beside those of another, all or those that a camera saw."""
    both = [visits(session, one) for one in (period, reference)]
    cameras = sorted({name for side in both for one in side for name in one.cameras})
    now, before = ([one for one in side if camera is None or camera in one.cameras] for side in both)
    return Drift(
        moves=tuple(_moves(now, before)) if now and before else (),
        loads=len(now),
        reference_loads=len(before),
        models=_models(now),
        reference_models=_models(before),
        cameras=tuple(cameras),
    )


def _models(seen: Sequence[Visit]) -> tuple[str, ...]:
    return tuple(sorted({one.result.model for one in seen if one.result.model}))


def _moves(now: Sequence[Visit], before: Sequence[Visit]) -> list[Move]:
    forms = sorted({form for one in (*now, *before) for form in one.forms})
    measures: dict[str, Kind] = {
        **dict.fromkeys(forms, "form"),
        **dict.fromkeys(_SEEING, "seeing"),
        **dict.fromkeys(_PICTURES, "picture"),
    }
    z = NormalDist().inv_cdf(1 - _ERRING / (2 * len(measures)))
    found = []
    for name, kind in measures.items():
        values = ([value for one in side if (value := _value(one, kind, name)) is not None] for side in (before, now))
        found.append(_move(kind, name, *values, z=z))
    return [move for move in found if move is not None]


def _value(visit: Visit, kind: Kind, name: str) -> float | None:
    """What one measure is on one load."""
    if kind == "form":
        return visit.forms.get(name, 0.0)
    if kind == "picture":
        return float(f",{name}," in visit.result.codes)
    known: float | None = getattr(visit.result, name)
    return known


def _move(kind: Kind, name: str, before: Sequence[float], now: Sequence[float], *, z: float) -> Move | None:
    """One measure from its values; None where it is not known of one of the periods, or is nothing in both."""
    mean_before, mean_now = mean(before), mean(now)
    if mean_before is None or mean_now is None or mean_before.value == mean_now.value == 0:
        return None
    between, wide = difference(before, now), difference(before, now, z)
    has_moved = None
    if wide.low is not None and wide.high is not None:
        has_moved = abs(between.value) >= _LEAST and not wide.low <= 0 <= wide.high
    return Move(kind, name, mean_before, mean_now, between, has_moved)
