"""What the answers look like about single layers: their views, their maps, and what people correct in them.

They belong to those of `shapes`.
"""

from typing import Literal

from pydantic import Field

from loadlens.serving.api.shape import Shape


class LayerView(Shape):
    """A camera that saw a layer; `is_key` where the layer was graded by this frame."""

    camera: str
    captured_at: str
    is_key: bool


class LayerViews(Shape):
    """The cameras that saw a layer."""

    views: list[LayerView]


class LayerMapShown(Shape):
    """What was seen where. A cell is `cell` of the frame's width and height; every list runs over the cells row by row.
    `classes` holds the likeliest classes as places in `class_ids`, then the second likeliest and so on; `percent` how
    likely each is, `counted_percent` how much of a cell the layer is graded by."""

    sha256: str
    rows: int
    columns: int
    cell: tuple[float, float]
    class_ids: list[str]
    classes: list[list[int]]
    percent: list[list[int]]
    counted_percent: list[int]


class DrawnRegionShown(Shape):
    """A region that a person named; `taken` is which share of each class that was seen in the layer lies in it."""

    class_: str = Field(alias="class")
    points: list[tuple[float, float]]
    radius: float | None
    taken: dict[str, float]


class LayerCorrectionShown(Shape):
    """What a person corrected in a layer, and on which frame and map it was drawn."""

    layer: int
    key_frame_sha256: str
    map_sha256: str | None
    regions: list[DrawnRegionShown]
    contaminants_percent: dict[str, str]
    grade: str | None


class ClassFacts(Shape):
    """What grading needs to know of a class that the model does not know."""

    id: str
    kind: Literal["form", "contaminant", "hazard", "scene"]
    family: str
    metal: str
    density_low: float
    density: float
    density_high: float


class LayerSeen(Shape):
    """What the eye had seen in a layer before a person corrected it."""

    forms: dict[str, float]
    contaminants: dict[str, float]
    unknown: float


class LayerCorrected(Shape):
    """What a person has corrected in a layer: the grade of its scrap, the classes of regions, shares of its area."""

    grade: str | None
    regions: list[str]
    contaminants: dict[str, float]
    seen: LayerSeen
