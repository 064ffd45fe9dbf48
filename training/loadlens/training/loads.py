"""How well whole loads are graded: rendered unloadings with known truth, watched and graded as a user's would be.

Answers, with n and intervals: are the layers found, once each; are the shares of the truck right; is the
contaminated area right; does the interval of the deduction hold the truth as often as it says. Loads rendered from
photos kept for calibration give the model file the errors that its intervals are built from.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import cv2
import numpy as np

from loadlens.datasets.textures import PhotoTextures, ProceduralTextures
from loadlens.datasets.yard import ClipSpec, Truth, render_clip
from loadlens.grading.assessment import impurity_estimate
from loadlens.grading.observation import AreaError, LoadObservation
from loadlens.grading.standard import load_standard
from loadlens.vision.frame import Frame
from loadlens.vision.model import load_model
from loadlens.vision.pipeline import Unloading

# Settled surfaces change slowly; five frames a second is what `grade` reads of a clip too.
_FPS = 5


@dataclass(frozen=True, slots=True)
class LoadResult:
    """One rendered load, graded: counts of layers, errors of shares (0..1), and the impurity with its sigma."""

    seed: int
    true_layers: int
    graded_layers: int
    found_layers: int
    graded_twice: int
    form_errors: Mapping[str, float]
    contaminant_area_error: float
    contaminant_area: float
    layer_area_errors: Mapping[str, Sequence[float]]
    impurity: float
    impurity_estimate: float
    sigma: float
    hazards_true: int
    hazard_seen: bool
    hazard_alarm: bool
    main_form_right: bool
    main_form_first_layer: bool
    family_right: bool
    coverage: float
    new_area_error: float


def grade_rendered_load(
    seed: int, *, model_path: Path | None, photos: Path | None, part: str, standard_id: str
) -> LoadResult:
    """Render the load of one seed, watch it as the command line would, and compare with what was rendered."""
    cv2.setNumThreads(1)
    bank = ProceduralTextures() if photos is None else PhotoTextures(photos, part)
    clip = render_clip(ClipSpec(seed=seed, fps=_FPS), bank)
    unloading = Unloading(load_model(model_path), load_id=str(seed), source=f"rendered load {seed}")
    for time_s, rgb in clip.frames():
        unloading.push(Frame.from_rgb(rgb, time_s=time_s))
    return compare(seed, unloading.finish().observation, clip.truth, standard_id)
