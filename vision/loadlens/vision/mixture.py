"""What a layer, or a patch in it, is a mixture of: every cell heard together with all others.

A load holds a few forms, and a piece of dirt is of one material, but the model is asked about each cell as if all were
equally likely there. So it gives a little to everything that looks alike, and summed over a layer that little is much.
Expectation maximisation (Saerens, Latinne and Decaestecker, 2002) finds the mixture that explains all cells best, and
shares each cell's probability anew by it. Where the cells say nothing the mixture says nothing either.

What comes out is right more often but surer of itself than it is right: on stills of 70 rendered loads of the
calibration part it names 75.9 % of pure cells rightly (72.9 % without) and is 96 % sure of them (77 %). So the
shares of forms are counted by it, while confidence, and what counts as unknown, stay with what the model said of each
cell alone; of a contaminated patch, a few cells of a layer, confidence is the mixture's.

A surface whose every cell is a fine mix of the same two forms would be taken for the likelier one alone; rendered loads
have none of that, and of real ones nothing is known.
"""

import numpy as np
from numpy.typing import NDArray

# It has settled long before; a fixed number keeps the result the same everywhere.
_ROUNDS = 20
_NOTHING = 1e-12

Probs = NDArray[np.float32]


def as_mixture(probs: Probs, weight: NDArray[np.float32]) -> Probs:
    """The probabilities of K classes in any number of cells, float32 [K, ...], shared anew; what a cell has of all K
    together stays.

    `weight` is what every cell counts for, float32 [...] in 0..1; cells that count for nothing have no say, and are
    shared anew like the others.
    """
    if len(probs) == 0:
        return probs
    cells = probs.reshape(len(probs), -1)
    together = cells.sum(axis=0, dtype=np.float64)
    given = cells / np.maximum(together, _NOTHING)
    say = together * np.maximum(weight.ravel(), 0.0)  # what rounding leaves of no load is a hair under nothing
    total = float(say.sum())
    if total <= _NOTHING:
        return probs
    mixture = np.full(len(cells), 1 / len(cells))
    for _ in range(_ROUNDS):
        # What each class gains, summed by einsum: it adds in one order, however many threads a process has.
        mixture *= np.einsum("kn,n->k", given, say / _chance(given, mixture)) / total
    shared = given * mixture[:, None] / _chance(given, mixture) * together
    return np.asarray(shared.reshape(probs.shape), np.float32)


def _chance(given: NDArray[np.float64], mixture: NDArray[np.float64]) -> NDArray[np.float64]:
    """How likely the mixture makes each cell."""
    return np.asarray(np.maximum(np.einsum("kn,k->n", given, mixture), _NOTHING), np.float64)
