"""Rendered loads observed layer by layer: one picture of each, looked at as grading looks at a key frame.

An order of magnitude cheaper than watching clips, so that hundreds of loads can be had. The tracker is left out: every
layer is found once, with its true outline (on watched clips the tracker finds layers with F1 0.99), and no hazard is
looked for.
"""

from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import partial
from importlib import metadata
from multiprocessing import get_context
from pathlib import Path

import cv2
import numpy as np

from loadlens.datasets.groups import Part
from loadlens.datasets.yard import Clip
from loadlens.grading.observation import LayerObservation, LoadObservation, ModelVersion
from loadlens.training.loads import GradedLoad, loaded, render_load
from loadlens.vision.contaminants import decide_contaminants
from loadlens.vision.frame import Frame
from loadlens.vision.layer import SeenLayer, exposed_cells, layer_observation, occluded
from loadlens.vision.model import SurfaceModel
from loadlens.vision.pipeline import picture_for_model
from loadlens.vision.taxonomy import load_taxonomy


def observe_rendered_loads(
    seeds: Sequence[int], *, model: Path, photos: Path | None, part: Part, workers: int = 2
) -> Iterator[GradedLoad]:
    """Render the load of every seed and look at its layers, in the order of the seeds; all drawn without `photos`."""
    one = partial(_observe, model=model, photos=photos, part=part)
    with ProcessPoolExecutor(max_workers=workers, mp_context=get_context("spawn")) as pool:
        yield from pool.map(one, seeds)


def _observe(seed: int, model: Path, photos: Path | None, part: Part) -> GradedLoad:
    cv2.setNumThreads(1)
    clip = render_load(seed, photos, part)
    return GradedLoad(seed, observe_clip(clip, loaded(model)), clip.truth)


def observe_clip(clip: Clip, model: SurfaceModel) -> LoadObservation:
    """What the model sees of a clip's true layers, summed as grading sums them."""
    about, taxonomy = model.metadata, load_taxonomy()
    layers: list[LayerObservation] = []
    frames = 0
    for truth, rgb, new in clip.layers():
        frames += 1
        picture = picture_for_model(Frame.from_rgb(rgb, time_s=truth.start_s), about.trained_width)
        surface, size = model.look(picture), (picture.shape[0], picture.shape[1])
        seen = SeenLayer(
            start_s=truth.start_s,
            end_s=truth.end_s,
            key_frame_s=truth.start_s,
            key_frame_sha256="",
            surface=surface,
            new=new,
            doubtful=np.zeros_like(new),
            hidden=occluded(surface, taxonomy, size, new.shape),
            size=size,
        )
        decided = decide_contaminants(surface, exposed_cells(seen, clip.inside), taxonomy)
        seen = replace(seen, surface=decided)
        layer = layer_observation(len(layers), seen, clip.inside, taxonomy, unsure_below=about.unsure_below)
        layers += [layer] if layer is not None else []
    return LoadObservation(
        load_id=f"rendered-{clip.spec.seed}",
        source=f"rendered load {clip.spec.seed}",
        started_at="",
        frames_seen=frames,
        frames_used=frames,
        layers=tuple(layers),
        hazards=(),
        classes={name: taxonomy[name].surface_class for name in about.class_ids},
        coverage=1.0,
        duplicate_area=0.0,
        mm_per_px=None,
        model=ModelVersion(about.name, about.version, model.sha256),
        software=metadata.version("loadlens"),
        area_error=about.area_error,
        forms_known=tuple(name for name in about.class_ids if taxonomy[name].kind == "form"),
    )
