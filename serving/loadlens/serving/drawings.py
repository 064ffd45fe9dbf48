"""The pictures of a load's layers with what was seen drawn on them.

A drawing may be let go when it is old. Asked for again, it is drawn from what is still kept: the key frame and the
shares of the layer. Where in the picture each form lay is not kept, so that map is missing, and the picture says so.
"""

from dataclasses import dataclass

from sqlalchemy.orm import Session

from loadlens.grading.observation import LayerObservation
from loadlens.grading.observation_json import from_json
from loadlens.serving.evidence.retention import let_go_of
from loadlens.serving.jpeg import encode_jpeg
from loadlens.serving.records import assessments
from loadlens.serving.store.blobs import Blobs
from loadlens.vision.frame import Frame
from loadlens.vision.overlay import draw_shares
from loadlens.vision.pipeline import picture_for_model
from loadlens.vision.taxonomy import load_taxonomy

_WIDTH = 960


@dataclass(frozen=True, slots=True)
class Drawing:
    """The drawing of a layer: kept under `sha256`, or to be made again of `layer`; neither where the frame is gone."""

    sha256: str | None
    layer: LayerObservation | None

    @property
    def is_gone(self) -> bool:
        """Whether neither it nor its frame is kept any more."""
        return self.sha256 is None and self.layer is None

    def jpeg(self, blobs: Blobs) -> bytes:
        """The picture. Raises BlobError where what should be there is not."""
        if self.layer is None:
            return blobs.get(self.sha256 or "")
        layer = self.layer
        frame = Frame.from_bytes(
            blobs.get(layer.key_frame_sha256),
            name=f"the key frame of layer {layer.index}",
            time_s=layer.key_frame_s,
            colour_width=_WIDTH,
        )
        title = f"Layer {layer.number} 第{layer.number}层   {layer.key_frame_s:.1f} s   without its map 无料型分布图"
        return encode_jpeg(draw_shares(picture_for_model(frame, _WIDTH), layer, title=title, taxonomy=load_taxonomy()))


def drawings_of(session: Session, load_id: str, version: int) -> dict[int, Drawing]:
    """The drawings of a load by layer, as one version of its assessment shows them."""
    drawn, gone = assessments.pictures_of(session, load_id, version), let_go_of(session, load_id)
    found = {index: Drawing(sha256, None) for index, sha256 in drawn.items() if sha256 not in gone}
    if len(found) == len(drawn):
        return found
    seen = assessments.version(session, load_id, assessments.watching(session, load_id, version))
    layers = {layer.index: layer for layer in from_json(seen.observation).layers}
    for index in drawn.keys() - found.keys():
        layer = layers[index]
        found[index] = Drawing(None, None if layer.key_frame_sha256 in gone else layer)
    return found
