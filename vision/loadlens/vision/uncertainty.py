"""How much a probability can be trusted: split-conformal class sets, and how strange a picture is.

Split-conformal (Vovk; Lei et al. 2018): on held-out samples of a class, the score 1 - p of the true class has a
quantile that a new sample of that class stays under as often as promised, whatever the model, as long as the new
sample comes from where the held-out ones came from. Another yard or camera breaks that promise: calibrate per site.
"""

import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from loadlens.vision.surface import Surface
from loadlens.vision.taxonomy import Taxonomy


def conformal_quantile(scores: ArrayLike, level: float) -> float:
    """The score that a new sample stays at or under with probability `level` (0..1, exclusive).

    `scores` are n held-out scores. Takes the ceil((n + 1) * level)-th smallest, which counts the new sample among
    them; math.inf where n is too small to promise `level`. Raises ValueError for a level outside 0..1 or a score
    that is not finite.
    """
    values = np.sort(np.asarray(scores, np.float64).ravel())
    if not 0 < level < 1:
        raise ValueError(f"level {level}: coverage is promised as a share above 0 and below 1")
    if not np.isfinite(values).all():
        raise ValueError("conformal scores must be finite; leave samples without a score out")
    # (n + 1) * level may come out a hair above a whole number; the hair must not cost a whole rank.
    rank = math.ceil((len(values) + 1) * level - 1e-9)
    return float(values[rank - 1]) if rank <= len(values) else math.inf


def class_set(probs: NDArray[np.float32], quantiles: Mapping[str, float], class_ids: Sequence[str]) -> tuple[str, ...]:
    """The classes that cannot be ruled out, likeliest first.

    `probs` is float [K] in the order of `class_ids`; a class is in the set where 1 - p is at most its quantile. Classes
    without a quantile were not calibrated and are not judged. The set may be empty: then the picture is like none of
    them. Raises ValueError where probabilities and ids differ in number.
    """
    if probs.shape != (len(class_ids),):
        raise ValueError(f"probabilities of shape {probs.shape} for {len(class_ids)} classes: give one per class")
    kept = [
        (float(prob), class_id)
        for prob, class_id in zip(probs, class_ids, strict=True)
        if class_id in quantiles and 1 - float(prob) <= quantiles[class_id]
    ]
    return tuple(class_id for _, class_id in sorted(kept, key=lambda entry: -entry[0]))


def out_of_distribution_score(surface: Surface, taxonomy: Taxonomy) -> float:
    """How little the load in a picture looks like anything the model knows: 0 (as usual as can be) to 1.

    The strangeness of the whole picture where the model was asked for it and can tell. Else one minus the mean, over
    the cells that show load, of the highest probability; a cell shows load where scene classes are together less likely
    than not. 1.0 where no cell does: nothing there can be graded.
    """
    if surface.strangeness is not None:
        return surface.strangeness
    scene = [index for index, class_id in enumerate(surface.class_ids) if taxonomy[class_id].kind == "scene"]
    load = surface.probs[scene].sum(axis=0) < 0.5
    if not load.any():
        return 1.0
    return float(np.clip(1 - surface.probs.max(axis=0)[load].mean(), 0.0, 1.0))
