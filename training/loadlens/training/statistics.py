"""Intervals for what was measured: no accuracy is reported without one."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from loadlens.vision.metadata import Metric


def mean(values: Sequence[float] | NDArray[np.float64]) -> Metric:
    """A mean with the 95 % interval of its bootstrap over the values."""
    return bootstrap(np.asarray(values, np.float64), lambda sample: float(sample.mean()))


def bootstrap(
    rows: NDArray[np.float64], of: Callable[[NDArray[np.float64]], float], *, groups: Sequence[str] | None = None
) -> Metric:
    """Any figure of rows [n, ...] with a 95 % percentile bootstrap; whole `groups` are drawn where given.

    Photos of one scene stand and fall together, so drawing them one by one would make the interval too narrow.
    """
    if len(rows) == 0:
        raise ValueError("a figure of nothing: there is no sample")
    rng = np.random.default_rng(0)
    names = np.asarray(groups if groups is not None else np.arange(len(rows)).astype(str))
    members = [np.flatnonzero(names == name) for name in np.unique(names)]
    drawn = []
    for _ in range(1000):
        chosen = rng.integers(len(members), size=len(members))
        drawn.append(of(rows[np.concatenate([members[index] for index in chosen])]))
    low, high = np.quantile(drawn, (0.025, 0.975))
    return Metric(of(rows), float(low), float(high), len(rows))


def macro_f1(pairs: NDArray[np.float64]) -> float:
    """Macro-F1 of (true, named) class numbers [n, 2] over the classes that are there."""
    scores = []
    for name in np.unique(pairs[:, 0]):
        true, named = pairs[:, 0] == name, pairs[:, 1] == name
        scores.append(2 * (true & named).sum() / max(1, true.sum() + named.sum()))
    return float(np.mean(scores))


def calibration_error(confidence: NDArray[np.float64], right: NDArray[np.bool_], bins: int = 10) -> float:
    """Expected calibration error over equal-width bins of confidence (Naeini et al. 2015), 0..1."""
    which = np.minimum((confidence * bins).astype(int), bins - 1)
    gaps = [
        np.mean(which == number) * abs(confidence[which == number].mean() - right[which == number].mean())
        for number in np.unique(which)
    ]
    return float(np.sum(gaps))
