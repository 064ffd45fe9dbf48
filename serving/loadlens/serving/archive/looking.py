"""Loads of an archive as another model sees them, from their key frames alone (`loadlens.vision.relook`)."""

import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from loadlens.grading.fusion import fuse
from loadlens.grading.grabs import Grab, weigh_layers
from loadlens.grading.observation import LoadObservation
from loadlens.grading.observation_json import from_json, to_json
from loadlens.serving.archive.folder import Archive, Part
from loadlens.serving.archive.grading import PartRegrading, refused
from loadlens.serving.archive.tables import GRADED, LOOKED_AT, to_parquet
from loadlens.serving.regrading import UNGRADABLE, known_of, why_not
from loadlens.vision.model import ModelError, SurfaceModel
from loadlens.vision.onnx_file import read_model_file
from loadlens.vision.relook import look_again
from loadlens.vision.trace import TraceError, key_frames, read_traces

# A load has some ten pictures, and each takes a good part of a second: so much is lost with a worker.
LOADS_A_PIECE = 8
_COLUMNS = ["load", "observation", "inputs", "trace", "let_go"]
_NO_TRACE = (
    "cannot be looked at: an earlier version watched it and kept no trace of its layers; the service can let a model "
    "watch all of its frames"
)


@dataclass(frozen=True, slots=True)
class ModelFile:
    """The bytes of a model file, and what its errors call it."""

    data: bytes
    name: str

    @property
    def model(self) -> SurfaceModel:
        """The model; it is opened once in a process. Raises ModelError."""
        return _opened(self)


def read_file(path: Path) -> ModelFile:
    """A model file. Raises ModelError where it cannot be used."""
    file = ModelFile(read_model_file(path), str(path))
    _opened(file)
    return file


@lru_cache(maxsize=1)
def _opened(file: ModelFile) -> SurfaceModel:
    return SurfaceModel(file.data, name=file.name)


@dataclass(frozen=True, slots=True)
class ModelRegrading:
    """Looks at some loads with a model and grades what it saw, by what is known of them but for people's corrections:
    those were made of what the other model saw."""

    grading: PartRegrading
    file: ModelFile

    def __call__(self, piece: bytes) -> bytes:
        """From a piece of `pieces` to the Parquet file of its results. Raises CommandError, ModelError."""
        self.grading.check_software()
        return to_parquet([self._row(**load) for load in pq.read_table(io.BytesIO(piece)).to_pylist()], GRADED)

    def _row(self, load: str, why: str | None, observation: str, inputs: str | None, **kept: Any) -> dict[str, Any]:
        if why is not None:
            return refused(load, why)
        try:
            seen = see_again(from_json(observation), kept["trace"], dict(kept["pictures"]), self.file.model)
            row = self.grading.graded(load, seen, replace(known_of(inputs), correction=None))
        except ModelError:
            raise  # it cannot be relied upon for any other load either
        except UNGRADABLE as fault:
            return refused(load, why_not(fault))
        return row | {"observation": to_json(seen)}


def see_again(
    stored: LoadObservation, traces: bytes, pictures: Mapping[str, bytes], model: SurfaceModel
) -> LoadObservation:
    """What a model sees of a load, whose cameras left `traces`; `pictures` are the key frames by digest.

    The masses of grabs stay with the layers they were taken from, or go to the one before where the model sees none.
    """
    views = {camera: look_again(trace, pictures.__getitem__, model) for camera, trace in read_traces(traces).items()}
    grabs = [Grab(layer.end_s, layer.mass_kg) for layer in stored.layers if layer.mass_kg is not None]
    fused = fuse({camera: view.observation for camera, view in views.items()})
    return weigh_layers(fused.observation, grabs)[0]


def pieces(archive: Archive) -> dict[str, Callable[[], bytes]]:
    """What a model has to look at, some loads at a time, by the names of the results; read when it is asked for.

    Asking raises RefusedError where something of the archive is gone or damaged.
    """
    return {
        f"{Path(part.name).stem}-{first:04d}.parquet": partial(_piece, archive, part, first)
        for part in archive.parts
        for first in range(0, part.loads, LOADS_A_PIECE)
    }


def _piece(archive: Archive, part: Part, first: int) -> bytes:
    loads = pq.read_table(io.BytesIO(archive.read(part)), columns=_COLUMNS).slice(first, LOADS_A_PIECE)
    return to_parquet([_packed(archive, **load) for load in loads.to_pylist()], LOOKED_AT)


def _packed(archive: Archive, trace: str | None, let_go: bool, **load: Any) -> dict[str, Any]:
    """A load with all that a model has to look at, or why it cannot."""
    if trace is None:
        return load | {"why": _NO_TRACE}
    traces = archive.kept("traces", trace)
    try:
        named = sorted(key_frames(read_traces(traces)))
    except TraceError as fault:
        return load | {"why": why_not(fault)}
    if let_go and (gone := [sha256 for sha256 in named if not archive.has("pictures", sha256)]):
        return load | {"why": f"cannot be looked at: the site let go of its frames by its policy, {gone[0]} among them"}
    return load | {"trace": traces, "pictures": [(sha256, archive.kept("pictures", sha256)) for sha256 in named]}
