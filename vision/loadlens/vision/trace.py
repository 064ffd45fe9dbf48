"""The trace of a view: all that is noted of a load at one camera beside what a model makes of each surface.

With the key frames that it names, another model can look at the same layers (`loadlens.vision.relook`).
"""

import io
import json
import zipfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from loadlens.grading.observation import Doubt, HazardSighting
from loadlens.vision.bed import Bed
from loadlens.vision.layer import Exposure

SCHEMA = "loadlens.trace/1"
_FACTS = ("load_id", "source", "started_at", "frame_size", "frames_seen", "frames_used")
_MASKS = ("new", "doubtful", "hidden")
_TIMES = ("start_s", "end_s", "key_frame_s", "key_frame_sha256")


class TraceError(ValueError):
    """Bytes that are no trace of a load; the message says why."""


@dataclass(frozen=True, slots=True)
class Trace:
    """What one camera's view of a load rests on.

    `bed` is what a person marked or the settings say; None: it is found in the pictures. `frame_size` is the width and
    height of the source in pixels. `hazards` are those of all frames, `layers` all surfaces that settled, in time, also
    those that the model took for no load. `doubts` are those that no model and no bed have to do with.
    """

    load_id: str
    source: str
    started_at: str
    frame_size: tuple[int, int]
    frames_seen: int
    frames_used: int
    bed: Bed | None
    hazards: tuple[HazardSighting, ...]
    doubts: tuple[Doubt, ...]
    layers: tuple[Exposure, ...]


def traces_to_bytes(traces: Mapping[str, Trace]) -> bytes:
    """The traces of a load by camera as a file; the same traces give the same bytes."""
    views = {camera: _plain(trace) for camera, trace in sorted(traces.items())}
    masks = [getattr(layer, name) for _, trace in sorted(traces.items()) for layer in trace.layers for name in _MASKS]
    about = json.dumps({"schema": SCHEMA, "views": views}, allow_nan=False, separators=(",", ":"))
    file = io.BytesIO()
    bits = np.concatenate([np.packbits(mask) for mask in masks]) if masks else np.zeros(0, np.uint8)
    np.savez_compressed(file, about=np.frombuffer(about.encode(), np.uint8), masks=bits)
    return file.getvalue()


def read_traces(data: bytes) -> dict[str, Trace]:
    """The traces that `traces_to_bytes` wrote, by camera. Raises TraceError for anything else."""
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as file:
            about, bits = json.loads(file["about"].tobytes()), file["masks"]
        if about["schema"] != SCHEMA:
            raise TraceError(f"this is {about['schema']!r}, not {SCHEMA!r}; read it with the version it names")
        found, at = {}, 0
        for camera, view in about["views"].items():
            found[camera], at = _trace(view, bits, at)
    except (ValueError, KeyError, TypeError, OSError, EOFError, zipfile.BadZipFile) as fault:
        raise TraceError(f"no trace of a load ({type(fault).__name__}: {fault})") from None
    return found


def key_frames(traces: Mapping[str, Trace]) -> set[str]:
    """The digests of the pictures that another model would look at."""
    return {layer.key_frame_sha256 for trace in traces.values() for layer in trace.layers}


def _plain(trace: Trace) -> dict[str, Any]:
    """A trace as JSON has it, its masks left out but for their shape."""
    return {
        **{name: getattr(trace, name) for name in _FACTS},
        "bed": trace.bed and asdict(trace.bed),
        "hazards": [asdict(hazard) for hazard in trace.hazards],
        "doubts": [asdict(doubt) for doubt in trace.doubts],
        "layers": [{name: getattr(layer, name) for name in _TIMES} for layer in trace.layers],
        "shape": trace.layers[0].new.shape if trace.layers else (0, 0),
    }


def _trace(view: dict[str, Any], bits: np.ndarray[Any, np.dtype[np.uint8]], at: int) -> tuple[Trace, int]:
    """A trace, and where the masks of the next one begin."""
    height, width = view.pop("shape")
    count, length = len(view["layers"]) * len(_MASKS), (height * width + 7) // 8
    end = at + count * length
    unpacked = np.unpackbits(bits[at:end].reshape(count, length), axis=1, count=height * width).astype(np.bool_)
    masks = unpacked.reshape(len(view["layers"]), len(_MASKS), height, width)
    layers = [
        Exposure(**layer, new=new, doubtful=doubtful, hidden=hidden)
        for layer, (new, doubtful, hidden) in zip(view["layers"], masks, strict=True)
    ]
    bed = view["bed"]
    if bed is not None and bed["corners"] is not None:
        bed["corners"] = tuple((x, y) for x, y in bed["corners"])
    trace = Trace(
        **{
            **view,
            "frame_size": tuple(view["frame_size"]),
            "bed": None if bed is None else Bed(**bed),
            "hazards": tuple(HazardSighting(**{**hazard, "box": tuple(hazard["box"])}) for hazard in view["hazards"]),
            "doubts": tuple(Doubt(**doubt) for doubt in view["doubts"]),
            "layers": tuple(layers),
        }
    )
    return trace, end
