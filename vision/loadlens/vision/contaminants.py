"""Which cells of a layer hold a contaminant: those that stand out from the layer they lie in.

The model gives a little of every contaminant to clean scrap as well, to some forms more than to others, and too little
to the pieces that are there; summed over a layer, the first outweighs the second. What tells pieces from scrap is that
they look unlike what lies around them, and in one of their cells clearly so. So each cell is decided: one of a patch
that stands out is contaminated as a whole, all others are clean. A patch is of what its cells show together: mostly it
is one piece of one material.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from loadlens.vision.mixture import as_mixture
from loadlens.vision.surface import Surface
from loadlens.vision.taxonomy import Taxonomy

Grid = NDArray[np.float32]

# A cell stands out where contaminants together are so many times as likely as in the middle one of the layer's cells.
# Chosen on 89 rendered loads of the calibration part; from four to six times it matters little.
_TIMES_THE_MIDDLE = 5.0
# Less is never enough, and more than the second always is: dirt that covers a whole layer stands out from nothing.
_NEVER_BELOW, _ALWAYS_FROM = 0.1, 0.3
# Of cells that stand out and touch, one must do so by this much more, or none of them counts. Chosen on 200 such loads.
_SURELY = 0.1
# A cell of which less belongs to the layer shows mostly something else.
_MOSTLY = 0.3


def decide_contaminants(surface: Surface, exposed: Grid, taxonomy: Taxonomy) -> Surface:
    """The surface with every cell either clean or contaminated; scene and hazards stay as they were.

    `exposed` is the share of every cell that belongs to the layer, float32 [GH, GW] in 0..1. In a contaminated cell
    the contaminants share what forms and contaminants had before, as the mixture of their patch; in any other cell the
    forms do, in the proportions they had.
    """
    kinds = np.array([taxonomy[name].kind for name in surface.class_ids])
    forms, dirt = kinds == "form", kinds == "contaminant"
    load = np.maximum(1 - surface.probs[kinds == "scene"].sum(axis=0), 1e-6)
    likely = surface.probs[dirt].sum(axis=0) / load
    there = exposed > _MOSTLY
    middle = float(np.median(likely[there])) if there.any() else 0.0
    least = float(np.clip(_TIMES_THE_MIDDLE * middle, _NEVER_BELOW, _ALWAYS_FROM))
    stands_out = likely > least
    _, patch = cv2.connectedComponents(stands_out.astype(np.uint8), connectivity=8)
    contaminated = stands_out & np.isin(patch, patch[likely > min(least + _SURELY, _ALWAYS_FROM)])
    shared = surface.probs[forms | dirt].sum(axis=0)
    probs = surface.probs.copy()
    for kind, here in ((forms, ~contaminated), (dirt, contaminated)):
        had = probs[kind].sum(axis=0)
        probs[kind] *= np.where(here, shared / np.maximum(had, 1e-9), 0.0)
    for number in np.unique(patch[contaminated]):
        rows, columns = np.nonzero(patch == number)
        of_patch = (np.flatnonzero(dirt)[:, None], rows, columns)
        probs[of_patch] = as_mixture(probs[of_patch], exposed[rows, columns])
    return Surface(np.ascontiguousarray(probs), surface.class_ids, surface.stride, surface.photo, surface.strangeness)
