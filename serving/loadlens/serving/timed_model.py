"""The model as a server runs it: every look is timed."""

import numpy as np
from numpy.typing import NDArray

from loadlens.serving import metrics
from loadlens.vision.model import SurfaceModel
from loadlens.vision.surface import Surface


class TimedModel(SurfaceModel):
    """A model whose looks are counted and timed in `metrics.model_seconds`."""

    def look(self, rgb: NDArray[np.uint8], *, whole: bool = False) -> Surface:
        """What the model makes of a picture; see SurfaceModel."""
        with metrics.model_seconds.time():
            return super().look(rgb, whole=whole)
