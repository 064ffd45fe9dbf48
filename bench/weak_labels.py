"""How much a site's tickets teach: the deduction's error after 20 to 500 tickets. Writes weak_labels.md beside.

    OMP_NUM_THREADS=1 nice -n 19 .venv/bin/python bench/weak_labels.py --photos FOLDER [--tickets 500] [--test 320]

Loads are rendered with known truth and seen layer by layer by the shipped model, which costs a second of CPU each,
once; what was seen is kept in --out. Tickets come from loads of the calibration part, every figure from loads of the
test part: no photo is in both. Inspectors and scales err as `Inspectors` says.
"""

import argparse
import csv
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from rich.progress import track

from loadlens.datasets.groups import Part
from loadlens.grading.observation import LayerObservation, LoadObservation
from loadlens.grading.observation_json import from_json, to_json
from loadlens.grading.quantity import Mass
from loadlens.grading.standard import load_standard
from loadlens.grading.weighing import Weights
from loadlens.training.layer_loads import observe_rendered_loads
from loadlens.training.loads import FIRST_TEST_SEED, GradedLoad
from loadlens.training.recipe import read_strictly, recipe_path
from loadlens.training.site import Bags, SiteRecipe, learn, make_bags, uncalibrated
from loadlens.vision.model import load_model

HERE = Path(__file__).resolve().parent
MODEL = HERE.parent / "vision/loadlens/vision/models/loadlens-surface.onnx"
STANDARD = load_standard("gbt-39733-2024")
RECIPE = read_strictly(recipe_path("site"), SiteRecipe)
SIZES = (20, 50, 100, 200, 500)
DRAWS = 12
TARE_KG = 16_000.0
Row = NDArray[np.float64]


@dataclass(frozen=True)
class Inspectors:
    """How tickets err; all of it assumed, but for the scale, whose legal limits in use are taken as two sigma.

    Each of three inspectors has a bias of his own, each judgement an error of its own, and one ticket in a hundred is
    off by ten, a slip of the unit. Judgements are written down in tens of kilograms.
    """

    own_bias: float = 0.10
    judgement: float = 0.25
    slips: float = 0.01

    def tickets(self, rng: np.random.Generator, truth: Row) -> Row:
        """What is written on the tickets of loads with these true shares, as shares of the weighed net."""
        net = rng.uniform(18_000, 33_000, len(truth))
        bias = np.exp(rng.normal(0, self.own_bias, 3))[rng.integers(3, size=len(truth))]
        judged = net * truth * bias * np.exp(rng.normal(0, self.judgement, len(truth)))
        judged *= np.where(rng.random(len(truth)) < self.slips, 10.0, 1.0)
        weighed = net + rng.normal(0, 1, len(truth)) * [_scale_sd(kg) for kg in net]
        return np.clip(np.round(judged, -1) / weighed, 0, 0.99)


def _scale_sd(net_kg: float) -> float:
    gross = Mass(Decimal(round(TARE_KG + net_kg)))
    limit = Weights(gross, Mass(Decimal(round(TARE_KG))), Mass(20)).scale_uncertainty()
    return float(limit.kg) / 2 if limit else 0.0


@dataclass(frozen=True)
class Kept:
    """One rendered load: as the model saw it, as it was, and the true share of contaminants in its mass."""

    seen: LoadObservation
    true: LoadObservation
    impurity: float


def kept_loads(part: Part, seeds: range, out: Path, photos: Path, workers: int) -> list[Kept]:
    """The loads of the seeds, rendered where what this very model sees of them is not kept yet."""
    folder = out / "loads" / load_model(MODEL).sha256[:12] / part
    folder.mkdir(parents=True, exist_ok=True)
    missing = [seed for seed in seeds if not (folder / f"{seed}.json").exists()]
    rendered = observe_rendered_loads(missing, model=MODEL, photos=photos, part=part, workers=workers)
    for load in track(rendered, total=len(missing), description=part):
        beside = folder / f"{load.seed}.part"
        beside.write_text(json.dumps(_as_json(load)), encoding="utf-8")
        beside.rename(folder / f"{load.seed}.json")
    return [_read(folder / f"{seed}.json") for seed in seeds]


def _as_json(load: GradedLoad) -> dict[str, Any]:
    truth = load.truth
    layers = [[one.start_s, one.end_s, one.new_area, one.forms, one.contaminants] for one in truth.layers]
    observation = json.loads(to_json(load.observation))
    return {"observation": observation, "impurity_mass": truth.truck.impurity_mass, "layers": layers}


def _read(path: Path) -> Kept:
    said = json.loads(path.read_text(encoding="utf-8"))
    seen = from_json(json.dumps(said["observation"]))
    return Kept(seen, replace(seen, layers=tuple(_true_layers(said["layers"]))), said["impurity_mass"])


def _true_layers(layers: list[Any]) -> Iterator[LayerObservation]:
    for index, (start_s, end_s, new_area, forms, contaminants) in enumerate(layers):
        unknown = max(0.0, 1 - sum(forms.values()) - sum(contaminants.values()))
        yield LayerObservation(index, start_s, end_s, start_s, "", new_area, 1.0, forms, contaminants, unknown, 1.0)


def bags_of(loads: list[Kept], look: Callable[[Kept], LoadObservation], truth: Row) -> Bags:
    """The bags of loads, labelled with the truth; loads in which no layer was seen are left out by the caller."""
    return make_bags([(share, look(load)) for share, load in zip(truth, loads, strict=True)], STANDARD)


def curve(history: Bags, test: Bags) -> Iterator[dict[str, Any]]:
    """A row for every number of tickets: errors in points of the net over the test loads, and what intervals hold."""
    truth = test.label
    before = np.abs(uncalibrated(test).estimate(test) - truth)
    for size in [size for size in SIZES if size <= len(history.label)]:
        rng = np.random.default_rng([7, size])
        errors: dict[str, list[Row]] = {
            name: [] for name in ("calibrated", "constant", "ticket", "in", "in_truth", "wide")
        }
        for _ in range(DRAWS):
            chosen = history.of(rng.choice(len(history.label), size, replace=False))
            chosen = replace(chosen, label=Inspectors().tickets(rng, chosen.label))
            learned = learn(chosen, RECIPE)
            tickets = Inspectors().tickets(rng, truth)
            low, high = learned.interval.ends(learned.fit, test)
            errors["calibrated"].append(np.abs(learned.fit.estimate(test) - truth))
            errors["constant"].append(np.abs(np.median(chosen.label) - truth))
            errors["ticket"].append(np.abs(tickets - truth))
            errors["in"].append(((low <= tickets) & (tickets <= high)).astype(float))
            errors["in_truth"].append(((low <= truth) & (truth <= high)).astype(float))
            errors["wide"].append(high - low)
        table = {name: np.array(rows) for name, rows in errors.items()}
        table["uncalibrated"] = np.tile(before, (DRAWS, 1))
        table["gain"] = table["uncalibrated"] - table["calibrated"]
        figures = {name: _mean_with_interval(rows) for name, rows in sorted(table.items())}
        yield {"tickets": size, "draws": DRAWS, "test_loads": len(truth), "history": len(history.label), **figures}


def _mean_with_interval(rows: Row) -> tuple[float, float, float]:
    """The mean of [draws, loads] in percent with a 95 % bootstrap interval over both."""
    rng = np.random.default_rng(0)
    draws, loads = rows.shape
    means = [rows[rng.integers(draws, size=draws)][:, rng.integers(loads, size=loads)].mean() for _ in range(1000)]
    low, high = np.quantile(means, (0.025, 0.975))
    return 100 * float(rows.mean()), 100 * float(low), 100 * float(high)


def main() -> None:
    """Render what is missing, then draw the curves."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=Path("runs/weak_labels"))
    parser.add_argument("--tickets", type=int, default=500)
    parser.add_argument("--test", type=int, default=320)
    parser.add_argument("--workers", type=int, default=2)
    given = parser.parse_args()
    history = kept_loads("calibration", range(given.tickets), given.out, given.photos, given.workers)
    test_seeds = range(FIRST_TEST_SEED, FIRST_TEST_SEED + given.test)
    test = kept_loads("test", test_seeds, given.out, given.photos, given.workers)
    history, test = ([load for load in loads if load.seen.layers and load.true.layers] for loads in (history, test))
    results: dict[str, list[dict[str, Any]]] = {}
    for eye, look in (("model", _as_seen), ("true areas", _as_it_was)):
        for site, change in (("as assumed", _as_assumed), ("wet site", _wet)):
            bags = [
                bags_of(loads, look, change(np.array([one.impurity for one in loads]))) for loads in (history, test)
            ]
            results[f"{eye}, {site}"] = list(track(curve(*bags), total=len(SIZES), description=f"{eye}, {site}"))
    write_csv(results, HERE / "weak_labels.csv")
    draw(results, HERE / "weak_labels.png")
    write_text(results, HERE / "weak_labels.md")


def _as_seen(load: Kept) -> LoadObservation:
    return load.seen


def _as_it_was(load: Kept) -> LoadObservation:
    return load.true


def _as_assumed(truth: Row) -> Row:
    """A site whose contaminants weigh what the taxonomy assumes, as they do in rendered loads."""
    return truth


def _wet(truth: Row) -> Row:
    """A site whose dirt weighs half as much again, and half a percent of every load is dust that no camera sees."""
    return np.minimum(0.99, 0.005 + 1.5 * truth)


FIGURES = {
    "uncalibrated": "uncalibrated: error",
    "calibrated": "calibrated: error",
    "gain": "gain",
    "constant": "constant: error",
    "ticket": "a ticket's own error",
    "in": "interval holds a new ticket",
    "in_truth": "interval holds the truth",
    "wide": "interval's width",
}


def write_csv(results: dict[str, list[dict[str, Any]]], path: Path) -> None:
    """One line for each case and number of tickets; figures in points (or percent of loads) with low and high ends."""
    names = [f"{name}{end}" for name in FIGURES for end in ("", "_low", "_high")]
    with path.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["case", "tickets", "draws", "history_loads", "test_loads", *names])
        for case, lines in results.items():
            for line in lines:
                figures = [f"{value:.3f}" for name in FIGURES for value in line[name]]
                rows.writerow([case, line["tickets"], line["draws"], line["history"], line["test_loads"], *figures])


def write_text(results: dict[str, list[dict[str, Any]]], path: Path) -> None:
    """The curves as tables that a person reads."""
    some = next(iter(results.values()))[0]
    err = Inspectors()
    text = f"""# What tickets teach: rendered loads, simulated inspectors

Made by `bench/weak_labels.py`; the same figures are in `weak_labels.csv`, drawn in `weak_labels.png`. Tickets of
{some["history"]} loads rendered from photos of the calibration part, figures on {some["test_loads"]} loads from photos
of the test part, {DRAWS} draws of tickets and inspectors each; brackets are 95 % intervals over draws and loads. Errors
are mean absolute errors of the deduction against the truth, in points of the net weight. The constant is the median of
the tickets. Assumed of tickets: three inspectors with biases of {err.own_bias:.0%} (log-normal), judgements off by
{err.judgement:.0%}, one slip by ten in {1 / err.slips:.0f}, tens of kilograms, a truck scale of 20 kg with the errors
that the law allows in use as two sigma. Loads weigh 18 to 33 t net. Layers are seen one picture each, with their true
outlines; the tracker is left out.

*Model* is what the shipped model sees; *true areas* is what a model without error would see, so what is left there is
the unknown density and depth of cut of every grab. *Wet site*: dirt weighs half as much again as assumed, and 0.5 % of
every load is never seen.

![The curves](weak_labels.png)
"""
    for case, lines in results.items():
        text += f"\n## {case[0].upper()}{case[1:]}\n| Tickets | {' | '.join(FIGURES.values())} |\n"
        text += "|---" * (len(FIGURES) + 1) + "|\n"
        for line in lines:
            cells = [f"{line[name][0]:.2f} ({line[name][1]:.2f} to {line[name][2]:.2f})" for name in FIGURES]
            text += f"| {line['tickets']} | {' | '.join(cells)} |\n"
    path.write_text(text, encoding="utf-8")


COLOURS = {"uncalibrated": "#777777", "calibrated": "#c0392b", "constant": "#2980b9", "ticket": "#27ae60"}


def draw(results: dict[str, list[dict[str, Any]]], path: Path) -> None:
    """Four panels: error in points of the net over the number of tickets (logarithmic), bars for the intervals."""
    width, height, edge = 560, 360, 56
    sheet = Image.new("RGB", (2 * width, 2 * height), "white")
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(14)
    top = 1.1 * max(line[name][2] for lines in results.values() for line in lines for name in COLOURS)
    for place, (case, lines) in enumerate(results.items()):
        left, above = place % 2 * width, place // 2 * height

        def at(tickets: float, points: float, left: int = left, above: int = above) -> tuple[float, float]:
            along = np.log(tickets / SIZES[0]) / np.log(SIZES[-1] / SIZES[0])
            return left + edge + along * (width - 2 * edge), above + height - edge - points / top * (height - 2 * edge)

        pen.text((left + edge, above + 8), f"{case}: deduction error, points of the net", "black", font)
        for step in np.linspace(0, top, 5):
            pen.line([at(SIZES[0], step), at(SIZES[-1], step)], "#dddddd")
            pen.text((left + 12, at(SIZES[0], step)[1] - 8), f"{step:.1f}", "black", font)
        for row, (name, colour) in enumerate(COLOURS.items()):
            pen.text((left + edge + row * 112, above + 28), name, colour, font)
            spots = [at(line["tickets"], line[name][0]) for line in lines]
            pen.line(spots, colour, 3)
            for line, spot in zip(lines, spots, strict=True):
                pen.line([(spot[0], at(1, end)[1]) for end in line[name][1:]], colour, 2)
        for size in SIZES:
            pen.text((at(size, 0)[0] - 10, at(size, 0)[1] + 8), f"{size}", "black", font)
        pen.text((left + width // 2 - 30, above + height - 24), "tickets", "black", font)
    sheet.save(path)


if __name__ == "__main__":
    main()
