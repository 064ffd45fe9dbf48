"""The rendered loads whose deduction came out worst, as pictures with what was called and what was true."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from loadlens.datasets.groups import Part
from loadlens.grading.assessment import impurity_estimate
from loadlens.grading.standard import Standard
from loadlens.training.loads import GradedLoad, render_load

_LOADS, _LAYERS = 6, 4
_WIDTH, _HEIGHT, _LINE = 320, 180, 22


def draw_worst(
    loads: Sequence[GradedLoad], standard: Standard, photos: Path | None, part: Part, out: Path
) -> list[int]:
    """Draw the first layers of the worst loads into one sheet, PNG, a load in each row; returns their seeds.

    A row says the deduction that was called and the true one, in percent of the net, and the same of each
    contaminant's share of the area.
    """
    called = [impurity_estimate(load.observation, standard)[0] for load in loads]
    off = [abs(share - load.truth.truck.impurity_mass) for share, load in zip(called, loads, strict=True)]
    worst = sorted(range(len(loads)), key=lambda place: -off[place])[:_LOADS]
    rows = [_row(loads[place], called[place], photos, part) for place in worst]
    if rows:
        cv2.imwrite(str(out), np.vstack(rows)[..., ::-1])
    return [loads[place].seed for place in worst]


def _row(load: GradedLoad, called: float, photos: Path | None, part: Part) -> NDArray[np.uint8]:
    truth = load.truth.truck
    said = f"load {load.seed}: deduction called {called:.2%}, true {truth.impurity_mass:.2%} of the net"
    seen: dict[str, float] = {}
    total = sum(layer.new_area for layer in load.observation.layers)
    for layer in load.observation.layers:
        for name, share in layer.contaminants.items():
            seen[name] = seen.get(name, 0.0) + share * layer.new_area / total
    areas = f"area seen: {_named(seen)}; true: {_named(truth.contaminants)}"
    row = np.zeros((_HEIGHT + 2 * _LINE, _LAYERS * _WIDTH, 3), np.uint8)
    for line, text in enumerate((said, areas)):
        at = (6, 16 + line * _LINE)
        cv2.putText(row, text, at, cv2.FONT_HERSHEY_SIMPLEX, 0.45, (255, 255, 255), 1, cv2.LINE_AA)
    for place, (_, rgb, _) in zip(range(_LAYERS), render_load(load.seed, photos, part).layers(), strict=False):
        small = cv2.resize(rgb, (_WIDTH, _HEIGHT), interpolation=cv2.INTER_AREA)
        row[2 * _LINE :, place * _WIDTH : (place + 1) * _WIDTH] = small
    return row


def _named(shares: Mapping[str, float]) -> str:
    most = sorted(shares.items(), key=lambda entry: -entry[1])
    return ", ".join(f"{name} {share:.1%}" for name, share in most if share >= 0.001) or "nothing"
