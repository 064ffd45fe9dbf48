"""The model file: verified, identified by its bytes, and run on the processor. Only this module knows ONNX Runtime."""

import hashlib
from importlib import resources
from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from onnxruntime.capi import onnxruntime_pybind11_state as runtime

from loadlens.vision.metadata import METADATA_KEY, ModelError, ModelMetadata
from loadlens.vision.surface import Surface
from loadlens.vision.taxonomy import load_taxonomy

__all__ = ["WHOLE", "ModelError", "ModelMetadata", "SurfaceModel", "installed_models", "load_model"]

# The input that asks for `photo`; without it the model answers for cells alone.
WHOLE = "whole"

_REMEDY = "export it again with `loadlens export`"
_LARGEST_FILE = 200 * 2**20
_LARGEST_SIDE = 8192
_REFUSED = (
    runtime.Fail,
    runtime.InvalidArgument,
    runtime.InvalidGraph,
    runtime.InvalidProtobuf,
    runtime.NoSuchFile,
    runtime.NotImplemented,
    runtime.RuntimeException,
)


class SurfaceModel:
    """A loaded model: `metadata` is what it says of itself, `sha256` the digest of the file it came from."""

    def __init__(self, data: bytes, *, name: str, threads: int = 1) -> None:
        self._name = name
        self.sha256 = hashlib.sha256(data).hexdigest()
        try:
            self._session = _session(data, threads)
        except _REFUSED as fault:
            raise ModelError(f"{name}: ONNX Runtime refuses it ({_first_line(fault)}); {_REMEDY}") from None
        text = self._session.get_modelmeta().custom_metadata_map.get(METADATA_KEY)
        if text is None:
            raise ModelError(f"{name}: the ONNX file has no metadata under {METADATA_KEY!r}; {_REMEDY}")
        self.metadata = ModelMetadata.from_json(text, name=name)
        self._check_ends()
        self._try_out()

    def look(self, rgb: NDArray[np.uint8], *, whole: bool = False) -> Surface:
        """What the model makes of a picture, uint8 [H, W, 3] RGB of any size; may be called from several threads.

        With `whole` it also says what the picture shows as a whole, if it can; that takes about as long again. The
        right and lower edge are repeated up to a multiple of the stride. Raises ValueError for a picture of another
        type, smaller than a cell or larger than 8192 pixels a side, and ModelError where the model gives anything but
        probabilities.
        """
        stride = self.metadata.stride
        if rgb.dtype != np.uint8 or rgb.ndim != 3 or rgb.shape[2] != 3:
            raise ValueError(f"a picture is uint8 [H, W, 3], not {rgb.dtype} {list(rgb.shape)}; convert it to RGB")
        height, width = rgb.shape[:2]
        if min(height, width) < stride or max(height, width) > _LARGEST_SIDE:
            raise ValueError(f"picture of {width} x {height} pixels: a side has {stride} to {_LARGEST_SIDE} pixels")
        padded = np.pad(rgb, ((0, -height % stride), (0, -width % stride), (0, 0)), mode="edge")
        fed: dict[str, NDArray[np.generic]] = {"image": padded[None]}
        if whole and self._names_photos:
            output, photo = self._session.run(["surface", "photo"], fed | {WHOLE: np.array(True)})
        else:
            (output,), photo = self._session.run(["surface"], fed), None
        grid = (1, len(self.metadata.class_ids), padded.shape[0] // stride, padded.shape[1] // stride)
        if output.shape != grid:
            raise ModelError(f"{self._name}: output {list(output.shape)} where {list(grid)} is due; {_REMEDY}")
        self._check_probabilities(output)
        named = None if photo is None else self._checked_photo(photo)
        return Surface(output[0], self.metadata.class_ids, stride, named)

    def _checked_photo(self, output: NDArray[np.float32]) -> NDArray[np.float32]:
        forms = sum(load_taxonomy()[name].kind == "form" for name in self.metadata.class_ids)
        if output.shape != (1, forms):
            raise ModelError(f"{self._name}: 'photo' is {list(output.shape)} where {[1, forms]} is due; {_REMEDY}")
        self._check_probabilities(output)
        return np.asarray(output[0], np.float32)

    def _check_probabilities(self, output: NDArray[np.float32]) -> None:
        # Written so that NaN, which compares false with everything, is caught as well.
        if not (output.min() >= -1e-4 and output.sum(axis=1).max() <= 1.001):
            raise ModelError(f"{self._name}: the output is no probabilities (0..1, at most 1 a cell); {_REMEDY}")

    def _check_ends(self) -> None:
        ends = [(end.name, end.type, len(end.shape)) for end in self._session.get_inputs()]
        if ends != [("image", "tensor(uint8)", 4)]:
            raise ModelError(f"{self._name}: its input is {ends}, not one uint8 'image' of 4 axes; {_REMEDY}")
        found = [(end.name, end.type, len(end.shape)) for end in self._session.get_outputs()]
        if ("surface", "tensor(float)", 4) not in found:
            raise ModelError(f"{self._name}: its outputs {found} lack a float32 'surface' of 4 axes; {_REMEDY}")
        # A model may also name whole pictures, when it is told to.
        wanted = [(end.name, end.type) for end in self._session.get_overridable_initializers()]
        self._names_photos = (WHOLE, "tensor(bool)") in wanted and ("photo", "tensor(float)", 2) in found

    def _try_out(self) -> None:
        """Look once at a small dark picture: a graph that cannot run is better refused now than at the first truck."""
        stride = self.metadata.stride
        try:
            self.look(np.zeros((2 * stride, 3 * stride, 3), np.uint8), whole=True)
        except _REFUSED as fault:
            raise ModelError(f"{self._name}: it does not run ({_first_line(fault)}); {_REMEDY}") from None


def load_model(path: Path | None = None, *, threads: int = 1, kind: type[SurfaceModel] = SurfaceModel) -> SurfaceModel:
    """Load a model file, by default the one that is shipped; `threads` is how many it may use for one picture.

    The file is read once: what was hashed is what runs. Raises ModelError where it is missing, too large, no ONNX
    file, or its metadata is missing or faulty.
    """
    file = _models_folder() / "loadlens-surface.onnx" if path is None else path
    if not file.is_file():
        raise ModelError(f"{file}: no such model file; give one made by `loadlens export`")
    if file.stat().st_size > _LARGEST_FILE:
        raise ModelError(f"{file}: larger than {_LARGEST_FILE >> 20} MiB, so no model of ours; {_REMEDY}")
    try:
        data = file.read_bytes()
    except OSError as fault:
        raise ModelError(f"{file}: cannot be read ({fault.strerror}); make it readable") from None
    return kind(data, name=str(file), threads=threads)


def installed_models() -> list[Path]:
    """The model files that are installed with the package, by name."""
    return sorted(_models_folder().glob("*.onnx"))


def _models_folder() -> Path:
    return Path(str(resources.files("loadlens.vision"))) / "models"


def _session(data: bytes, threads: int) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    # Idle threads that spin would take the cores from the decoder.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    # Weights in other files would not be covered by the digest: point the runtime where there are none.
    options.add_session_config_entry("session.model_external_initializers_file_folder_path", "/nonexistent")
    # Faults are raised; the runtime need not write them to stderr as well.
    options.log_severity_level = 4
    return onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])


def _first_line(fault: Exception) -> str:
    return str(fault).splitlines()[0]
