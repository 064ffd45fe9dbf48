"""The figures of an evaluation as tables that a metallurgist reads: value, interval, n, and what a constant reaches."""

from collections.abc import Iterator, Mapping, Sequence

from loadlens.vision.metadata import Metric

# How a figure's baseline is named, and called.
_BASELINES = {
    "constant": "always the same",
    "commonest": "commonest",
    "majority": "commonest",
    "nearest_thumbnail": "nearest thumbnail",
    "baseline": "always the median",
}
# Whose figures begin so belong to a source, the first that fits.
_SOURCES: Mapping[str, Sequence[str]] = {
    "Photos of grades of scenes it never saw": ("photo_", "stranger_"),
    "Photos of one's own data set": ("own_",),
    "Crane frames of cameras it never saw": ("crane_",),
    "Rendered loads, by the mill's rules": ("mill_",),
    "Rendered loads, how far off": ("",),
}


def as_tables(metrics: Mapping[str, Metric]) -> str:
    """Markdown, a table for each source; shares in percent."""
    left = {name: metric for name, metric in metrics.items() if _baseline_of(name, metrics) is None}
    tables = []
    for title, beginnings in _SOURCES.items():
        names = [name for name in left if name.startswith(tuple(beginnings))]
        lines = [_line(name, left.pop(name), metrics) for name in names]
        if lines:
            tables.append("\n".join([f"## {title}", "", "| | value | n | baseline |", "|---|---|---|---|", *lines]))
    return "\n\n".join(tables) + "\n"


def _baseline_of(name: str, metrics: Mapping[str, Metric]) -> str | None:
    """The figure that this one is a baseline of; None where it is none."""
    found = (name.removesuffix(f"_{way}") for way in _BASELINES if name.endswith(f"_{way}"))
    return next((one for one in found if one in metrics), None)


def _line(name: str, metric: Metric, metrics: Mapping[str, Metric]) -> str:
    beside = ", ".join(_beside(name, metrics))
    return f"| {name.replace('_', ' ')} | {_shown(name, metric)} | {metric.n} | {beside} |"


def _beside(name: str, metrics: Mapping[str, Metric]) -> Iterator[str]:
    for way, called in _BASELINES.items():
        if (known := metrics.get(f"{name}_{way}")) is not None:
            yield f"{called} {_shown(name, known)}"


def _shown(name: str, metric: Metric) -> str:
    value, low, high = metric.value, metric.low, metric.high
    if name.endswith("_per_tonne"):
        return f"{value:.0f} a tonne ({low:.0f} to {high:.0f})"
    return f"{value:.1%} ({low:.1%} to {high:.1%})"
