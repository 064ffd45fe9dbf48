"""What `loadlens train`, `export`, `evaluate` and `quantize` do. Every function takes plain paths."""

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from importlib import metadata as installed
from pathlib import Path
from typing import Any

from loadlens.datasets.catalog import digest_of, find_set, pictures_in
from loadlens.datasets.importing import read_data_set
from loadlens.grading.standard import load_standard
from loadlens.training.answers import to_plain
from loadlens.training.calibrate import LEVEL, calibrate, moved_thresholds, render_stills, strange_from
from loadlens.training.crane import draw_crane, measure_crane, measure_pairs, see_crane
from loadlens.training.evaluate import answers, confusion, failures, measure_photos, measure_strangers, name_photos
from loadlens.training.export import export as export_network
from loadlens.training.export import rewrite_metadata, with_metadata, write_model
from loadlens.training.figures import as_tables
from loadlens.training.loads import (
    FIRST_TEST_SEED,
    Doing,
    fit_area_error,
    grade_rendered_loads,
    in_processes,
    measure_loads,
)
from loadlens.training.mill_loads import measure_as_mill
from loadlens.training.network import STRIDE
from loadlens.training.parity import hazards_of_stills, held_cylinders, measure_parity, measure_speed, picture_at
from loadlens.training.photos import fit_photo_answer
from loadlens.training.processes import Machine, joined
from loadlens.training.quantize import cut_to_stride, quantize_model
from loadlens.training.recipe import Recipe, load_recipe, recipe_path
from loadlens.training.samples import crane_part, own_part, photo_part
from loadlens.training.train import form_positions, load_trained, own_digest, refuse_other_data
from loadlens.training.train import train as train_recipe
from loadlens.training.worst_loads import draw_worst
from loadlens.vision.metadata import ModelMetadata
from loadlens.vision.model import SurfaceModel, load_model, shipped_model

# Grades as mills buy them, with prices that were invented for the example.
_MILL = "example-mill"
# The mass of a load is graded the same under every standard; this one is only asked for its layer weights.
_STANDARD = "gbt-39733-2024"
# So many training photos show the quantiser the ranges of the activations.
_SHOWN = 48
# What a model learnt from that saw no photo.
_DRAWN = "drawn"
BACKBONE = "backbone/mobilenet_v2_imagenet_google_ptq.pth"


def train(
    recipe: str, out: Path, photos: Path | None, own: Path | None, *, device: str = "cpu", readers: int = 0
) -> None:
    """Train a recipe, a shipped one by name or a file; `photos` is the folder of the picture sets, `own` a data set.

    `device` is cpu or cuda; so many `readers` cut pictures beside it.
    """
    read = load_recipe(recipe_path(recipe))
    with joined() as processes:
        train_recipe(
            read,
            out,
            photos=photos,
            scenes=_scenes(out),
            backbone=_backbone(photos),
            own=own,
            processes=processes,
            machine=Machine(device, readers),
        )


def export(run: Path, out: Path, photos: Path | None, loads: int, own: Path | None) -> None:
    """Calibrate a run and write its model file; with `loads` rendered loads behind the interval, none for 0."""
    recipe, network = load_trained(run)
    refuse_other_data(run, recipe, photos, own)
    seeds = _calibration_seeds(loads)
    source = photos if recipe.photos else None
    stills = render_stills(recipe.classes, recipe.width, source, recipe.calibration_clips)
    held = photo_part(source, "calibration") if source else []
    known = photo_part(source, "train") if source else []
    if own is not None:
        held = [*held, *own_part(own, "calibration", recipe.classes)]
        known = [*known, *own_part(own, "train", recipe.classes)]
    found = calibrate(network, recipe, stills)
    forms = [recipe.classes[position] for position in form_positions(recipe.classes)]
    answer = fit_photo_answer(_backbone(source), known, held, forms, recipe.width) if known else None
    about = ModelMetadata(
        name=recipe.name,
        version=recipe.version,
        class_ids=recipe.classes,
        stride=STRIDE,
        trained_width=recipe.width,
        calibration={
            "method": "bias-corrected temperature scaling",
            "temperature": found.temperature,
            "bias": list(found.bias),
            "hazards_behind_recall": {name: n for name, (_, n) in found.hazard_recall.items()},
            "n_cells": found.n_cells,
            "photo_temperature": answer.temperature if answer else None,
        },
        conformal=found.conformal,
        conformal_level=LEVEL,
        hazard_thresholds=found.hazard_thresholds,
        hazard_recall={name: share for name, (share, _) in found.hazard_recall.items()},
        unsure_below=found.unsure_below,
        ood_threshold=None,
        area_error=None,
        data_digest=_data_digest(recipe, photos, own),
        config_digest=hashlib.sha256(json.dumps(asdict(recipe), sort_keys=True).encode()).hexdigest(),
        metrics={},
        software=installed.version("loadlens"),
    )
    with _unfinished(out) as beside:
        export_network(network, about, found, answer, beside)
        if held:
            rewrite_metadata(beside, ood_threshold=strange_from(load_model(beside), held))
        _fit_interval(beside, seeds, source)


@contextmanager
def _unfinished(out: Path) -> Iterator[Path]:
    """Where to make a model file that takes its place once it is whole: one without its interval would look so too."""
    beside = out.with_name(f"{out.stem}.unfinished{out.suffix}")
    try:
        yield beside
        beside.replace(out)
    finally:
        beside.unlink(missing_ok=True)


def _calibration_seeds(loads: int) -> range:
    """The seeds of so many loads to fit an interval on. Raises ValueError where some of them are for measuring."""
    if loads > FIRST_TEST_SEED:
        raise ValueError(f"--loads {loads}: from {FIRST_TEST_SEED} on loads are kept for measuring; give fewer")
    return range(loads)


def _fit_interval(model: Path, seeds: range, photos: Path | None) -> None:
    """Fit the interval of a model file on rendered loads of the calibration part, if there are any."""
    if seeds:
        graded = grade_rendered_loads(seeds, model=model, photos=photos, part="calibration")
        rewrite_metadata(model, area_error=fit_area_error(graded, load_standard(_STANDARD)))


def evaluate(model: Path, data: Path, out: Path, loads: int, own: Path | None, *, doing: Doing = in_processes) -> str:
    """Measure a model on the test parts of the sets in `data` and on `loads` rendered loads; writes JSON and sheets.

    Returns the figures as tables, which are also written beside the JSON, as .md.

    With `own` its test part is measured as well, as metrics of their own. `doing` has the rendered loads graded.

    The figures also go into the model file, so that whoever loads it knows them; not those of photos that may have been
    learnt from, which is said above the tables and under `doubts`. Raises ValueError where loads are asked for of a
    model without interval.
    """
    seen = load_model(model)
    if loads and seen.metadata.area_error is None:
        raise ValueError(f"{model}: has no interval to measure on loads; export it with --loads, or give --loads 0")
    recipe = load_recipe(recipe_path("surface"))
    named = name_photos(seen, photo_part(data, "test"))
    metrics = measure_photos(named, photo_part(data, "train"))
    of_own = [] if own is None else name_photos(seen, own_part(own, "test", seen.metadata.class_ids))
    if own is not None:
        measured = measure_photos(of_own, own_part(own, "train", seen.metadata.class_ids))
        metrics |= {f"own_{name}": metric for name, metric in measured.items()}
    strangers = pictures_in(data / find_set("not_scrap").folder) + pictures_in(data / find_set("waste").folder)[::4]
    metrics |= measure_strangers(seen, photo_part(data, "test"), strangers)
    unseen = crane_part(data, recipe.crane_cameras, inside=False)
    crane = see_crane(seen, unseen)
    metrics |= measure_crane(crane) | measure_pairs(seen, unseen)
    out.parent.mkdir(parents=True, exist_ok=True)
    draw_crane(crane, out.parent / "crane", unsure_below=seen.metadata.unsure_below)
    failures([*named, *of_own], out.parent / "photos_named_wrongly.png")
    if loads and seen.metadata.area_error is not None:
        seeds = range(FIRST_TEST_SEED, FIRST_TEST_SEED + loads)
        graded = grade_rendered_loads(seeds, model=model, photos=data, part="test", doing=doing)
        metrics |= measure_loads(graded, load_standard(_STANDARD), seen.metadata.area_error)
        metrics |= measure_as_mill(graded, load_standard(_MILL))
        sheet = out.parent / "loads_deducted_wrongly.png"
        draw_worst(graded, load_standard(_STANDARD), data, "test", sheet)
    doubt = None if own is None else may_have_learnt(seen, data, own)
    report = {
        "metrics": {name: asdict(metric) for name, metric in metrics.items()},
        "doubts": [doubt] if doubt else [],
        "confusion": confusion(named),
        "own_confusion": confusion(of_own),
        "photos": to_plain(answers([*named, *of_own])),
    }
    tables = (f"**{doubt}**\n\n" if doubt else "") + as_tables(metrics)
    out.with_suffix(".md").write_text(tables, encoding="utf-8")
    out.write_text(json.dumps(report, indent=1), encoding="utf-8")
    believed = {name: metric for name, metric in metrics.items() if not (doubt and name.startswith("own_"))}
    rewrite_metadata(model, metrics=believed)
    return tables


def may_have_learnt(model: SurfaceModel, data: Path, own: Path) -> str | None:
    """Why a model may know photos of the test part of one's own data set; None where it cannot.

    A model file says by a digest what it learnt from: nothing of one's own, this data set as it is split, or another.
    """
    sets = _data_digest(load_recipe(recipe_path("surface")), data, None)
    without = {sets, _DRAWN, load_model(shipped_model()).metadata.data_digest}
    with_it = {digest_of([read_data_set(own).digest, base]) for base in (sets, _DRAWN)}
    if model.metadata.data_digest in without | with_it:
        return None
    return (
        "Figures of one's own data set may be too good: the model learnt from other data than this data set as it is "
        "now, perhaps from photos of its test part."
    )


def quantize(model: Path, photos: Path, out: Path, loads: int, clips: int) -> dict[str, Any]:
    """Quantise a model, calibrated on training photos, and measure what it lost; returns the report, JSON-ready.

    The file is written only where nothing speaks against it, with the figures of the quantised model; its interval is
    fitted anew on `loads` rendered loads, or left out for 0. Of rendered unloadings, `clips` of the calibration part
    move the thresholds of hazards, and `clips` of the test part show whether they are still found.
    """
    seeds = _calibration_seeds(loads)
    plain = load_model(model)
    about = plain.metadata
    known = [photo.path for photo in photo_part(photos, "train")]
    frames = crane_part(photos, load_recipe(recipe_path("surface")).crane_cameras, inside=True)
    paths = [*known[:: max(1, len(known) // _SHOWN)], *(frame.path for frame in frames)]
    shown = [cut_to_stride(picture_at(path, about.trained_width)) for path in paths]
    data = quantize_model(model.read_bytes(), shown)
    if clips:
        stills = render_stills(about.class_ids, about.trained_width, photos, clips)
        moved = moved_thresholds(plain, SurfaceModel(data, name=out.name), stills)
        data = with_metadata(data, replace(about, hazard_thresholds=moved))
    small = SurfaceModel(data, name=out.name)
    stills = render_stills(about.class_ids, about.trained_width, photos, clips, part="test") if clips else []
    hazards = hazards_of_stills(stills, about.class_ids) + held_cylinders(photos, about.trained_width)
    held = photo_part(photos, "test")
    parity = measure_parity(plain, small, held, hazards)
    metrics = parity.metrics | {"speed": measure_speed(plain, small, [picture_at(held[0].path, about.trained_width)])}
    report = {
        "schema": "loadlens.parity/1",
        "float": plain.sha256,
        "calibrated_on": len(shown),
        "megabytes": round(len(data) / 2**20, 2),
        "metrics": {name: asdict(metric) for name, metric in metrics.items()},
        "faults": list(parity.faults),
    }
    out.parent.mkdir(parents=True, exist_ok=True)
    out.with_suffix(".parity.json").write_text(json.dumps(report, indent=1), encoding="utf-8")
    if not parity.faults:
        # Measured errors of the float model are not those of this one.
        strange = strange_from(small, photo_part(photos, "calibration"))
        said = {"metrics": metrics, "area_error": None, "ood_threshold": strange}
        with _unfinished(out) as beside:
            write_model(data, beside)
            rewrite_metadata(beside, version=f"{about.version}-int8", **said)
            _fit_interval(beside, seeds, photos)
    return report


def _backbone(photos: Path | None) -> Path | None:
    """The ImageNet weights among the picture sets, where they are there."""
    return photos / BACKBONE if photos is not None and (photos / BACKBONE).is_file() else None


def _scenes(run: Path) -> Path:
    """Rendered scenes lie beside the runs, so that runs share them."""
    return run.parent / "scenes"


def _data_digest(recipe: Recipe, photos: Path | None, own: Path | None) -> str:
    """One digest over every picture that could have been used, and over all that one's own data set says."""
    of_own = own_digest(own)
    if of_own is not None:
        return digest_of([of_own, _data_digest(recipe, photos, None)])
    if not recipe.photos or photos is None:
        return _DRAWN
    used = ("scrap_grades", "construction_waste", "soil", "waste", "gas_cylinders", "crane_frames")
    pictures = [picture for name in used for picture in pictures_in(photos / find_set(name).folder)]
    return digest_of(hashlib.sha256(picture.read_bytes()).hexdigest() for picture in pictures)
