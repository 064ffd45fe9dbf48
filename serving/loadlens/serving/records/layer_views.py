"""One layer as every camera saw it, and what lay there before."""

from typing import Literal, NamedTuple

from sqlalchemy.orm import Session

from loadlens.serving.load_errors import UnknownLoadError
from loadlens.serving.records import assessments, frames
from loadlens.serving.store.tables import StoredFrame

_BEFORE_ALL = "1970-01-01T00:00:00+00:00"

When = Literal["key", "before"]


class View(NamedTuple):
    """A camera and the frame of it that shows a layer; `is_key` where the layer was graded by this very frame."""

    frame: StoredFrame
    is_key: bool


def views(session: Session, load_id: str, version: int, layer: int) -> list[View]:
    """The frame of each camera that was taken nearest to the key frame, that of the key frame first.

    Raises UnknownLoadError where there is no such layer.
    """
    key = _key_frame(session, load_id, version, layer)
    others = [name for name in frames.cameras(session, load_id) if name != key.camera]
    near = [frames.nearest(session, load_id, camera, key.taken_at) for camera in others]
    return [View(key, True), *(View(frame, False) for frame in near if frame is not None)]


def frame(session: Session, load_id: str, version: int, layer: int, *, camera: str | None, moment: When) -> StoredFrame:
    """The frame of a layer as a camera (None: that of the key frame) saw it: when it was graded or, `before`, when the
    layer before it was; before the first layer the first frame of the camera. Raises UnknownLoadError."""
    key = _key_frame(session, load_id, version, layer)
    at = key.taken_at
    if moment == "before":
        at = _key_frame(session, load_id, version, layer - 1).taken_at if layer else _BEFORE_ALL
    elif camera in (None, key.camera):
        return key
    of = camera or key.camera
    found = frames.nearest(session, load_id, of, at)
    if found is None:
        raise UnknownLoadError(f"camera {of} has no frame of load {load_id}")
    return found


def _key_frame(session: Session, load_id: str, version: int, layer: int) -> StoredFrame:
    sha256 = assessments.key_frames(session, load_id, version).get(layer)
    key = None if sha256 is None else frames.of_digest(session, load_id, sha256)
    if key is None:
        raise UnknownLoadError(f"load {load_id} has no layer {layer}")
    return key
