"""From the layers that a model saw in one view of a load to the observation of the load: the bed found, all summed up.

A pure function of the trace, the surfaces and the model: the same give the same bytes.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from importlib import metadata

import cv2
import numpy as np
from numpy.typing import NDArray

from loadlens.grading.observation import Doubt, HazardSighting, LayerObservation, LoadObservation, ModelVersion
from loadlens.vision.bed import Bed, find_bed
from loadlens.vision.contaminants import decide_contaminants
from loadlens.vision.layer import Mask, SeenLayer, exposed_cells, layer_observation, scene_share
from loadlens.vision.metadata import ModelMetadata
from loadlens.vision.model import SurfaceModel
from loadlens.vision.observed import Observed
from loadlens.vision.taxonomy import Taxonomy, load_taxonomy
from loadlens.vision.trace import Trace

# An alarm that misses more than one in ten is no reason to feel safe.
_HAZARD_RECALL = 0.9


def sum_layers(trace: Trace, looked: Sequence[SeenLayer], model: SurfaceModel, more: Iterable[Doubt] = ()) -> Observed:
    """What `model` saw of a view in the layers of its trace; `more` are doubts that the trace does not have."""
    taxonomy = load_taxonomy()
    bed, mask = _bed_of(trace, looked, taxonomy)
    unsure_below = model.metadata.unsure_below
    graded: list[tuple[LayerObservation, SeenLayer]] = []
    for one in looked:
        surface = decide_contaminants(one.surface, exposed_cells(one, mask), taxonomy)
        seen = replace(one, surface=surface)
        layer = layer_observation(len(graded), seen, mask, taxonomy, unsure_below=unsure_below)
        if layer is not None:
            graded.append((layer, seen))
    hazards = _hazards_of(trace.hazards, [seen for _, seen in graded])
    layers = tuple(replace(layer, hazards=hazards[layer.index]) for layer, _ in graded)
    kept = tuple((layer.index, replace(seen, hazards=hazards[layer.index])) for layer, seen in graded)
    seen_once = np.any([seen.new for _, seen in kept], axis=0) if kept else np.zeros_like(mask)
    new = sum(int((seen.new & mask).sum()) for _, seen in kept)
    doubtful = sum(int((seen.doubtful & mask).sum()) for _, seen in kept)
    observation = replace(
        _observation(trace, layers, model, taxonomy),
        coverage=float((seen_once & mask).sum() / max(1, mask.sum())),
        duplicate_area=doubtful / new if new else 0.0,
        mm_per_px=bed.mm_per_px if bed else None,
        doubts=(*trace.doubts, *more, *_doubts_of_bed(bed, looked)),
    )
    return Observed(observation, trace, bed, kept, mask, unsure_below)


def weak_alarms(about: ModelMetadata) -> tuple[Doubt, ...]:
    """Silence of an alarm that is known to miss much is no all-clear, so it is said with every load."""
    recall = about.hazard_recall
    weak = [name for name in about.hazard_thresholds if recall.get(name, 0.0) < _HAZARD_RECALL]
    if not weak:
        return ()
    found = ", ".join(f"{name.replace('_', ' ')} {recall.get(name, 0.0):.0%}" for name in weak)
    why = f"the model's alarm finds too few dangerous items (on held-out pictures: {found}); look yourself"
    return (Doubt("hazards_may_be_missed", why),)


def _bed_of(trace: Trace, looked: Sequence[SeenLayer], taxonomy: Taxonomy) -> tuple[Bed | None, Mask]:
    """The bed and its mask: all of the picture where it cannot be told from its surroundings."""
    if not looked:
        return trace.bed, np.zeros((1, 1), np.bool_)
    shape = (looked[0].new.shape[0], looked[0].new.shape[1])
    bed = trace.bed or find_bed(
        [layer.new for layer in looked],
        source_size=trace.frame_size,
        scene=_scene_at_tracker_size(looked[0], taxonomy),
    )
    return bed, np.ones(shape, np.bool_) if bed is None else bed.mask(shape, trace.frame_size)


def _doubts_of_bed(bed: Bed | None, looked: Sequence[SeenLayer]) -> tuple[Doubt, ...]:
    if bed is not None or not looked:
        return ()
    why = "the bed could not be told from its surroundings; the whole picture was graded"
    return (Doubt("bed_not_found", why),)


def _scene_at_tracker_size(layer: SeenLayer, taxonomy: Taxonomy) -> NDArray[np.float32]:
    share = scene_share(layer.surface, taxonomy)
    stride = layer.surface.stride
    pixels = cv2.resize(share, (share.shape[1] * stride, share.shape[0] * stride), interpolation=cv2.INTER_LINEAR)
    height, width = layer.new.shape
    small = cv2.resize(pixels[: layer.size[0], : layer.size[1]], (width, height), interpolation=cv2.INTER_AREA)
    return np.asarray(small, np.float32)


def _hazards_of(hazards: Iterable[HazardSighting], layers: Sequence[SeenLayer]) -> list[tuple[HazardSighting, ...]]:
    """Every hazard once, with the layer in which it came to light: the first that ended after it was seen."""
    found: list[list[HazardSighting]] = [[] for _ in layers]
    for hazard in hazards:
        later = [index for index, layer in enumerate(layers) if layer.end_s >= hazard.frame_s]
        if layers:
            found[later[0] if later else -1].append(hazard)
    return [tuple(hazards) for hazards in found]


def _observation(
    trace: Trace, layers: tuple[LayerObservation, ...], model: SurfaceModel, taxonomy: Taxonomy
) -> LoadObservation:
    """The stored facts; what depends on the bed is filled in by the caller."""
    about = model.metadata
    # A hazard may be one that another model saw, of a class that this one does not know.
    named = dict.fromkeys([*about.class_ids, *(hazard.class_id for hazard in trace.hazards)])
    return LoadObservation(
        load_id=trace.load_id,
        source=trace.source,
        started_at=trace.started_at,
        frames_seen=trace.frames_seen,
        frames_used=trace.frames_used,
        layers=layers,
        hazards=trace.hazards,
        classes={name: taxonomy[name].surface_class for name in named},
        coverage=0.0,
        duplicate_area=0.0,
        mm_per_px=None,
        model=ModelVersion(about.name, about.version, model.sha256),
        software=metadata.version("loadlens"),
        area_error=about.area_error,
        forms_known=tuple(name for name in about.class_ids if taxonomy[name].kind == "form"),
    )
