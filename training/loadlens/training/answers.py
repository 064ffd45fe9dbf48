"""What a model said to every single photo that it was measured on: kept with its figures, so that runs compare."""

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, TypeVar

from loadlens.vision.metadata import Metric

# What an evaluation is called in the folder of its run.
EVALUATION = "evaluation.json"
Value = TypeVar("Value")


class EvaluationError(ValueError):
    """An evaluation that cannot be read or compared; the message names the file and the remedy."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One photo by the SHA-256 of its bytes, its scene and true form, and what a model said.

    `confidence` (0..1) is that in `said`; `abstain` tells that the model would rather not have answered.
    """

    sha256: str
    scene: str
    true: str
    said: str
    confidence: float
    abstain: bool


def to_plain(answers: Sequence[Answer]) -> list[dict[str, Any]]:
    """JSON-ready, in the order of the digests."""
    return [asdict(answer) for answer in sorted(answers, key=lambda one: one.sha256)]


def read_answers(run: Path) -> list[Answer]:
    """The answers in the file of an evaluation, or in evaluation.json of a run's folder. Raises EvaluationError."""
    answers = _read(run, "photos", lambda said: [_answer(entry) for entry in said["photos"]])
    if not answers or len({answer.sha256 for answer in answers}) < len(answers):
        raise EvaluationError(f"{run}: no photo, or one twice; make the evaluation again")
    return sorted(answers, key=lambda one: one.sha256)


def read_metrics(run: Path) -> dict[str, Metric]:
    """The figures of an evaluation, by name. Raises EvaluationError."""
    return _read(run, "metrics", lambda said: {name: Metric(**entry) for name, entry in said["metrics"].items()})


def read_doubts(run: Path) -> list[str]:
    """Why figures of an evaluation may be too good; nothing where it is older than that. Raises EvaluationError."""
    return _read(run, "doubts", lambda said: [str(why) for why in said.get("doubts", [])])


def _read(run: Path, key: str, read: Callable[[Any], Value]) -> Value:
    """What is read from an evaluation, where it stands under `key`. Raises EvaluationError."""
    path = run / EVALUATION if run.is_dir() else run
    try:
        return read(json.loads(path.read_text(encoding="utf-8")))
    except OSError as fault:
        raise EvaluationError(
            f"{path}: cannot be read ({fault.strerror}); make it with `loadlens evaluate MODEL --out {path}`"
        ) from None
    except (ValueError, KeyError, TypeError, AttributeError) as fault:
        raise EvaluationError(f"{path}: no evaluation with its {key} ({fault}); make it again") from None


def _answer(entry: dict[str, Any]) -> Answer:
    answer = Answer(**entry)
    right = all(isinstance(getattr(answer, one.name), str) for one in fields(Answer)[:4])
    if not right or not isinstance(answer.abstain, bool) or not math.isfinite(answer.confidence):
        raise ValueError(f"answer {entry}")
    return answer
