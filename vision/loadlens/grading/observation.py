"""What was seen of a load: the stored facts that every assessment is computed from.

Observations are made by `loadlens.vision`, stored as they are, and never edited. They hold everything
that grading needs, so that an assessment can be recomputed years later without a picture or a model.
Shares are of the visible bed area, 0..1; times are seconds from the start of the source.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal

ClassKind = Literal["form", "contaminant", "hazard", "scene"]


@dataclass(frozen=True, slots=True)
class SurfaceClass:
    """A surface class as grading knows it.

    Densities are kilograms per square metre of visible surface relative to clean scrap of the same load.
    """

    id: str
    kind: ClassKind
    family: str = ""
    metal: str = ""
    density_low: float = 1.0
    density: float = 1.0
    density_high: float = 1.0


@dataclass(frozen=True, slots=True)
class HazardSighting:
    """A dangerous thing in one frame; `box` is x, y, w, h in pixels of the source frame."""

    class_id: str
    score: float
    box: tuple[int, int, int, int]
    frame_s: float
    frame_sha256: str


def in_time(hazard: HazardSighting) -> tuple[object, ...]:
    """The key that puts sightings in one order, by time and then by everything else: a set of them has none."""
    return (hazard.frame_s, hazard.class_id, hazard.box, hazard.score, hazard.frame_sha256)


@dataclass(frozen=True, slots=True)
class LayerObservation:
    """What one layer showed.

    `forms`, `contaminants` and `unknown` are shares of the *newly exposed* visible surface and sum to 1
    (what no class claims, and the area of hazards, is `unknown`). `new_area` is the newly exposed
    share of the whole bed. `visible` is the share of the bed that nothing hid in the key frame.
    `confidence` is the mean top probability over the graded cells. `mass_kg` is the crane-scale mass
    of the grab that took the layer away, where a site has one.
    """

    index: int
    start_s: float
    end_s: float
    key_frame_s: float
    key_frame_sha256: str
    new_area: float
    visible: float
    forms: Mapping[str, float]
    contaminants: Mapping[str, float]
    unknown: float
    confidence: float
    hazards: tuple[HazardSighting, ...] = ()
    mass_kg: Decimal | None = None

    @property
    def number(self) -> int:
        """Which layer it is, as people count: the first one is 1."""
        return number_of(self.index)


def number_of(index: int) -> int:
    """The number by which people know a layer; a program counts from 0."""
    return index + 1


@dataclass(frozen=True, slots=True)
class Doubt:
    """A reason for doubt that the eye itself reports: a stable code and a sentence a person understands."""

    code: str
    why: str


@dataclass(frozen=True, slots=True)
class ModelVersion:
    """Which model looked: its name, its version and the SHA-256 of its file."""

    name: str
    version: str
    sha256: str


@dataclass(frozen=True, slots=True)
class AreaError:
    """How wrong contaminant areas and deductions were on held-out loads; from the model file.

    The standard error of a layer's area share has a part that is always there, `area_sd` by contaminant class (0..1;
    classes it does not name use `default_sd`), and a part that grows with what is seen: `relative_sd` times that share.
    `low_quantile` and `high_quantile` are split-conformal quantiles of (truth - estimate) / sigma of the deduction at
    coverage `level`; `n` is the number of loads behind them.
    """

    area_sd: Mapping[str, float]
    default_sd: float
    level: float
    low_quantile: float
    high_quantile: float
    n: int
    relative_sd: float = 0.0  # as in models and observations from before it was measured


@dataclass(frozen=True, slots=True)
class LoadObservation:
    """All that was seen of one load, with the versions it was seen by.

    `coverage` is the share of the bed seen at least once, `duplicate_area` the share of graded area that
    may have been graded twice. `classes` holds every class the observations name. `area_error` is None
    where the model carries no calibration: then there is no honest interval and grading says so.
    """

    load_id: str
    source: str
    started_at: str
    frames_seen: int
    frames_used: int
    layers: tuple[LayerObservation, ...]
    hazards: tuple[HazardSighting, ...]
    classes: Mapping[str, SurfaceClass]
    coverage: float
    duplicate_area: float
    mm_per_px: float | None
    model: ModelVersion
    software: str
    area_error: AreaError | None = None
    doubts: tuple[Doubt, ...] = ()
    forms_known: tuple[str, ...] = field(default=())
