"""What `loadlens data queue` does: pictures are looked at by a model, and those that teach most are written out.

How doubtful a picture is: `uncertain`, the margin between the two forms that the model thinks likeliest; `strange`, how
little of it looks like anything the model knows; `disputed`, people or models say different things; `hazard`, a rare
thing may be in it, from half of its alarm threshold on.
"""

import csv
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from loadlens.datasets.importing import read_data_set
from loadlens.datasets.label_queue import Candidate, Picked, margin_doubt, pick_next
from loadlens.datasets.samples import Sample
from loadlens.training.data_check import with_scenes
from loadlens.training.features import FeatureModel
from loadlens.vision.frame import Frame
from loadlens.vision.hazards import find_hazards
from loadlens.vision.image import SourceError, read_bytes
from loadlens.vision.look import look_at
from loadlens.vision.model import SurfaceModel, load_model, shipped_model
from loadlens.vision.onnx_file import read_model_file
from loadlens.vision.pipeline import picture_for_model
from loadlens.vision.taxonomy import load_taxonomy
from loadlens.vision.uncertainty import out_of_distribution_score


def queue(
    samples: Sequence[Sample],
    out: Path,
    count: int,
    *,
    model: Path | None,
    beside: Sequence[Path],
    known: Path | None,
    disputes: Mapping[Path, str],
) -> dict[str, Any]:
    """Write the `count` pictures to label next into `out`, with queue.csv; returns what it came to, JSON-ready.

    `samples` are the candidates (their `group`, where given, counts as one scene); `beside` are more models whose
    answers count as opinions; `known` is a data set whose pictures are labelled already; `disputes` says of candidates
    what people or machines said differently. Raises ValueError where nothing can be picked.
    """
    file = model or shipped_model()
    eye = FeatureModel(read_model_file(file), name=str(file))
    looks = [load_model(file), *(load_model(one) for one in beside)]
    labelled = [] if known is None else list(read_data_set(known).samples.values())
    readable, unreadable = _readable(samples)
    already = {sample.path.read_bytes() for sample in labelled}
    fresh = [sample for sample in readable if sample.path.read_bytes() not in already]
    if not fresh:
        raise ValueError("every picture is labelled already, or cannot be read; there is nothing to queue")
    features = eye.of_photos(sample.path for sample in fresh)
    candidates = [
        Candidate(doubts, sample.group, sample.site)
        for sample, doubts in zip(_scenes(fresh, features), _doubts(fresh, looks, disputes), strict=True)
    ]
    of_known = eye.of_photos(sample.path for sample in labelled) if labelled else features[:0]
    picked = pick_next(candidates, features, of_known, count)
    _write(fresh, candidates, picked, disputes, out)
    return {
        "schema": "loadlens.label-queue/1",
        "model": eye.sha256,
        "pictures": len(fresh),
        "known": len(labelled),
        "unreadable": unreadable,
        "queued": len(picked),
    }


def _readable(samples: Sequence[Sample]) -> tuple[list[Sample], list[str]]:
    """The samples whose picture can be decoded, and what is wrong with the others."""
    good, faults = [], []
    for sample in samples:
        try:
            Frame.from_bytes(read_bytes(sample.path), name=sample.path.name, time_s=0.0)
        except SourceError as fault:
            faults.append(str(fault))
        else:
            good.append(sample)
    return good, faults


def _scenes(samples: Sequence[Sample], features: NDArray[np.float32]) -> list[Sample]:
    """The samples with near-duplicates in one group; what was said to be one scene stays one."""
    found = with_scenes(samples, features) if len(samples) > 1 else samples
    return [replace(seen, group=given.group or seen.group) for seen, given in zip(found, samples, strict=True)]


def _doubts(
    samples: Sequence[Sample], models: Sequence[SurfaceModel], disputes: Mapping[Path, str]
) -> Iterator[dict[Any, float]]:
    taxonomy = load_taxonomy()
    for sample in samples:
        first = models[0]
        width = first.metadata.trained_width
        frame = Frame.from_bytes(read_bytes(sample.path), name=sample.path.name, time_s=0.0, colour_width=width)
        surface = first.look(picture_for_model(frame, width), whole=True)
        answers = {look_at(frame, model).top for model in models}
        about = first.metadata
        half = {name: threshold / 2 for name, threshold in about.hazard_thresholds.items()}
        patches = find_hazards(surface, thresholds=half, frame_s=0.0, frame_sha256="", scale=1.0)
        peaks = [patch.score / about.hazard_thresholds[patch.class_id] for patch in patches if patch.score > 0]
        limit = about.ood_threshold
        strange = out_of_distribution_score(surface, taxonomy)
        yield {
            "uncertain": 0.0 if surface.photo is None else float(margin_doubt(surface.photo[None])[0]),
            "strange": float(limit is not None and strange > limit),
            "disputed": float(len(answers) > 1 or sample.path in disputes),
            "hazard": min(1.0, max(peaks, default=0.0)),
        }


def _write(
    samples: Sequence[Sample],
    candidates: Sequence[Candidate],
    picked: Sequence[Picked],
    disputes: Mapping[Path, str],
    out: Path,
) -> None:
    """The pictures, numbered in their order, and beside them queue.csv, which is written last."""
    out.mkdir(parents=True, exist_ok=True)
    rows = []
    for number, one in enumerate(picked, 1):
        sample = samples[one.index]
        name = f"{number:04d}{sample.path.suffix.lower()}"
        shutil.copyfile(sample.path, out / name)
        doubts = candidates[one.index].doubts
        rows.append(
            {
                "file": name,
                "reasons": "; ".join(one.reasons),
                "disputed_how": disputes.get(sample.path, ""),
                "picture": sample.name or str(sample.path),
                "site": sample.site,
                "scene": candidates[one.index].scene,
                **{f"{doubt}": f"{value:.3f}" for doubt, value in doubts.items()},
                "distance": f"{one.distance:.3f}",
            }
        )
    with (out / "queue.csv").open("w", encoding="utf-8", newline="") as file:
        table = csv.DictWriter(file, list(rows[0]))
        table.writeheader()
        table.writerows(rows)
