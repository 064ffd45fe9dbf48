"""A model that names a whole photo: the classes that it may show, with what belongs to none of them left over.

One ONNX file. Input `image`: uint8 [N, H, W, 3] RGB, sides divisible by STRIDE, normalisation folded in. Output
`classes`: float32 [N, K], calibrated probabilities that sum to at most 1; the rest is "none of these".
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

import cv2
import numpy as np
from numpy.typing import NDArray

from loadlens.vision import json_check as check
from loadlens.vision.frame import Frame, Picture
from loadlens.vision.metadata import Metric, ModelError
from loadlens.vision.onnx_file import REFUSED, REMEDY, first_line, open_session, read_model_file

SCHEMA = "loadlens.photo-model/1"
STRIDE = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class PhotoMetadata:
    """All that a model of whole photos must say of itself.

    `side`: a photo is seen at the size of a square of so many pixels a side, in its own shape. `calibration` names its
    method. An answer whose likeliest class stays under `abstain_below` (0..1) is not to be relied on. Digests are of
    the training data and the recipe; `metrics` are held-out figures with interval and n.
    """

    name: str
    version: str
    class_ids: tuple[str, ...]
    side: int
    calibration: Mapping[str, Any]
    abstain_below: float
    data_digest: str
    config_digest: str
    metrics: Mapping[str, Metric]
    software: str

    def to_json(self) -> str:
        """The metadata as the model file holds it. Raises ModelError where `from_json` would refuse it."""
        about = {"schema": SCHEMA, **asdict(self), "class_ids": list(self.class_ids)}
        _refuse_faults(about, "model metadata")
        return json.dumps(about, ensure_ascii=False, allow_nan=False, sort_keys=True)

    @classmethod
    def from_json(cls, text: str, *, name: str = "model metadata") -> Self:
        """Read what `to_json` wrote. Raises ModelError that lists every fault; `name` is what the message is about."""
        try:
            about = check.read_object(text)
        except ValueError as fault:
            raise ModelError(f"{name}: {fault}; {REMEDY}") from None
        _refuse_faults(about, name)
        values = {key: value for key, value in about.items() if key != "schema"}
        values["class_ids"] = tuple(about["class_ids"])
        values["metrics"] = {key: Metric(**metric) for key, metric in about["metrics"].items()}
        return cls(**values)


class PhotoModel:
    """A loaded model: `metadata` is what it says of itself, `sha256` the digest of the file it came from."""

    def __init__(self, data: bytes, *, name: str, threads: int = 1) -> None:
        self._name = name
        self.sha256 = hashlib.sha256(data).hexdigest()
        self._session, text = open_session(data, name=name, threads=threads)
        self.metadata = PhotoMetadata.from_json(text, name=name)
        ends = [(end.name, end.type, len(end.shape)) for end in self._session.get_inputs()]
        found = [(end.name, end.type, len(end.shape)) for end in self._session.get_outputs()]
        if ends != [("image", "tensor(uint8)", 4)] or found != [("classes", "tensor(float)", 2)]:
            raise ModelError(f"{name}: {ends} in, {found} out, not one uint8 'image' and float32 'classes'; {REMEDY}")
        try:
            self.look(np.zeros((2 * STRIDE, 3 * STRIDE, 3), np.uint8))
        except REFUSED as fault:
            raise ModelError(f"{name}: it does not run ({first_line(fault)}); {REMEDY}") from None

    def look(self, rgb: Picture) -> NDArray[np.float32]:
        """The probability of every class, float32 [K]; `rgb` as `photo_for_model` makes it. Any thread may call it.

        Raises ModelError where the model gives anything but probabilities.
        """
        (output,) = self._session.run(["classes"], {"image": rgb[None]})
        wanted = (1, len(self.metadata.class_ids))
        # Written so that NaN, which compares false with everything, is caught as well.
        if output.shape != wanted or not (output.min() >= -1e-4 and output.sum() <= 1.001):
            raise ModelError(f"{self._name}: the output is no probabilities of {wanted[1]} classes; {REMEDY}")
        return np.asarray(output[0], np.float32)


def load_photo_model(file: Path, *, threads: int = 1) -> PhotoModel:
    """Load a model file; what was hashed is what runs. Raises ModelError where it is no model of whole photos."""
    return PhotoModel(read_model_file(file), name=str(file), threads=threads)


def photo_for_model(frame: Frame, side: int) -> Picture:
    """A photo as a model wants to see it: RGB uint8 of about side x side pixels, its shape kept to a STRIDE.

    Raises SourceError where it cannot be decoded.
    """
    scale = (side * side / (frame.width * frame.height)) ** 0.5
    width, height = (max(1, round(length * scale / STRIDE)) * STRIDE for length in (frame.width, frame.height))
    reduced = next((by for by in (4, 2) if frame.width // by >= width and frame.height // by >= height), 1)
    rgb = frame.rgb(reduced)
    how = cv2.INTER_AREA if rgb.shape[0] > height else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(rgb, (width, height), interpolation=how), np.uint8)


def _refuse_faults(about: Mapping[str, Any], name: str) -> None:
    if faults := check.faults_of(about, _CHECKS, SCHEMA):
        raise ModelError(f"{name}: {'; '.join(faults)}; {REMEDY}")


def _class_ids(value: Any) -> str | None:
    if not isinstance(value, list) or not value or not all(isinstance(name, str) and name for name in value):
        return "is not a list of class ids"
    return "names a class twice" if len(set(value)) < len(value) else None


_CHECKS: Mapping[str, check.Check] = {
    "schema": check.exactly(SCHEMA),
    "name": check.text,
    "version": check.text,
    "class_ids": _class_ids,
    "side": check.whole(64, 1024),
    "calibration": check.method,
    "abstain_below": check.share,
    "data_digest": check.text,
    "config_digest": check.text,
    "metrics": check.metrics,
    "software": check.text,
}
