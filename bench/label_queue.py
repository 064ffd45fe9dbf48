"""How many labels the queue saves: accuracy by labels, queued or drawn at random. Writes label_queue.md beside.

    OMP_NUM_THREADS=1 nice -n 19 .venv/bin/python bench/label_queue.py --photos FOLDER [--seeds 5]

Photos of 24 grades, in the five folds of the source's near-duplicate groups: four folds are the heap to label from, the
fifth is measured on. Features are those of the shipped model, whose backbone never learnt from scrap; the head that
names photos is learnt anew after every batch, and its own doubts queue the next. One core does it in a minute or two.
"""

import argparse
import csv
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from rich.progress import track
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from loadlens.datasets.label_queue import Candidate, margin_doubt, pick_next
from loadlens.training.features import STRENGTH, FeatureModel
from loadlens.training.samples import photo_folds, read_whole
from loadlens.vision.frame import Frame
from loadlens.vision.model import shipped_model

HERE = Path(__file__).resolve().parent
FIRST, STEP, LAST = 20, 20, 240
SIZES = tuple(range(FIRST, LAST + 1, STEP))
Features = NDArray[np.float32]
Row = NDArray[np.float64]
# Of places in the heap, those labelled, chances of the rest, and luck: the places to label next.
Way = Callable[["Heap", list[int], Row, np.random.Generator], Sequence[int]]


class Heap:
    """The photos that may be labelled, and those that are measured on: features [N, D], labels and scenes."""

    def __init__(self, features: Features, labels: NDArray[np.intp], scenes: Sequence[str], held: NDArray[np.bool_]):
        self.features, self.labels = features[~held], labels[~held]
        self.scenes = [scene for scene, is_held in zip(scenes, held, strict=True) if not is_held]
        self.test, self.truth = features[held], labels[held]

    def head(self, known: list[int]) -> LogisticRegression:
        """A head that learnt from the photos at these places."""
        head = make_pipeline(StandardScaler(), LogisticRegression(C=STRENGTH, class_weight="balanced", tol=1e-3))
        return head.fit(self.features[known], self.labels[known])

    def curve(self, way: Way, seed: int) -> Row:
        """Accuracy on the held-out photos at every number of labels."""
        rng = np.random.default_rng(seed)
        known = rng.choice(len(self.labels), FIRST, replace=False).tolist()
        reached = []
        for size in SIZES:
            head = self.head(known)
            reached.append(float((head.predict(self.test) == self.truth).mean()))
            if size < LAST:
                rest = [place for place in range(len(self.labels)) if place not in known]
                chances = np.zeros((len(self.labels), len(head.classes_)))
                chances[rest] = head.predict_proba(self.features[rest])
                known += [int(place) for place in way(self, known, chances, rng)]
        return np.array(reached)


def by_chance(heap: Heap, known: list[int], _: Row, rng: np.random.Generator) -> Sequence[int]:
    """The next photos drawn blindly."""
    rest = [place for place in range(len(heap.labels)) if place not in known]
    return rng.choice(rest, STEP, replace=False).tolist()


def queued(heap: Heap, known: list[int], chances: Row, _: np.random.Generator) -> Sequence[int]:
    """The next photos as `loadlens data queue` picks them."""
    return _picked(heap, known, margin_doubt(chances))


def only_unlike(heap: Heap, known: list[int], chances: Row, _: np.random.Generator) -> Sequence[int]:
    """The same without the head's doubt: what is farthest from all that is known."""
    return _picked(heap, known, np.ones(len(chances)))


def only_doubtful(heap: Heap, known: list[int], chances: Row, _: np.random.Generator) -> Sequence[int]:
    """The same without distance: what the head doubts most, each scene once."""
    return _picked(heap, known, margin_doubt(chances), apart=False)


def _picked(heap: Heap, known: list[int], doubt: Row, *, apart: bool = True) -> Sequence[int]:
    rest = [place for place in range(len(heap.labels)) if place not in known]
    candidates = [Candidate({"uncertain": float(doubt[place])}, heap.scenes[place]) for place in rest]
    # Without distance every photo is as far from the others as any.
    features = heap.features if apart else np.eye(len(heap.labels), dtype=np.float32)
    return [rest[one.index] for one in pick_next(candidates, features[rest], features[known], STEP)]


WAYS: dict[str, Way] = {
    "at random": by_chance,
    "queued": queued,
    "unlike only": only_unlike,
    "doubtful only": only_doubtful,
}


def see(folder: Path) -> tuple[Features, NDArray[np.intp], list[str], NDArray[np.intp]]:
    """Features [N, D], labels as numbers, groups and folds of all photos."""
    photos, groups, folds = photo_folds(folder, "source")
    file = shipped_model()
    eye = FeatureModel(file.read_bytes(), name=file.name)
    frames = (Frame.from_rgb(read_whole(photo.path), time_s=0.0) for photo in photos)
    features = np.stack([eye.of_frame(frame) for frame in track(frames, total=len(photos), description="looking")])
    names = sorted({photo.form for photo in photos})
    return features, np.array([names.index(photo.form) for photo in photos]), list(groups), np.array(folds)


def with_interval(rows: Row) -> Row:
    """Mean of rows [folds, seeds, ...] and its 95 % interval by drawing folds, then seeds of each: [3, ...]."""
    rng = np.random.default_rng(0)
    folds, seeds = rows.shape[:2]
    drawn = []
    for _ in range(1000):
        chosen = rng.integers(folds, size=folds)
        drawn.append(np.mean([rows[fold][rng.integers(seeds, size=seeds)].mean(axis=0) for fold in chosen], axis=0))
    return np.stack([rows.mean(axis=(0, 1)), *np.quantile(drawn, (0.025, 0.975), axis=0)])


def labels_for(curve: Row, accuracy: float) -> float:
    """How many labels a curve takes to an accuracy, by straight lines between its points; inf where it stays below."""
    for place, reached in enumerate(curve):
        if reached >= accuracy:
            if place == 0:
                return float(SIZES[0])
            before = curve[place - 1]
            return SIZES[place - 1] + STEP * (accuracy - before) / (reached - before)
    return float("inf")


def main() -> None:
    """Draw the curves."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=Path, required=True)
    parser.add_argument("--seeds", type=int, default=5)
    given = parser.parse_args()
    features, labels, groups, folds = see(given.photos)
    heaps = [Heap(features, labels, groups, folds == fold) for fold in np.unique(folds)]
    curves = {
        name: np.array([[heap.curve(way, seed) for seed in range(given.seeds)] for heap in heaps])
        for name, way in track(WAYS.items(), description="labelling")
    }
    figures = {name: with_interval(rows) for name, rows in curves.items()}
    gains = {name: with_interval(rows - curves["at random"]) for name, rows in curves.items() if name != "at random"}
    write_csv(figures, gains, HERE / "label_queue.csv")
    draw(figures, HERE / "label_queue.png")
    write_text(figures, gains, (len(labels), len(set(groups)), given.seeds), HERE / "label_queue.md")


def write_csv(figures: dict[str, Row], gains: dict[str, Row], path: Path) -> None:
    """A line for each way and number of labels: accuracy and gain on random choice, 0..1, with their intervals."""
    with path.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["way", "labels", "accuracy", "low", "high", "gain", "gain_low", "gain_high"])
        for name, figure in figures.items():
            gain = gains.get(name)
            for place, size in enumerate(SIZES):
                more = [""] * 3 if gain is None else [f"{value:.4f}" for value in gain[:, place]]
                rows.writerow([name, size, *(f"{value:.4f}" for value in figure[:, place]), *more])


def write_text(figures: dict[str, Row], gains: dict[str, Row], n: tuple[int, int, int], path: Path) -> None:
    """The curves as tables that a person reads."""
    photos, groups, seeds = n
    random = figures["at random"][0]
    lines = [
        f"| {size} | {labels_for(figures['queued'][0], random[place]):.0f} | {100 * random[place]:.1f} % |"
        for place, size in enumerate(SIZES)
        if size in (60, 100, 140, 180, 220)
    ]
    curve = [
        f"| {size} | "
        + " | ".join(_percent(figure[:, place]) for figure in figures.values())
        + f" | {_percent(gains['queued'][:, place], sign='+')} |"
        for place, size in enumerate(SIZES)
    ]
    path.write_text(
        f"""# How many labels the queue saves

Made by `bench/label_queue.py`; every figure is in `label_queue.csv`, drawn in `label_queue.png`. {photos} photos of 24
grades by one trader in {groups} near-duplicate groups, five folds that share no group, {seeds} draws of the first
{FIRST} labels in each; brackets are 95 % intervals over folds and draws. Accuracy is that of the grade, held-out fold.

| Labels drawn at random | The queue takes | for an accuracy of |
|---|---|---|
{chr(10).join(lines)}

![The curves](label_queue.png)

| Labels | {" | ".join(figures)} | queued minus random |
|{"---|" * (len(figures) + 2)}
{chr(10).join(curve)}

*Unlike only* and *doubtful only* are the queue without the other half of its rule. The heap has no yards, hazards or
disputes, so what the queue does with those is not measured here. Its doubts were those of a head that was learnt anew
after every {STEP} labels; the command's are those of one model, so batches that are large for the model save less. The
ways were tried on these photos before the rule was settled, so expect a little less elsewhere.
""",
        encoding="utf-8",
    )


def _percent(of: Row, sign: str = "") -> str:
    value, low, high = (100 * float(one) for one in of)
    return f"{value:{sign}.1f} ({low:{sign}.1f} to {high:{sign}.1f})"


COLOURS = {"at random": "#2980b9", "queued": "#c0392b", "unlike only": "#8e6bbf", "doubtful only": "#27ae60"}


def draw(figures: dict[str, Row], path: Path) -> None:
    """Accuracy over the number of labels, bars for the intervals of the first two."""
    width, height, edge, lowest = 760, 460, 56, 0.3
    sheet = Image.new("RGB", (width, height), "white")
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(14)

    def at(labels: float, accuracy: float) -> tuple[float, float]:
        along, up = (labels - FIRST) / (LAST - FIRST), (accuracy - lowest) / (0.9 - lowest)
        return edge + along * (width - 2 * edge), height - edge - up * (height - 2 * edge)

    for step in np.arange(lowest, 0.91, 0.1):
        pen.line([at(FIRST, step), at(LAST, step)], "#dddddd")
        pen.text((14, at(FIRST, step)[1] - 8), f"{step:.0%}", "black", font)
    for size in SIZES:
        pen.text((at(size, lowest)[0] - 10, at(size, lowest)[1] + 8), f"{size}", "black", font)
    pen.text((width // 2 - 20, height - 24), "labels", "black", font)
    for row, (name, figure) in enumerate(figures.items()):
        pen.text((edge + row * 150, 16), name, COLOURS[name], font)
        pen.line([at(size, figure[0, place]) for place, size in enumerate(SIZES)], COLOURS[name], 3)
        for place, size in enumerate(SIZES) if row < 2 else ():
            pen.line([at(size, end) for end in figure[1:, place]], COLOURS[name], 1)
    sheet.save(path)


if __name__ == "__main__":
    main()
