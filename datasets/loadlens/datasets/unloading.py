"""What happens in a rendered unloading: what lies in the bed, what every grab takes, when the surface lies still.

A plan is the truth. `yard.py` only draws it. Everything is planned on a raster of SIZE; a clip may be drawn larger.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from loadlens.datasets.scene import (
    INDEX,
    BedView,
    Ground,
    draw_grab,
    draw_magnet,
    draw_shares,
    empty_bed,
    mixed_surface,
    scatter,
    smooth_noise,
)
from loadlens.datasets.textures import TextureBank
from loadlens.vision.layer import LEAST_LAYER
from loadlens.vision.taxonomy import load_taxonomy

Picture = NDArray[np.uint8]
Label = NDArray[np.int16]
Mask = NDArray[np.bool_]
SIZE = (544, 960)
_NAMES = tuple(load_taxonomy())


@dataclass(frozen=True, slots=True)
class LayerTruth:
    """A surface that lay open: `start_s`..`end_s` is when it lay still and was first to be seen.

    `new_area` is the newly seen share of the bed; `forms` and `contaminants` are shares of the load's surface in it
    (with hazards they sum to 1); `hazards` are (class, box x, y, w, h in SIZE pixels) of things that lie open in it.
    """

    start_s: float
    end_s: float
    new_area: float
    forms: dict[str, float]
    contaminants: dict[str, float]
    hazards: list[tuple[str, tuple[int, int, int, int]]]


@dataclass(frozen=True, slots=True)
class TruckTruth:
    """The whole load: shares of all surface that was ever exposed, and what contaminants are of the mass (0..1)."""

    forms: dict[str, float]
    contaminants: dict[str, float]
    impurity_mass: float


@dataclass(frozen=True, slots=True)
class Truth:
    """What is known of a rendered unloading; `bed` is x, y, w, h in SIZE pixels."""

    bed: tuple[int, int, int, int]
    layers: list[LayerTruth]
    truck: TruckTruth


Kind = Literal["rest", "come", "work", "go"]


@dataclass(frozen=True, slots=True)
class Act:
    """A stretch of time: the bed rests, or the tool comes, works and goes. Positions are x, y in SIZE pixels."""

    kind: Kind
    start_s: float
    end_s: float
    tool_from: tuple[float, float] | None
    tool_to: tuple[float, float] | None
    takes: Mask | None = None


@dataclass(slots=True)
class Plan:
    """An unloading from its first to its last second, ready to be drawn. `dark_s` are stretches without picture."""

    view: BedView
    surfaces: list[Picture]
    labels: list[Label]
    tool: Picture
    tool_class: str
    acts: list[Act]
    dark_s: list[tuple[float, float]]
    truth: Truth
    hazards: list[list[tuple[str, tuple[int, int, int, int]]]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class OpenLayer:
    """A rest that shows a layer: how deep the bed is emptied (int16 SIZE), what is new (bool SIZE), how it looks."""

    rest: Act
    depth: NDArray[np.int16]
    new: Mask
    picture: Picture
    label: Label


def plan_unloading(rng: np.random.Generator, bank: TextureBank, seconds: float, hazard: bool | None) -> Plan:
    """Decide a whole unloading of about `seconds`. `hazard` asks for a dangerous thing or for none; None leaves it."""
    view = empty_bed(rng, SIZE)
    levels = max(2, round(seconds / 16))
    surfaces, labels, hazards = _levels(rng, bank, view, levels, hazard)
    tool_class = "magnet" if rng.random() < 0.75 else "grab"
    length = int(SIZE[1] * rng.uniform(0.16, 0.3))
    tool = draw_magnet(rng, length) if tool_class == "magnet" else draw_grab(rng, length)
    acts = _acts(rng, view, tool, seconds, levels)
    dark = _restarts(rng, acts)
    plan = Plan(view, surfaces, labels, tool, tool_class, acts, dark, Truth((0, 0, 0, 0), [], TruckTruth({}, {}, 0.0)))
    plan.hazards = hazards
    plan.truth = _truth(rng, plan)
    return plan


def composed(plan: Plan, depth: NDArray[np.int16]) -> tuple[Picture, Label]:
    """The picture and the label of the bed with `depth` levels taken away pixel by pixel (int16 SIZE)."""
    picture, label = plan.view.picture.copy(), plan.view.label.copy()
    for level, (surface, its_label) in enumerate(zip(plan.surfaces, plan.labels, strict=True)):
        open_here = plan.view.inside & (depth == level)
        picture[open_here], label[open_here] = surface[open_here], its_label[open_here]
    # A step between two levels throws a shadow.
    edge = cv2.morphologyEx(depth.astype(np.float32), cv2.MORPH_GRADIENT, np.ones((5, 5), np.uint8)) > 0
    picture[edge & plan.view.inside] = (picture[edge & plan.view.inside] * 0.55).astype(np.uint8)
    return picture, label


def tool_position(act: Act, time_s: float) -> tuple[int, int] | None:
    """Where the tool's middle is at a time; None where it is out of the picture."""
    if act.tool_from is None or act.tool_to is None:
        return None
    part = np.clip((time_s - act.start_s) / max(1e-6, act.end_s - act.start_s), 0, 1)
    smooth = part * part * (3 - 2 * part)
    x, y = (a + (b - a) * smooth for a, b in zip(act.tool_from, act.tool_to, strict=True))
    return int(x), int(y)


def _levels(
    rng: np.random.Generator, bank: TextureBank, view: BedView, levels: int, hazard: bool | None
) -> tuple[list[Picture], list[Label], list[list[tuple[str, tuple[int, int, int, int]]]]]:
    """What lies in the bed, top first: one mixture with variations, some contaminants, perhaps a hazard."""
    mixture = draw_shares(rng, bank.forms)
    dirt = 0.0 if rng.random() < 0.15 else rng.gamma(1.5, 4.0)
    kinds = rng.choice(bank.contaminants, size=int(rng.integers(1, 4)), replace=False)
    wanted = rng.random() < 0.3 if hazard is None else hazard
    hazard_level = int(rng.integers(levels)) if wanted else -1
    surfaces, labels, hazards = [], [], []
    for level in range(levels):
        varied = {form: share * float(np.exp(rng.normal(0, 0.4))) for form, share in mixture.items()}
        total = sum(varied.values())
        surface, label = mixed_surface(rng, bank, {form: share / total for form, share in varied.items()}, SIZE)
        pieces = [(str(name), bank.contaminant(rng, str(name))) for name in rng.choice(kinds, size=rng.poisson(dirt))]
        scatter(rng, Ground(surface, label, view.inside), pieces)
        found = []
        if level == hazard_level:
            name = str(rng.choice(bank.hazards))
            boxes = scatter(rng, Ground(surface, label, _middle_of(view)), [(name, bank.hazard(rng, name))])
            found = [(name, box) for box in boxes]
        surfaces.append(surface)
        labels.append(label)
        hazards.append(found)
    return surfaces, labels, hazards


def _middle_of(view: BedView) -> Mask:
    """The bed without a margin, so that a thing laid there lies wholly in it."""
    return np.asarray(cv2.erode(view.inside.astype(np.uint8), np.ones((91, 91), np.uint8)), np.bool_)


def _acts(rng: np.random.Generator, view: BedView, tool: Picture, seconds: float, levels: int) -> list[Act]:
    """A timetable: the bed rests, then the tool comes, takes (or only passes), goes or parks, until time is up."""
    depth = np.zeros(SIZE, np.int16)
    acts = [Act("rest", 0.0, float(rng.uniform(2.5, 4.5)), None, None)]
    outside = _outside(rng, tool)
    parked: tuple[float, float] | None = None
    while acts[-1].end_s < seconds - 3 and (depth[view.inside] < levels).mean() > 0.03:
        now = acts[-1].end_s
        takes = _footprint(rng, view, depth, levels)
        spot = tuple(float(value) for value in np.argwhere(takes).mean(axis=0)[::-1])
        at = (spot[0], spot[1])
        come, work, go = rng.uniform(0.8, 1.6), rng.uniform(0.6, 1.4), rng.uniform(0.8, 1.6)
        passes_only = rng.random() < 0.12
        acts.append(Act("come", now, now + come, parked or outside, at))
        acts.append(Act("work", now + come, now + come + work, at, at, None if passes_only else takes))
        if not passes_only:
            depth[takes & (depth < levels)] += 1
        parked = _parking(rng, view) if rng.random() < 0.25 else None
        leave = now + come + work
        acts.append(Act("go", leave, leave + go, at, parked or outside))
        # One rest in ten is a long pause in the work.
        rest = rng.uniform(7, 11) if rng.random() < 0.1 else rng.uniform(2.2, 4.2)
        acts.append(Act("rest", leave + go, leave + go + rest, parked, parked))
    return acts


def _outside(rng: np.random.Generator, tool: Picture) -> tuple[float, float]:
    """A point beyond an edge of the picture where the whole tool is out of sight."""
    margin = max(tool.shape[:2])
    if rng.random() < 0.5:
        return (-margin, SIZE[0] * 0.5) if rng.random() < 0.5 else (SIZE[1] + margin, SIZE[0] * 0.5)
    return SIZE[1] * float(rng.uniform(0.2, 0.8)), -float(margin)


def _parking(rng: np.random.Generator, view: BedView) -> tuple[float, float]:
    """A place at an end of the bed where the tool hangs while the bed rests and hides a part of it."""
    left, right = float(view.inner[:, 0].min()), float(view.inner[:, 0].max())
    return (left if rng.random() < 0.5 else right), SIZE[0] * float(rng.uniform(0.3, 0.7))


def _footprint(rng: np.random.Generator, view: BedView, depth: NDArray[np.int16], levels: int) -> Mask:
    """What the next grab takes: an irregular patch where most is left, now and then nearly all of the bed."""
    left = view.inside & (depth < levels)
    shallow = left & (depth == depth[left].min())
    rows, columns = np.nonzero(view.inside)
    spots = np.argwhere(shallow)
    y, x = spots[rng.integers(len(spots))]
    reach = rng.uniform(0.7, 1.3) if rng.random() < 0.15 else rng.uniform(0.2, 0.42)
    wide, high = (columns.max() - columns.min()) * reach, (rows.max() - rows.min()) * rng.uniform(0.45, 0.9)
    grid_y, grid_x = np.mgrid[0 : SIZE[0], 0 : SIZE[1]]
    distance = ((grid_x - x) / wide) ** 2 + ((grid_y - y) / high) ** 2
    patch: Mask = (distance + 0.25 * smooth_noise(rng, SIZE, 60) < 1) & left
    return patch if patch.any() else left


def _restarts(rng: np.random.Generator, acts: list[Act]) -> list[tuple[float, float]]:
    """In one clip of five the camera restarts once and gives no picture for a second or two."""
    if rng.random() > 0.2 or len(acts) < 3:
        return []
    start = float(rng.uniform(acts[1].start_s, acts[-1].start_s))
    return [(start, start + float(rng.uniform(0.8, 2.0)))]


def tool_mask(plan: Plan, at: tuple[int, int] | None) -> Mask:
    """What the tool hides, bool SIZE."""
    hidden = np.zeros(SIZE, np.bool_)
    if at is None:
        return hidden
    height, width = plan.tool.shape[:2]
    left, top = at[0] - width // 2, at[1] - height // 2
    x0, y0, x1, y1 = max(0, left), max(0, top), min(SIZE[1], left + width), min(SIZE[0], top + height)
    if x0 < x1 and y0 < y1:
        hidden[y0:y1, x0:x1] = plan.tool[y0 - top : y1 - top, x0 - left : x1 - left, 3] > 127
    return hidden


def open_layers(plan: Plan) -> Iterator[OpenLayer]:
    """Every rest that shows enough load for the first time to be a layer, in time."""
    depth, seen = np.zeros(SIZE, np.int16), np.full(SIZE, -1, np.int16)
    inside = plan.view.inside
    for act in plan.acts:
        if act.takes is not None:
            depth[act.takes & inside & (depth < len(plan.labels))] += 1
        if act.kind == "rest":
            visible = inside & ~tool_mask(plan, tool_position(act, act.start_s))
            new = visible & (depth > seen)
            picture, label = composed(plan, depth)
            if (new & (label != INDEX["bed_floor"])).sum() >= LEAST_LAYER * inside.sum():
                yield OpenLayer(act, depth.copy(), new, picture, label)
            seen[visible] = depth[visible]


def _truth(rng: np.random.Generator, plan: Plan) -> Truth:
    """Walk through the acts and note what lies open, when it is first seen, and what it weighs."""
    depth, exposed = np.zeros(SIZE, np.int16), []
    inside = plan.view.inside
    for act in plan.acts:
        if act.takes is not None:
            taken = act.takes & inside & (depth < len(plan.labels))
            exposed.append((taken, depth[taken].copy()))
            depth[taken] += 1
    layers = []
    for shown in open_layers(plan):
        load_area = shown.new & (shown.label != INDEX["bed_floor"])
        hazards = _open_hazards(plan, shown.depth, shown.new)
        area = float(load_area.sum() / inside.sum())
        layers.append(LayerTruth(shown.rest.start_s, shown.rest.end_s, area, *_shares(shown.label[load_area]), hazards))
    left = inside & (depth < len(plan.labels))
    exposed.append((left, depth[left].copy()))
    rows, columns = np.nonzero(inside)
    box = (int(columns.min()), int(rows.min()), int(np.ptp(columns)) + 1, int(np.ptp(rows)) + 1)
    return Truth(box, layers, _truck(rng, plan, exposed))


def _shares(label: NDArray[np.int16]) -> tuple[dict[str, float], dict[str, float]]:
    counts = np.bincount(label, minlength=len(_NAMES)) / max(1, label.size)
    taxonomy = load_taxonomy()
    by_kind: dict[str, dict[str, float]] = {"form": {}, "contaminant": {}}
    for name, share in zip(_NAMES, counts, strict=True):
        if share > 0 and taxonomy[name].kind in by_kind:
            by_kind[taxonomy[name].kind][name] = float(share)
    return by_kind["form"], by_kind["contaminant"]


def _open_hazards(plan: Plan, depth: NDArray[np.int16], new: Mask) -> list[tuple[str, tuple[int, int, int, int]]]:
    """The hazards of which at least 60 % lie open for the first time."""
    found = []
    for level, things in enumerate(plan.hazards):
        for name, (x, y, w, h) in things:
            cut = (slice(y, y + h), slice(x, x + w))
            body = plan.labels[level][cut] == INDEX[name]
            in_view = body & new[cut] & (depth[cut] == level)
            if body.any() and in_view.sum() >= 0.6 * body.sum():
                found.append((name, (x, y, w, h)))
    return found


def _truck(rng: np.random.Generator, plan: Plan, exposed: list[tuple[Mask, NDArray[np.int16]]]) -> TruckTruth:
    """Shares and mass of everything that was exposed.

    A grab takes its whole patch to one depth, which differs from grab to grab (lognormal, 20 %). Every form has a bulk
    density of its own in this load (25 %), every contaminant one drawn from the taxonomy's range as its middle 90 %.
    """
    density = _densities(rng)
    area, mass = np.zeros(len(_NAMES)), np.zeros(len(_NAMES))
    for where, levels in exposed:
        depth_of_cut = float(np.exp(rng.normal(0, 0.2)))
        for level, label in enumerate(plan.labels):
            counts = np.bincount(label[where][levels == level], minlength=len(_NAMES)).astype(float)
            area += counts
            mass += counts * density * depth_of_cut
    of_kind = {kind: [INDEX[name] for name in load_taxonomy().ids(kind)] for kind in ("form", "contaminant")}
    shares = area / area.sum()
    return TruckTruth(
        forms={_NAMES[index]: float(shares[index]) for index in of_kind["form"] if shares[index] > 0},
        contaminants={_NAMES[index]: float(shares[index]) for index in of_kind["contaminant"] if shares[index] > 0},
        impurity_mass=float(mass[of_kind["contaminant"]].sum() / mass.sum()),
    )


def _densities(rng: np.random.Generator) -> NDArray[np.float64]:
    density = np.ones(len(_NAMES))
    for name, card in load_taxonomy().items():
        about = card.surface_class
        if card.kind == "form":
            density[INDEX[name]] = np.exp(rng.normal(0, 0.25))
        elif about.density_high > about.density_low:
            spread = np.log(about.density_high / about.density_low) / (2 * 1.645)
            density[INDEX[name]] = about.density * np.exp(rng.normal(0, spread))
    return density


def truth_json(truth: Truth) -> dict[str, Any]:
    """The truth as JSON-ready data, shares and seconds rounded for reading."""
    return {
        "schema": "loadlens.truth/1",
        "size": list(SIZE),
        "bed": list(truth.bed),
        "layers": [
            {
                "start_s": round(layer.start_s, 3),
                "end_s": round(layer.end_s, 3),
                "new_area": round(layer.new_area, 6),
                "forms": {name: round(share, 6) for name, share in layer.forms.items()},
                "contaminants": {name: round(share, 6) for name, share in layer.contaminants.items()},
                "hazards": [{"class": name, "box": list(box)} for name, box in layer.hazards],
            }
            for layer in truth.layers
        ],
        "truck": {
            "forms": {name: round(share, 6) for name, share in truth.truck.forms.items()},
            "contaminants": {name: round(share, 6) for name, share in truth.truck.contaminants.items()},
            "impurity_mass": round(truth.truck.impurity_mass, 6),
        },
    }
