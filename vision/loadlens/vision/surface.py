"""A surface: what a model makes of one picture, cell by cell."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Surface:
    """A grid of probabilities over surface classes.

    `probs` is float32 [K, GH, GW] in 0..1, the first axis in the order of `class_ids`; it is made read-only. A cell
    covers `stride` x `stride` pixels of the picture that the model saw; the last row and column may reach past its
    right and lower edge. `photo`, from models that also name whole photos, is float32 [F] in 0..1: how likely the
    picture as a whole shows each form, in the order of the forms among `class_ids`; `strangeness`, 0..1, how unlike the
    photos of scrap that the model knows it is. Raises ValueError where type, shape and ids do not fit together.
    """

    probs: NDArray[np.float32]
    class_ids: tuple[str, ...]
    stride: int
    photo: NDArray[np.float32] | None = None
    strangeness: float | None = None

    def __post_init__(self) -> None:
        if self.probs.dtype != np.float32 or self.probs.ndim != 3 or 0 in self.probs.shape:
            raise ValueError(f"a surface is float32 [K, GH, GW], not {self.probs.dtype} {list(self.probs.shape)}")
        if self.probs.shape[0] != len(self.class_ids):
            raise ValueError(f"{self.probs.shape[0]} planes of probabilities but {len(self.class_ids)} class ids")
        if self.stride < 1:
            raise ValueError(f"stride {self.stride}: a cell covers at least one pixel")
        view = self.probs.view()
        view.flags.writeable = False
        object.__setattr__(self, "probs", view)
