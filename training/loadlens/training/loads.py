"""How well whole loads are graded: rendered unloadings with known truth, watched and graded as a user's would be.

Answers, with n and intervals: are the layers found, once each; are the shares of the truck right; is the contaminated
area right; does the interval of the deduction hold the truth as often as it says. Loads rendered from the calibration
part give the model file the errors that its intervals are built from; loads of the test part say whether they hold.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import cache, partial
from multiprocessing import get_context
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from rich.progress import track

from loadlens.datasets.groups import Part
from loadlens.datasets.procedural import ProceduralTextures
from loadlens.datasets.textures import PhotoTextures, TextureBank
from loadlens.datasets.unloading import LayerTruth, Truth
from loadlens.datasets.yard import Clip, ClipSpec, render_clip
from loadlens.grading.assessment import impurity_estimate
from loadlens.grading.observation import AreaError, LayerObservation, LoadObservation
from loadlens.grading.standard import Standard
from loadlens.training.statistics import mean
from loadlens.vision.frame import Frame
from loadlens.vision.metadata import Metric
from loadlens.vision.model import SurfaceModel, load_model
from loadlens.vision.pipeline import Unloading
from loadlens.vision.proportion import proportion
from loadlens.vision.uncertainty import conformal_quantile

LEVEL = 0.9
# Seeds under FIRST_TEST_SEED may be used to tune and calibrate; those from it on are only ever measured.
FIRST_TEST_SEED = 1000
# Two frames this far beside a rest's ends still belong to it: a frame falls between two moments.
_SLACK_S = 0.25
_SECONDS = 30.0
# What the part of an error that grows with what is seen may be, to the part that is always there.
_RATIOS = (0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0)


@dataclass(frozen=True, slots=True)
class GradedLoad:
    """One rendered load: what was seen of it and what it was."""

    seed: int
    observation: LoadObservation
    truth: Truth


# How loads are graded: a function of a seed is given each seed under its own name, and results come in any order.
Doing = Callable[[Callable[[int], GradedLoad], Iterable[tuple[int, int]]], Iterator[tuple[int, GradedLoad]]]


def in_processes(
    work: Callable[[int], GradedLoad], seeds: Iterable[tuple[int, int]]
) -> Iterator[tuple[int, GradedLoad]]:
    """Grade in two processes of this machine."""
    names, given = zip(*seeds, strict=True)
    with ProcessPoolExecutor(max_workers=2, mp_context=get_context("spawn")) as pool:
        yield from zip(names, pool.map(work, given), strict=True)


def grade_rendered_loads(
    seeds: Sequence[int],
    *,
    model: Path,
    photos: Path | None,
    part: Part,
    seconds: float = _SECONDS,
    doing: Doing = in_processes,
) -> list[GradedLoad]:
    """Render the load of every seed and watch it as the command line would; all drawn where `photos` is None.

    A load lasts so many `seconds`. Where `doing` has other machines grade them, the files have the same paths there.
    """
    one = partial(_grade, model=model.absolute(), photos=photos and photos.absolute(), part=part, seconds=seconds)
    graded = doing(one, ((seed, seed) for seed in seeds))
    by_seed = dict(track(graded, total=len(seeds), description=f"grading {part} loads"))
    return [by_seed[seed] for seed in seeds]


def _grade(seed: int, model: Path, photos: Path | None, part: Part, seconds: float) -> GradedLoad:
    cv2.setNumThreads(1)
    clip = render_load(seed, photos, part, seconds)
    unloading = Unloading(loaded(model), load_id=str(seed), source=f"rendered load {seed}", started_at="")
    for time_s, rgb in clip.frames():
        unloading.push(Frame.from_rgb(rgb, time_s=time_s))
    return GradedLoad(seed, unloading.finish().observation, clip.truth)


def render_load(seed: int, photos: Path | None, part: Part, seconds: float = _SECONDS) -> Clip:
    """The clip of a load, the same every time."""
    return render_clip(ClipSpec(seed=seed, seconds=seconds), _bank(photos, part))


@cache
def _bank(photos: Path | None, part: Part) -> TextureBank:
    return ProceduralTextures() if photos is None else PhotoTextures(photos, part)


@cache
def loaded(path: Path) -> SurfaceModel:
    """The model of a file, loaded once in a process that looks at many loads."""
    return load_model(path)


def match_layers(load: GradedLoad) -> tuple[list[tuple[LayerObservation, LayerTruth]], int, int, int]:
    """(pairs, missed, invented, graded twice): a true layer is found when a graded layer's key frame lies in it."""
    pairs: list[tuple[LayerObservation, LayerTruth]] = []
    taken: set[int] = set()
    invented = twice = 0
    for layer in load.observation.layers:
        hits = [
            number
            for number, true in enumerate(load.truth.layers)
            if true.start_s - _SLACK_S <= layer.key_frame_s <= true.end_s + _SLACK_S
        ]
        if not hits:
            invented += 1
        elif hits[0] in taken:
            twice += 1
        else:
            taken.add(hits[0])
            pairs.append((layer, load.truth.layers[hits[0]]))
    return pairs, len(load.truth.layers) - len(taken), invented, twice


def fit_area_error(loads: Sequence[GradedLoad], standard: Standard) -> AreaError:
    """How wrong contaminant areas and impurities were on calibration loads, as the model file carries it.

    Raises ValueError where they are too few for an interval.
    """
    by_class: dict[str, list[float]] = defaultdict(list)
    for load in loads:
        for layer, true in match_layers(load)[0]:
            for name in layer.contaminants:
                by_class[name].append(layer.contaminants[name] - true.contaminants.get(name, 0.0))
    if not by_class:
        raise ValueError(f"{len(loads)} calibration loads are too few for an interval: no layer of theirs was found")
    spread = {name: float(np.sqrt(np.mean(np.square(errors)))) for name, errors in sorted(by_class.items())}
    candidates = [_fitted(loads, standard, spread, ratio) for ratio in _RATIOS]
    return min(candidates, key=lambda error: _unevenness(loads, standard, error))


def _fitted(loads: Sequence[GradedLoad], standard: Standard, spread: Mapping[str, float], ratio: float) -> AreaError:
    """The error whose part that grows with what is seen has this ratio to the part that is always there."""
    plain = AreaError(spread, max(spread.values()), LEVEL, 0.0, 0.0, len(loads), ratio)
    errors, sigmas = _errors_and_sigmas(loads, standard, plain)
    # So that sigma is about as large as errors are.
    scale = round(float(np.sqrt(np.mean((errors / sigmas) ** 2))), 4)
    area_sd = {name: scale * sd for name, sd in spread.items()}
    plain = replace(plain, area_sd=area_sd, default_sd=max(area_sd.values()), relative_sd=scale * ratio)
    scores = np.divide(*_errors_and_sigmas(loads, standard, plain))
    # Each end leaves out half of what the interval may miss.
    one_side = 1 - (1 - LEVEL) / 2
    low, high = -conformal_quantile(-scores, one_side), conformal_quantile(scores, one_side)
    if not np.isfinite([low, high]).all():
        raise ValueError(f"{len(loads)} calibration loads are too few for an interval at {LEVEL:.0%}; render more")
    return replace(plain, low_quantile=low, high_quantile=high)


def _unevenness(loads: Sequence[GradedLoad], standard: Standard, error: AreaError) -> float:
    """How far from LEVEL the interval holds the truth of the loads called clean, of the middling, and of the dirty."""
    errors, sigmas = _errors_and_sigmas(loads, standard, error)
    shares = np.array([load.truth.truck.impurity_mass for load in loads]) - errors
    inside = (errors >= np.maximum(-shares, sigmas * error.low_quantile)) & (errors <= sigmas * error.high_quantile)
    thirds = np.array_split(inside[np.argsort(shares, kind="stable")], 3)
    return float(sum((third.mean() - LEVEL) ** 2 for third in thirds))


def _errors_and_sigmas(
    loads: Sequence[GradedLoad], standard: Standard, error: AreaError
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Truth - estimate of the impurity of every load, and its sigma, float64 [n] each."""
    estimates = [impurity_estimate(replace(load.observation, area_error=error), standard) for load in loads]
    shares, sigmas = np.array(estimates).T
    return np.array([load.truth.truck.impurity_mass for load in loads]) - shares, sigmas


def measure_loads(loads: Sequence[GradedLoad], standard: Standard, error: AreaError) -> dict[str, Metric]:
    """Every figure of the load test with its interval; shares 0..1.

    The baseline of the impurity is to say the median of these very loads every time, which nobody could know before.
    """
    matched = [match_layers(load) for load in loads]
    found = sum(len(pairs) for pairs, *_ in matched)
    missed, invented, twice = (sum(counts) for counts in zip(*(result[1:] for result in matched), strict=True))
    estimates = [impurity_estimate(replace(load.observation, area_error=error), standard) for load in loads]
    true_impurity = [load.truth.truck.impurity_mass for load in loads]
    inside = sum(
        max(0.0, share + sigma * error.low_quantile) <= truth <= share + sigma * error.high_quantile
        for (share, sigma), truth in zip(estimates, true_impurity, strict=True)
    )
    with_hazard = [load for load in loads if any(layer.hazards for layer in load.truth.layers)]
    without = [load for load in loads if not any(layer.hazards for layer in load.truth.layers)]
    metrics = {
        "layer_f1": _f1(found, missed, invented + twice),
        "layers_graded_twice": proportion(twice, max(1, found + invented + twice)),
        "form_share_error_mean_over_forms": mean([_form_error(load) for load in loads]),
        "form_share_misplaced": mean([_misplaced(load) for load in loads]),
        "main_form_right": proportion(sum(_main_form_right(load) for load in loads), len(loads)),
        "contaminant_area_error": mean([abs(_dirt(load) - _true_dirt(load)) for load in loads]),
        "contaminant_area_bias": mean([_dirt(load) - _true_dirt(load) for load in loads]),
        "impurity_mass_error": mean(
            [abs(share - truth) for (share, _), truth in zip(estimates, true_impurity, strict=True)]
        ),
        "impurity_mass_error_baseline": mean([abs(float(np.median(true_impurity)) - truth) for truth in true_impurity]),
        "interval_coverage": proportion(inside, len(loads)),
        "interval_width": mean(
            [
                share + sigma * error.high_quantile - max(0.0, share + sigma * error.low_quantile)
                for share, sigma in estimates
            ]
        ),
    }
    if with_hazard:
        seen = sum(bool(load.observation.hazards) for load in with_hazard)
        metrics["hazard_load_alarmed"] = proportion(seen, len(with_hazard))
    if without:
        false = sum(bool(load.observation.hazards) for load in without)
        metrics["clean_load_alarmed"] = proportion(false, len(without))
    return metrics


def _f1(found: int, missed: int, wrong: int) -> Metric:
    """F1 with the Wilson interval of found / all as if each layer were one draw: F1 is the Dice share of both lists."""
    all_named = 2 * found + missed + wrong
    share = proportion(2 * found, all_named)
    return replace(share, n=found + missed)


def truck_forms(observation: LoadObservation) -> dict[str, float]:
    """The truck's forms as shares of all graded surface, layers weighed by their newly exposed area."""
    total = sum(layer.new_area for layer in observation.layers)
    shares: dict[str, float] = defaultdict(float)
    for layer in observation.layers:
        for name, share in layer.forms.items():
            shares[name] += share * layer.new_area / total
    return dict(shares)


def _form_error(load: GradedLoad) -> float:
    """Mean absolute error of the truck's shares over all forms that the model knows."""
    seen, true = truck_forms(load.observation), load.truth.truck.forms
    return float(np.mean([abs(seen.get(name, 0.0) - true.get(name, 0.0)) for name in load.observation.forms_known]))


def _misplaced(load: GradedLoad) -> float:
    """The share of the truck that is called something else than it is: half the summed absolute error."""
    seen, true = truck_forms(load.observation), load.truth.truck.forms
    return sum(abs(seen.get(name, 0.0) - true.get(name, 0.0)) for name in sorted({*seen, *true})) / 2


def _main_form_right(load: GradedLoad) -> bool:
    seen, true = truck_forms(load.observation), load.truth.truck.forms
    return bool(seen) and max(seen, key=lambda name: seen[name]) == max(true, key=lambda name: true[name])


def _dirt(load: GradedLoad) -> float:
    total = sum(layer.new_area for layer in load.observation.layers)
    dirty = sum(sum(layer.contaminants.values()) * layer.new_area for layer in load.observation.layers)
    return dirty / total if total else 0.0


def _true_dirt(load: GradedLoad) -> float:
    return sum(load.truth.truck.contaminants.values())
