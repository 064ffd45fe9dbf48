"""A view of a load looked at again by another model, from its trace and its key frames alone.

What cannot be told from them stays as it was observed: when layers lay open, what of them was new and what hid them,
and the hazards seen between key frames. The shares of every layer, its area and the bed, where nobody marked it, are
the new model's; hazards that it finds on key frames are added, and none is taken away.
"""

from collections.abc import Callable
from dataclasses import replace

from loadlens.vision.frame import Frame
from loadlens.vision.hazards import merge_sightings
from loadlens.vision.layer import Exposure, SeenLayer
from loadlens.vision.model import SurfaceModel
from loadlens.vision.observed import Observed
from loadlens.vision.pipeline import look_at
from loadlens.vision.summing import sum_layers, weak_alarms
from loadlens.vision.trace import Trace


def look_again(trace: Trace, picture: Callable[[str], bytes], model: SurfaceModel) -> Observed:
    """What a model sees of a view; `picture` gives the encoded key frame of a digest.

    The model that made the trace sees what it saw then, to the bit. Raises SourceError for bytes that are no picture,
    and what `picture` raises.
    """
    hazards, layers = trace.hazards, []
    for exposure in trace.layers:
        frame = Frame.from_bytes(
            picture(exposure.key_frame_sha256),
            name=f"key frame {exposure.key_frame_sha256}",
            time_s=exposure.key_frame_s,
            colour_width=model.metadata.trained_width,
        )
        look = look_at(frame, model)
        hazards = merge_sightings(hazards, look.hazards)
        where = {name: getattr(exposure, name) for name in Exposure.__slots__}
        layers.append(SeenLayer(**where, surface=look.surface, size=look.size))
    return sum_layers(replace(trace, hazards=hazards), layers, model, weak_alarms(model.metadata))
