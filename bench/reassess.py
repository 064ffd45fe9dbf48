"""Stored observations assessed again under another standard: how many layers a second, and does it grow as it should.

    python bench/reassess.py [--rounds 3] [--layers 20000]

Rules alone, in one process on one thread: no picture, no model, no database. Loads are made of one that was really
watched, lengthened by repeating its layers. CPU seconds of the process.
"""

import argparse
import time
from dataclasses import replace
from functools import partial

from figures import Figure, figure, interleaved, ratio, show

from loadlens.datasets.procedural import ProceduralTextures
from loadlens.datasets.yard import ClipSpec, render_clip
from loadlens.grading.assessment import assess_load
from loadlens.grading.observation import LoadObservation
from loadlens.grading.observation_json import from_json, to_json
from loadlens.grading.standard import Standard, load_standard
from loadlens.vision.frame import Frame
from loadlens.vision.model import load_model
from loadlens.vision.pipeline import Unloading

STANDARD = "eu-27"
USUAL, LONG = 10, 100


def watched() -> LoadObservation:
    """One load, rendered and seen by the shipped model."""
    unloading = Unloading(load_model(), load_id="bench")
    clip = render_clip(ClipSpec(seed=7, fps=4, seconds=40), ProceduralTextures())
    for time_s, rgb in clip.frames():
        unloading.push(Frame.from_rgb(rgb, time_s=time_s))
    return unloading.finish().observation


def of_layers(load: LoadObservation, count: int) -> LoadObservation:
    """The same load with `count` layers."""
    layers = [replace(load.layers[n % len(load.layers)], index=n) for n in range(count)]
    return replace(load, layers=tuple(layers))


def assess(load: LoadObservation, standard: Standard, times: int) -> float:
    """CPU seconds for a layer, of assessing what is in memory."""
    began = time.process_time()
    for _ in range(times):
        assess_load(load, standard)
    return (time.process_time() - began) / times / len(load.layers)


def read_and_assess(text: str, layers: int, standard: Standard, times: int) -> float:
    """CPU seconds for a layer, of reading the stored text and assessing it."""
    began = time.process_time()
    for _ in range(times):
        assess_load(from_json(text), standard)
    return (time.process_time() - began) / times / layers


def figures(rounds: int, layers: int) -> list[Figure]:
    """Measure everything."""
    standard, load = load_standard(STANDARD), watched()
    usual, long = of_layers(load, USUAL), of_layers(load, LONG)
    seen = interleaved(
        {
            "memory": partial(assess, usual, standard, layers // USUAL),
            "stored": partial(read_and_assess, to_json(usual), USUAL, standard, layers // USUAL),
            "long": partial(assess, long, standard, layers // LONG),
        },
        rounds,
    )
    return [
        figure("layers assessed for each CPU second, rules alone", [1 / value for value in seen["memory"]], ">= 20000"),
        figure("layers read and assessed for each CPU second", [1 / value for value in seen["stored"]]),
        ratio("cost of a layer in a load ten times as long / usual", seen["long"], seen["memory"], "<= 1.2"),
    ]


def main() -> None:
    """Run it and print it."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--rounds", type=int, default=3)
    arguments.add_argument("--layers", type=int, default=20000)
    asked = arguments.parse_args()
    show(figures(asked.rounds, asked.layers))


if __name__ == "__main__":
    main()
