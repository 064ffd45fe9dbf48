"""Everything that `make bench` measures, into bench/results: a table to read, one to compute with, and a picture.

    python bench/all.py [--rounds 3] [--quick]

Figures that fall below what is wanted of them are marked as failed; nothing hides them. Takes about half an hour;
--quick takes a few minutes on short clips and says less.
"""

import argparse
import tempfile
from pathlib import Path

import clip_to_layers
import matplotlib as mpl
import picture_to_grid
import reassess
import regrade_on_ray
import service_beside_peers
from figures import LOADLENS, Figure, cost, figure, show, write

RESULTS = Path(__file__).parent / "results"


def cold_start(rounds: int) -> list[Figure]:
    """What it costs to be told the commands."""
    return [figure("CPU seconds of `loadlens --help`", [cost([*LOADLENS, "--help"]) for _ in range(rounds)], "<= 0.3")]


def draw(figures: list[Figure], file: Path) -> None:
    """Every figure of which something is wanted, as a multiple of what is wanted: right of the line is met."""
    mpl.use("svg")
    from matplotlib import pyplot  # noqa: PLC0415

    wanted = [one for one in figures if one.wanted][::-1]
    shares = [one.value / float(one.wanted.split()[1]) for one in wanted]
    met = [share if one.wanted.startswith(">=") else 1 / share for one, share in zip(wanted, shares, strict=True)]
    axes = pyplot.figure(figsize=(11, 0.4 * len(wanted) + 1.2), layout="constrained").subplots()
    axes.barh(
        [f"{one.what}  (wanted {one.wanted})" for one in wanted], met, color=["#2a7" if m >= 1 else "#c43" for m in met]
    )
    axes.axvline(1, color="black")
    axes.set_xscale("log")
    axes.set_xlabel("how far what is wanted is met (1: exactly)")
    axes.figure.savefig(file)


def main() -> None:
    """Measure, print, and keep."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--rounds", type=int, default=3)
    arguments.add_argument("--quick", action="store_true")
    asked = arguments.parse_args()
    seconds, pictures, frames, layers = (10, 5, 60, 4000) if asked.quick else (60, 20, 300, 50000)
    figures: list[Figure] = []
    for measure in (
        lambda _: cold_start(asked.rounds),
        lambda _: reassess.figures(asked.rounds, layers),
        lambda folder: regrade_on_ray.figures(folder, 1, 20 * layers),
        lambda _: picture_to_grid.figures(asked.rounds, pictures),
        lambda folder: clip_to_layers.figures(folder, asked.rounds, seconds),
        lambda folder: service_beside_peers.figures(folder, asked.rounds, frames),
    ):
        with tempfile.TemporaryDirectory() as folder:
            found = measure(Path(folder))
        show(found)
        figures += found
        write(figures, RESULTS)  # after each part: half an hour is long enough to be cut off in
    draw(figures, RESULTS / "figures.svg")


if __name__ == "__main__":
    main()
