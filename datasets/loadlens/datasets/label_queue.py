"""Which pictures a person should label next: a few that teach most, each with the reasons why it was taken.

A picture is worth its doubt times its distance. Doubt is the largest of what a model, several models or people leave
open about it; distance is how unlike everything it is that is labelled or was taken before. So the queue neither asks
ten times about one pile nor about what is clear. Of one scene a single picture is taken while other scenes are left,
and yards take turns. `bench/label_queue.py` says how many labels that saves.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Doubt = Literal["uncertain", "strange", "disputed", "hazard"]
# Below this a doubt is no reason that anybody would name.
_TOLD = 0.5
_LEAST_DOUBT = 0.02


@dataclass(frozen=True, slots=True)
class Candidate:
    """A picture that may be labelled: how doubtful it is for each reason, 0..1, its scene, and the yard it is from."""

    doubts: Mapping[Doubt, float]
    scene: str
    site: str = ""


@dataclass(frozen=True, slots=True)
class Picked:
    """A place in the candidates, why it was picked, and its distance (0..2) from all that was known by then."""

    index: int
    reasons: tuple[str, ...]
    distance: float


def margin_doubt(chances: NDArray[np.floating]) -> NDArray[np.float64]:
    """Doubt 0..1 of every row of probabilities [N, K], K at least 2: 1 minus how far the first is above the second."""
    ordered = np.sort(np.asarray(chances, np.float64), axis=1)
    return np.asarray(1 - (ordered[:, -1] - ordered[:, -2]), np.float64)


def pick_next(
    candidates: Sequence[Candidate], features: NDArray[np.floating], known: NDArray[np.floating], count: int
) -> list[Picked]:
    """At most `count` candidates, the most telling first.

    `features` [N, D] are the candidates' and `known` [M, D] those of what is labelled already (M may be 0); they are
    compared by the cosine of their standardised values.
    """
    if not candidates:
        return []
    units = standardised(np.concatenate([features, known]))
    own, others = units[: len(candidates)], units[len(candidates) :]
    distance = 1 - (own @ others.T).max(axis=1) if len(others) else np.ones(len(candidates))
    doubt = np.array([max([_LEAST_DOUBT, *one.doubts.values()]) for one in candidates])
    taken: list[Picked] = []
    scenes: set[str] = set()
    sites: Counter[str] = Counter({one.site: 0 for one in candidates})
    left = np.ones(len(candidates), np.bool_)
    while len(taken) < count and left.any():
        index = _best(candidates, doubt * distance, left, scenes, sites)
        left[index] = False
        taken.append(Picked(index, _reasons(candidates[index], bool(len(known) or taken)), float(distance[index])))
        scenes.add(candidates[index].scene)
        sites[candidates[index].site] += 1
        distance = np.minimum(distance, 1 - own @ own[index])
    return taken


def standardised(features: NDArray[np.floating]) -> NDArray[np.float32]:
    """Features [N, D] with each column centred and of equal spread, and each row of length 1."""
    scaled = (features - features.mean(axis=0)) / np.maximum(features.std(axis=0), 1e-6)
    return np.asarray(scaled / np.maximum(np.linalg.norm(scaled, axis=1, keepdims=True), 1e-6), np.float32)


def _best(
    candidates: Sequence[Candidate],
    worth: NDArray[np.floating],
    left: NDArray[np.bool_],
    scenes: set[str],
    sites: Counter[str],
) -> int:
    """The worthiest of a scene that was not taken, in the yard that was asked least; else of what there is."""
    fresh = left & np.array([one.scene not in scenes for one in candidates])
    among = fresh if fresh.any() else left
    rarest = min(sites[one.site] for one, is_among in zip(candidates, among, strict=True) if is_among)
    turn = among & np.array([sites[one.site] == rarest for one in candidates])
    return int(np.where(turn, worth, -1.0).argmax())


def _reasons(one: Candidate, is_spread: bool) -> tuple[str, ...]:
    told = [f"{name} {value:.2f}" for name, value in one.doubts.items() if value >= _TOLD]
    if told:
        return tuple(told)
    return ("unlike what is known",) if is_spread else ("first of all",)
