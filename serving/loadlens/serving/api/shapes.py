"""What the answers look like that programs read, for OpenAPI: the console's types are generated from it.

The answers are put together where they are known; a test holds real ones against these shapes.
"""

from typing import Any, Literal

from pydantic import BaseModel, Field

from loadlens.serving.api.layer_shapes import ClassFacts, LayerCorrected, LayerCorrectionShown
from loadlens.serving.api.shape import Shape
from loadlens.serving.lifecycle import State


def shaped(shape: type[BaseModel], status: int = 200) -> dict[int | str, dict[str, Any]]:
    """What OpenAPI says of an answer of this shape."""
    return {status: {"model": shape}}


class Names(Shape):
    """What people call a thing."""

    en: str
    zh: str


class Who(Shape):
    """The caller; `csrf` is what changing requests of a session show."""

    name: str
    role: Literal["camera", "inspector", "manager", "auditor", "admin"]
    lane: str | None
    csrf: str | None


class LoadSummary(Shape):
    """What a list shows of a load."""

    id: str
    status: State
    lane: str | None
    supplier: str | None
    plate: str | None
    note: str | None
    declared: str | None
    standard: str
    created_at: str
    closed_at: str | None


class LoadPage(Shape):
    """Loads, newest first."""

    loads: list[LoadSummary]
    next_cursor: str | None


class Hazard(Shape):
    """A hazard where and when it was seen; the box is x, y, w, h in pixels of the frame."""

    class_: str = Field(alias="class")
    score: float
    box: list[float]
    frame_s: float
    frame_sha256: str


class FlagShown(Shape):
    """A reason to look."""

    code: str
    level: Literal["info", "review", "stop"]
    why: str


class Weight(Shape):
    """A weighing that counts, in kilograms."""

    kg: str
    division: str | None


class FrameCounts(Shape):
    """How many frames of a load are kept, and how many were looked at."""

    stored: int
    watched: int


class LoadShown(LoadSummary):
    """All that is known of a load now."""

    weights: dict[str, Weight]
    frames: FrameCounts
    layers_so_far: int
    hazards: list[Hazard]
    flags: list[FlagShown]
    assessment_version: int | None
    problem: str | None


class LaneShown(Shape):
    """A lane and its rule for weighings."""

    id: str
    gross_above_kg: str | None
    tare_below_kg: str | None
    created_at: str


class LaneList(Shape):
    """Every lane."""

    lanes: list[LaneShown]


class CameraShown(Shape):
    """What a camera last said of itself."""

    camera: str
    state: Literal["ok", "frozen", "black", "lost"]
    since: str
    at: str
    counts: dict[str, int]


class LaneNow(LaneShown):
    """A lane, its cameras, the load that is open on it, and all that is known of that one or else of the last one."""

    open_load: LoadSummary | None
    newest_load: LoadShown | None
    cameras: list[CameraShown]


class CameraList(Shape):
    """The cameras of a lane."""

    cameras: list[CameraShown]


class Acknowledged(Shape):
    """Who has taken an alarm over."""

    at: str
    by: str
    note: str


class AlarmShown(Shape):
    """An alarm; what `body` holds depends on its kind."""

    id: int
    at: str
    kind: str
    subject: str
    lane: str | None
    body: dict[str, Any]
    acknowledged: Acknowledged | None


class AlarmPage(Shape):
    """Alarms, newest first."""

    alarms: list[AlarmShown]
    next_cursor: int | None


class ClassShown(Shape):
    """A surface class."""

    id: str
    kind: Literal["form", "contaminant", "hazard", "scene"]
    family: str | None
    name: Names
    colour: str


class ClassList(Shape):
    """The surface classes, in the order of the taxonomy."""

    classes: list[ClassShown]


class GradeShown(Shape):
    """A grade of a standard."""

    code: str
    name: Names


class StandardShown(Shape):
    """A standard that loads can be graded by."""

    id: str
    version: str
    title: Names
    edition: str
    sha256: str
    grades: list[GradeShown]


class StandardList(Shape):
    """The standards by id; `default` is that of loads that name none."""

    default: str
    standards: list[StandardShown]


class CorrectionShown(Shape):
    """What a person has measured, as it was recorded: kilograms and percent as decimal text."""

    contaminants_kg: dict[str, str]
    residue_kg: str
    items: list[dict[str, str]]
    water_percent: str
    oil_percent: str
    packaging_kg: str
    other_kg: str
    other_reason: str
    layers: list[LayerCorrectionShown]
    classes: dict[str, ClassFacts]


class ReviewShown(Shape):
    """A decision on a load."""

    decision: Literal["accept", "correct", "stop"]
    reason: str
    version: int
    actor: str
    at: str
    correction: CorrectionShown | None


class ReviewList(Shape):
    """The decisions on a load, oldest first."""

    reviews: list[ReviewShown]


class ReportLoad(Shape):
    """Which load a report is of, and how much of it was seen."""

    id: str
    source: str
    started_at: str
    frames_seen: int
    frames_used: int
    declared: str | None
    coverage: float
    duplicate_area: float


class ModelVersionShown(Shape):
    """The model that looked."""

    name: str
    version: str
    sha256: str


class StandardVersionShown(Shape):
    """The standard that judged."""

    id: str
    version: str
    sha256: str


class Versions(Shape):
    """What an assessment was made with."""

    software: str
    model: ModelVersionShown
    standard: StandardVersionShown


class LayerContaminant(Shape):
    """A contaminant of a layer, as shares."""

    area: float
    mass: float


class LayerShown(Shape):
    """A layer: shares are of its visible area, `weight` is its share of the load."""

    index: int
    start_s: float
    end_s: float
    key_frame_s: float
    key_frame_sha256: str
    new_area: float
    visible: float
    weight: float
    forms: dict[str, float]
    grades: dict[str, float]
    contaminants: dict[str, LayerContaminant]
    hazards: list[Hazard]
    unknown: float
    confidence: float
    overlay: str | None
    corrected: LayerCorrected | None = None


class TruckContaminant(Shape):
    """A contaminant of the load: shares, and kilograms where the load was weighed."""

    area: float
    mass: float
    mass_low: float | None
    mass_high: float | None
    kg: float | None
    kg_low: float | None
    kg_high: float | None


class CauseShown(Shape):
    """One cause of a deduction."""

    kg: float | None
    kg_low: float | None
    kg_high: float | None
    percent_of_net: float
    why: str


class ToleranceShown(Shape):
    """What the standard allows, and whether that figure decides."""

    policy: str
    limit_percent: float | None
    limit_verified: str | None
    limit_decides: bool
    inclusions_percent: float


class DeductionShown(Shape):
    """What is taken off the net weight."""

    kg: float | None
    kg_low: float | None
    kg_high: float | None
    percent_of_net: float
    percent_low: float | None
    percent_high: float | None
    by_cause: dict[str, CauseShown]
    tolerance: ToleranceShown
    coverage_level: float | None
    scale_uncertainty_kg: float | None


class TruckShown(Shape):
    """The whole load."""

    grade: str | None
    main_grade: str | None
    grades: dict[str, float]
    forms: dict[str, float]
    families: dict[str, float]
    unknown: float
    confidence: float
    weighted_by: str
    contaminants: dict[str, TruckContaminant]
    deduction: DeductionShown
    net_kg: float | None
    settlement_kg: float | None
    hazards: list[Hazard]
    flags: list[FlagShown]
    decision: Literal["accept", "review", "stop"]


class Report(Shape):
    """An assessment, schema "loadlens.report/1"."""

    schema_: Literal["loadlens.report/1"] = Field(alias="schema")
    load: ReportLoad
    versions: Versions
    layers: list[LayerShown]
    truck: TruckShown
    explain: list[str]
