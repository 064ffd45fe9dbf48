"""What a model is worth on photos that it never saw, split by scene, always beside a baseline.

A photo is looked at exactly as the command line looks at it.
"""

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from loadlens.training.answers import Answer
from loadlens.training.samples import Photo, read_photo, read_whole
from loadlens.training.statistics import bootstrap, calibration_error, macro_f1
from loadlens.vision.frame import Frame
from loadlens.vision.look import Look, look_at
from loadlens.vision.metadata import Metric
from loadlens.vision.model import SurfaceModel
from loadlens.vision.pipeline import picture_for_model
from loadlens.vision.proportion import proportion
from loadlens.vision.taxonomy import load_taxonomy
from loadlens.vision.uncertainty import out_of_distribution_score

_THUMBNAIL = (16, 12)


@dataclass(frozen=True, slots=True)
class NamedPhoto:
    """A photo, what it shows, and what the model made of it."""

    photo: Photo
    look: Look


def name_photos(model: SurfaceModel, photos: Sequence[Photo]) -> list[NamedPhoto]:
    """Look at every photo."""
    return [NamedPhoto(photo, look_at(_frame(photo.path), model)) for photo in photos]


def measure_photos(named: Sequence[NamedPhoto], train: Sequence[Photo]) -> dict[str, Metric]:
    """Macro-F1 of forms and families with baselines, accuracy, calibration and abstention; all 0..1.

    Intervals come from a bootstrap over scenes; those of shares are as wide as Wilson's at least. `train` is what the
    nearest-neighbour baseline may look at.
    """
    scenes = [item.photo.scene for item in named]
    true = [item.photo.form for item in named]
    commonest = Counter(photo.form for photo in train).most_common(1)[0][0]
    answers = {
        "": [item.look.top or "" for item in named],
        "_nearest_thumbnail": _nearest([item.photo for item in named], train),
        "_majority": [commonest] * len(named),
    }
    metrics: dict[str, Metric] = {}
    for way, said in answers.items():
        metrics[f"photo_form_macro_f1{way}"] = bootstrap(_numbers(true, said), macro_f1, groups=scenes)
        families = _numbers([_family(name) for name in true], [_family(name) for name in said])
        metrics[f"photo_family_macro_f1{way}"] = bootstrap(families, macro_f1, groups=scenes)
    right = np.array([a == b for a, b in zip(true, answers[""], strict=True)])
    answered = np.array([not item.look.abstain for item in named])
    confidence = np.array([item.look.confidence for item in named])
    metrics["photo_form_accuracy"] = _share(right, scenes)
    metrics["photo_answered"] = _share(answered, scenes)
    if answered.any():
        of_answered = [scene for scene, one in zip(scenes, answered, strict=True) if one]
        metrics["photo_form_accuracy_answered"] = _share(right[answered], of_answered)
    metrics["photo_calibration_error"] = bootstrap(
        np.stack([confidence, right.astype(float)], axis=1),
        lambda rows: calibration_error(rows[:, 0], rows[:, 1] > 0.5),
        groups=scenes,
    )
    return metrics


def _share(those: NDArray[np.bool_], scenes: Sequence[str]) -> Metric:
    """A share of photos: photos of one scene are no independent draws, and all of them right is no certainty."""
    wilson = proportion(int(those.sum()), len(those))
    drawn = bootstrap(those.astype(np.float64), lambda rows: float(rows.mean()), groups=scenes)
    return replace(wilson, low=min(wilson.low, drawn.low), high=max(wilson.high, drawn.high))


def answers(named: Sequence[NamedPhoto]) -> list[Answer]:
    """What the model said to every photo."""
    return [
        Answer(
            sha256=hashlib.sha256(item.photo.path.read_bytes()).hexdigest(),
            scene=item.photo.scene,
            true=item.photo.form,
            said=item.look.top or "",
            confidence=item.look.confidence,
            abstain=item.look.abstain,
        )
        for item in named
    ]


def confusion(named: Sequence[NamedPhoto]) -> dict[str, dict[str, int]]:
    """How often each true form (outer) was named as each form (inner)."""
    table: dict[str, Counter[str]] = {}
    for item in named:
        table.setdefault(item.photo.form, Counter())[item.look.top or "nothing"] += 1
    return {form: dict(counts.most_common()) for form, counts in sorted(table.items())}


def measure_strangers(model: SurfaceModel, scrap: Sequence[Photo], strangers: Sequence[Path]) -> dict[str, Metric]:
    """How well pictures that are no scrap stand out: AUROC of the strangeness score, 0..1; 0.5 is blind."""
    scores = [(_strangeness(model, photo.path), 0.0) for photo in scrap]
    scores += [(_strangeness(model, path), 1.0) for path in strangers]
    return {"stranger_auroc": bootstrap(np.array(scores), _auroc)}


def failures(named: Sequence[NamedPhoto], out: Path) -> int:
    """Draw every wrongly named photo with both names into one sheet, PNG; returns how many there are."""
    wrong = [item for item in named if item.look.top != item.photo.form]
    tiles = []
    for item in wrong:
        tile = cv2.resize(read_photo(item.photo.path), (320, 240), interpolation=cv2.INTER_AREA)
        text = f"{item.photo.form} -> {item.look.top} {item.look.confidence:.2f}"
        cv2.rectangle(tile, (0, 218), (320, 240), (0, 0, 0), -1)
        cv2.putText(tile, text, (4, 234), cv2.FONT_HERSHEY_SIMPLEX, 0.42, (255, 255, 255), 1, cv2.LINE_AA)
        tiles.append(tile)
    if tiles:
        tiles += [np.zeros_like(tiles[0])] * (-len(tiles) % 4)
        rows = [np.hstack(tiles[start : start + 4]) for start in range(0, len(tiles), 4)]
        cv2.imwrite(str(out), np.vstack(rows)[..., ::-1])
    return len(wrong)


def _frame(path: Path) -> Frame:
    return Frame.from_rgb(read_whole(path), time_s=0.0)


def _family(form: str) -> str:
    return load_taxonomy().family(form) if form else ""


def _numbers(true: Sequence[str], said: Sequence[str]) -> NDArray[np.float64]:
    """Pairs of names as pairs of numbers [n, 2]."""
    number = {name: place for place, name in enumerate(sorted({*true, *said}))}
    return np.array([(number[a], number[b]) for a, b in zip(true, said, strict=True)], np.float64)


def _nearest(photos: Sequence[Photo], train: Sequence[Photo]) -> list[str]:
    """The form of the most alike training photo, compared as small colour thumbnails."""
    known = np.stack([_thumbnail(photo) for photo in train])
    nearest = [int(np.abs(known - _thumbnail(photo)).sum(axis=1).argmin()) for photo in photos]
    return [train[place].form for place in nearest]


def _thumbnail(photo: Photo) -> NDArray[np.float32]:
    small = cv2.resize(read_photo(photo.path), _THUMBNAIL, interpolation=cv2.INTER_AREA)
    return np.asarray(small, np.float32).ravel()


def _strangeness(model: SurfaceModel, path: Path) -> float:
    surface = model.look(picture_for_model(_frame(path), model.metadata.trained_width), whole=True)
    return out_of_distribution_score(surface, load_taxonomy())


def _auroc(rows: NDArray[np.float64]) -> float:
    """The chance that a stranger scores above a photo of scrap; ties count half."""
    strange, own = rows[rows[:, 1] > 0.5, 0], rows[rows[:, 1] < 0.5, 0]
    if not len(strange) or not len(own):
        return 0.5
    above = (strange[:, None] > own[None, :]).mean() + 0.5 * (strange[:, None] == own[None, :]).mean()
    return float(above)
