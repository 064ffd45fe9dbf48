"""Which forms a layer is a mixture of: every cell heard together with all others of its layer.

A load holds a few forms, but the model is asked about each cell as if all forms were equally likely there, so it gives
a little to every form that looks alike, and summed over a layer that little is much. Expectation maximisation
(Saerens, Latinne and Decaestecker, 2002) finds the mixture that explains all cells of the layer best, and shares each
cell's probability anew by it. Where the cells say nothing the mixture says nothing either.

What comes out is right more often but surer of itself than it is right: on stills of 70 rendered loads of the
calibration part it names 75.9 % of pure cells rightly (72.9 % without) and is 96 % sure of them (77 %). So shares are
counted by it, while confidence, and what counts as unknown, stay with what the model said of each cell alone.
"""

import numpy as np
from numpy.typing import NDArray

# It has settled long before; a fixed number keeps the result the same everywhere.
_ROUNDS = 20
_NOTHING = 1e-12

Forms = NDArray[np.float32]


def as_mixture(forms: Forms, weight: NDArray[np.float32]) -> Forms:
    """The probabilities of forms, float32 [K, GH, GW], shared anew; what a cell has of all forms together stays.

    `weight` is what every cell counts for, float32 [GH, GW] in 0..1; cells that count for nothing have no say, and are
    shared anew like the others.
    """
    together = forms.sum(axis=0, dtype=np.float64)
    given_form = forms / np.maximum(together, _NOTHING)
    say = together * weight
    if len(forms) == 0 or say.sum() <= _NOTHING:
        return forms
    mixture = np.full(len(forms), 1 / len(forms))
    for _ in range(_ROUNDS):
        mixture = (_shared(given_form, mixture) * say).sum(axis=(1, 2)) / say.sum()
    return np.asarray(_shared(given_form, mixture) * together, np.float32)


def _shared(given_form: NDArray[np.float64], mixture: NDArray[np.float64]) -> NDArray[np.float64]:
    joint = given_form * mixture[:, None, None]
    return np.asarray(joint / np.maximum(joint.sum(axis=0), _NOTHING), np.float64)
