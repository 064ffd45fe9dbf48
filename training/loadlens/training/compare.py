"""Whether one model is better than another on the very same photos, or whether chance could have done it.

Both answer every photo, so the difference is taken within each photo and whole scenes are drawn (paired bootstrap):
what is hard about a scene is hard for both and does not widen the interval. What speaks against the second is named:
a figure of photos that is shown to be worse, and any hazard or interval of rendered loads that holds less often. The
server asks more before a model takes over, on a yard's own loads (`loadlens.vision.succession`).
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from loadlens.training.answers import Answer, EvaluationError, read_answers, read_doubts, read_metrics
from loadlens.training.statistics import bootstrap, calibration_error, macro_f1
from loadlens.vision.metadata import Metric
from loadlens.vision.taxonomy import load_taxonomy

# Of one model: which form is true, what was said, both as families, confidence, abstained.
_COLUMNS = 6
# Of loads with a hazard, those that raised an alarm; of all loads, those whose truth the interval holds.
_HELD = ("hazard_load_alarmed", "interval_coverage")
Rows = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Difference:
    """One figure of two runs, and second minus first with its 95 % interval over scenes and the number of photos."""

    first: float
    second: float
    difference: Metric

    @property
    def shown(self) -> bool:
        """Whether the interval leaves out zero."""
        return self.difference.low > 0 or self.difference.high < 0


@dataclass(frozen=True, slots=True)
class Comparison:
    """The differences by figure, all of shares 0..1; `scenes` were drawn."""

    photos: int
    scenes: int
    figures: dict[str, Difference]


def compare_runs(first: Path, second: Path) -> dict[str, Any]:
    """Compare two evaluations, files or folders of runs; JSON-ready. Raises EvaluationError."""
    compared = compare_answers(read_answers(first), read_answers(second))
    figures = {name: {**asdict(one), "shown": one.shown} for name, one in compared.figures.items()}
    against = [*_worse(compared), *_fewer(read_metrics(first), read_metrics(second)), *read_doubts(second)]
    return {"photos": compared.photos, "scenes": compared.scenes, "figures": figures, "against": against}


def _worse(compared: Comparison) -> Iterator[str]:
    """The figures of photos of which chance is no explanation that they are worse."""
    for name, one in compared.figures.items():
        gap = one.difference
        if gap.low > 0 if name == "calibration_error" else gap.high < 0:
            yield f"{name} is {gap.value:+.1%} ({gap.low:+.1%} to {gap.high:+.1%}), which chance does not explain"


def _fewer(first: Mapping[str, Metric], second: Mapping[str, Metric]) -> Iterator[str]:
    """What holds on fewer of the rendered loads: any fall counts, since there are few."""
    for name in _HELD:
        if name in first and name not in second:
            yield f"{name} was measured of the first alone; evaluate the second on rendered loads too"
        elif name in first and second[name].n != first[name].n:
            yield f"{name} was measured on {second[name].n} loads, on {first[name].n} before; evaluate both on the same"
        elif name in first and second[name].value < first[name].value:
            old, new = first[name], second[name]
            yield f"{name} is {new.value:.1%} of {new.n}, and {old.value:.1%} of {old.n} before"


def compare_answers(first: Sequence[Answer], second: Sequence[Answer]) -> Comparison:
    """Compare two runs on the same photos, both in the order of the digests.

    Raises EvaluationError where the photos, their scenes or what is true of them differ: then a difference would be
    one of the photos and not of the models.
    """
    _refuse_other_photos(first, second)
    scenes = [answer.scene for answer in first]
    number = {name: place for place, name in enumerate(sorted({*_names(first), *_names(second)}))}
    rows = np.hstack([_rows(first, number), _rows(second, number)])
    figures = {}
    for name, figure in _FIGURES.items():
        figures[name] = Difference(
            figure(rows[:, :_COLUMNS]),
            figure(rows[:, _COLUMNS:]),
            bootstrap(rows, _minus(figure), groups=scenes),
        )
    return Comparison(len(first), len(set(scenes)), figures)


def _refuse_other_photos(first: Sequence[Answer], second: Sequence[Answer]) -> None:
    one, other = ({answer.sha256 for answer in answers} for answers in (first, second))
    if one != other:
        raise EvaluationError(
            f"the runs were measured on different photos ({len(one - other)} only in the first, {len(other - one)} "
            f"only in the second, {len(one & other)} in both); evaluate both models on the same data"
        )
    told = [a for a, b in zip(first, second, strict=True) if (a.true, a.scene) != (b.true, b.scene)]
    if told:
        raise EvaluationError(
            f"{len(told)} photos, such as {told[0].sha256[:12]}, have another label or scene in the second run; "
            "evaluate both models on the same data"
        )


def _names(answers: Sequence[Answer]) -> set[str]:
    forms = {name for answer in answers for name in (answer.true, answer.said)}
    return forms | {_family(name) for name in forms}


def _family(form: str) -> str:
    taxonomy = load_taxonomy()
    return f"family {taxonomy.family(form)}" if form in taxonomy and taxonomy[form].kind == "form" else form


def _rows(answers: Sequence[Answer], number: dict[str, int]) -> Rows:
    return np.array(
        [
            (
                number[one.true],
                number[one.said],
                number[_family(one.true)],
                number[_family(one.said)],
                one.confidence,
                one.abstain,
            )
            for one in answers
        ],
        np.float64,
    )


def _minus(figure: Callable[[Rows], float]) -> Callable[[Rows], float]:
    return lambda rows: figure(rows[:, _COLUMNS:]) - figure(rows[:, :_COLUMNS])


def _right(rows: Rows) -> NDArray[np.bool_]:
    return np.asarray(rows[:, 0] == rows[:, 1], np.bool_)


def _accuracy_answered(rows: Rows) -> float:
    """Of nothing answered nothing is right."""
    answered = rows[:, 5] < 0.5
    return float(_right(rows)[answered].mean()) if answered.any() else 0.0


_FIGURES: dict[str, Callable[[Rows], float]] = {
    "form_accuracy": lambda rows: float(_right(rows).mean()),
    "form_macro_f1": lambda rows: macro_f1(rows[:, 0:2]),
    "family_accuracy": lambda rows: float((rows[:, 2] == rows[:, 3]).mean()),
    "family_macro_f1": lambda rows: macro_f1(rows[:, 2:4]),
    "calibration_error": lambda rows: calibration_error(rows[:, 4], _right(rows)),
    "answered": lambda rows: float((rows[:, 5] < 0.5).mean()),
    "accuracy_answered": _accuracy_answered,
}
