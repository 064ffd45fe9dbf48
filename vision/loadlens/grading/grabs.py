"""Masses of single grabs, as a crane scale shows them, given to the layers that the grabs took away.

A layer lies open until a grab comes. So a grab belongs to the layer that was the last to end when its mass was read;
where several grabs come between the ends of two layers, their masses add up.
"""

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass, replace
from decimal import Decimal

from loadlens.grading.observation import LoadObservation


@dataclass(frozen=True, slots=True)
class Grab:
    """What hung on the crane scale: kilograms, at a time in seconds from the start of the source."""

    time_s: float
    kg: Decimal


def weigh_layers(observation: LoadObservation, grabs: Iterable[Grab]) -> tuple[LoadObservation, tuple[Grab, ...]]:
    """The observation with a mass for every layer that a grab was weighed of, and the grabs that fit no layer.

    The masses of these grabs alone count; a layer of which none was weighed has no mass.
    """
    by_end = sorted(observation.layers, key=lambda layer: (layer.end_s, layer.index))
    ends = [layer.end_s for layer in by_end]
    masses: dict[int, Decimal] = {}
    lost = []
    for grab in sorted(grabs, key=lambda grab: (grab.time_s, grab.kg)):
        ended = bisect_right(ends, grab.time_s)
        if ended == 0:
            lost.append(grab)
        else:
            index = by_end[ended - 1].index
            masses[index] = masses.get(index, Decimal(0)) + grab.kg
    layers = tuple(replace(layer, mass_kg=masses.get(layer.index)) for layer in observation.layers)
    return replace(observation, layers=layers), tuple(lost)
