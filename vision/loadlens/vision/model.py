"""The model file: verified, identified by its bytes, and run on the processor."""

import hashlib
from importlib import resources
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from loadlens.vision.metadata import ModelError, ModelMetadata
from loadlens.vision.onnx_file import REFUSED, REMEDY, first_line, open_session, read_model_file
from loadlens.vision.surface import Surface
from loadlens.vision.taxonomy import load_taxonomy

__all__ = ["WHOLE", "ModelError", "ModelMetadata", "SurfaceModel", "installed_models", "load_model", "shipped_model"]

# The input that asks for `photo` and, of models that have it, `strangeness`; without it the model answers for cells
# alone.
WHOLE = "whole"
STRANGENESS = "strangeness"

_LARGEST_SIDE = 8192


class SurfaceModel:
    """A loaded model: `metadata` is what it says of itself, `sha256` the digest of the file it came from."""

    def __init__(self, data: bytes, *, name: str, threads: int = 1) -> None:
        self._name = name
        self.sha256 = hashlib.sha256(data).hexdigest()
        self._session, text = open_session(data, name=name, threads=threads)
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
        asked = ["surface", *(self._of_whole if whole else ())]
        answers = self._session.run(asked, fed | ({WHOLE: np.array(True)} if len(asked) > 1 else {}))
        found = dict(zip(asked, answers, strict=True))
        output = found["surface"]
        grid = (1, len(self.metadata.class_ids), padded.shape[0] // stride, padded.shape[1] // stride)
        if output.shape != grid:
            raise ModelError(f"{self._name}: output {list(output.shape)} where {list(grid)} is due; {REMEDY}")
        self._check_probabilities(output)
        photo = self._checked_photo(found["photo"]) if "photo" in found else None
        strangeness = self._checked_strangeness(found[STRANGENESS]) if STRANGENESS in found else None
        return Surface(output[0], self.metadata.class_ids, stride, photo, strangeness)

    def _checked_photo(self, output: NDArray[np.float32]) -> NDArray[np.float32]:
        forms = sum(load_taxonomy()[name].kind == "form" for name in self.metadata.class_ids)
        if output.shape != (1, forms):
            raise ModelError(f"{self._name}: 'photo' is {list(output.shape)} where {[1, forms]} is due; {REMEDY}")
        self._check_probabilities(output)
        return np.asarray(output[0], np.float32)

    def _checked_strangeness(self, output: NDArray[np.float32]) -> float:
        # Written so that NaN, which compares false with everything, is caught as well.
        if output.shape != (1,) or not 0 <= output[0] <= 1:
            raise ModelError(f"{self._name}: '{STRANGENESS}' is {output.tolist()} where a share 0..1 is due; {REMEDY}")
        return float(output[0])

    def _check_probabilities(self, output: NDArray[np.float32]) -> None:
        # Written so that NaN, which compares false with everything, is caught as well.
        if not (output.min() >= -1e-4 and output.sum(axis=1).max() <= 1.001):
            raise ModelError(f"{self._name}: the output is no probabilities (0..1, at most 1 a cell); {REMEDY}")

    def _check_ends(self) -> None:
        ends = [(end.name, end.type, len(end.shape)) for end in self._session.get_inputs()]
        if ends != [("image", "tensor(uint8)", 4)]:
            raise ModelError(f"{self._name}: its input is {ends}, not one uint8 'image' of 4 axes; {REMEDY}")
        found = [(end.name, end.type, len(end.shape)) for end in self._session.get_outputs()]
        if ("surface", "tensor(float)", 4) not in found:
            raise ModelError(f"{self._name}: its outputs {found} lack a float32 'surface' of 4 axes; {REMEDY}")
        # A model may also name whole pictures, when it is told to.
        wanted = [(end.name, end.type) for end in self._session.get_overridable_initializers()]
        answers = (("photo", "tensor(float)", 2), (STRANGENESS, "tensor(float)", 1))
        can = (WHOLE, "tensor(bool)") in wanted and answers[0] in found
        self._of_whole = [answer[0] for answer in answers if can and answer in found]

    def _try_out(self) -> None:
        """Look once at a small dark picture: a graph that cannot run is better refused now than at the first truck."""
        stride = self.metadata.stride
        try:
            self.look(np.zeros((2 * stride, 3 * stride, 3), np.uint8), whole=True)
        except REFUSED as fault:
            raise ModelError(f"{self._name}: it does not run ({first_line(fault)}); {REMEDY}") from None


def load_model(path: Path | None = None, *, threads: int = 1, kind: type[SurfaceModel] = SurfaceModel) -> SurfaceModel:
    """Load a model file, by default the one that is shipped; `threads` is how many it may use for one picture.

    The file is read once: what was hashed is what runs. Raises ModelError where it is missing, too large, no ONNX
    file, or its metadata is missing or faulty.
    """
    file = path or shipped_model()
    return kind(read_model_file(file), name=str(file), threads=threads)


def shipped_model() -> Path:
    """The model file that is used where none is given."""
    return _models_folder() / "loadlens-surface.onnx"


def installed_models() -> list[Path]:
    """The model files that are installed with the package, by name."""
    return sorted(_models_folder().glob("*.onnx"))


def _models_folder() -> Path:
    return Path(str(resources.files("loadlens.vision"))) / "models"
