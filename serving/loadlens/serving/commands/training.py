"""`loadlens train`, `evaluate`, `export`, `quantize`, `compare`: handed to training, which a yard need not install."""

import importlib
import json
from pathlib import Path
from typing import Annotated, Any

import typer

from loadlens.serving.errors import CommandError, RefusedError, WrongUseError, extra

Photos = Annotated[Path | None, typer.Option(help="Folder that holds the sets of `loadlens data sets`.")]
Own = Annotated[Path | None, typer.Option(help="A data set of one's own (`loadlens data import`), split.")]


def train(
    recipe: Annotated[str, typer.Argument(help="A shipped recipe by name, or a .toml file.")],
    *,
    out: Annotated[Path, typer.Option(help="Folder of the run.")],
    photos: Photos = None,
    own: Own = None,
    tickets: Annotated[
        Path | None, typer.Option(help="Learn a site's deductions from its tickets (.csv), not a model.")
    ] = None,
    observations: Annotated[
        Path | None, typer.Option(help="With --tickets: folder of graded loads (`grade --out`) or bundles.")
    ] = None,
    ray: Annotated[
        str | None, typer.Option(metavar="ADDRESS", help="Train on this Ray cluster; all folders are shared by it.")
    ] = None,
    workers: Annotated[int, typer.Option(min=1, help="With --ray: how many processes share a batch.")] = 2,
    device: Annotated[str, typer.Option(help="Where to train: cpu, or cuda for a GPU.")] = "cpu",
    readers: Annotated[
        int, typer.Option(min=0, help="Processes that prepare pictures beside the training; a GPU waits without.")
    ] = 0,
) -> None:
    """Train a model by a recipe, or with --tickets what a site's weighbridge tickets teach."""
    if (tickets is None) != (observations is None):
        raise WrongUseError("--tickets and --observations belong together: give both, or neither")
    if ray is not None and tickets is not None:
        raise WrongUseError("what tickets teach is learnt in one process; leave out --ray")
    if (device != "cpu" or readers) and (ray or tickets):
        raise WrongUseError("--device and --readers are for one process that trains a model; leave them out")
    if ray is not None:
        with extra("ray"):
            from loadlens.serving.archive.on_ray import cluster  # noqa: PLC0415
        with cluster(ray):
            run_training("on_ray", "train", recipe, out, photos, own, workers)
    elif tickets is None:
        run_training("commands", "train", recipe, out, photos, own, device=device, readers=readers)
    else:
        # A module of its own: what tickets teach needs no torch.
        run_training("site_run", "train_site", recipe, tickets, observations, out)


def evaluate(
    model: Annotated[Path, typer.Argument(help="A model file.")],
    *,
    data: Annotated[Path, typer.Option(help="Folder of the public sets.")],
    out: Annotated[Path, typer.Option(help="File for the numbers, .json.")],
    loads: Annotated[int, typer.Option(min=0, help="How many rendered loads to measure on; 0: none.")] = 100,
    own: Own = None,
    ray: Annotated[
        str | None,
        typer.Option(metavar="ADDRESS", help="Grade rendered loads on this Ray cluster; it shares model and data."),
    ] = None,
) -> None:
    """Measure a model on pictures and loads that it never saw; the figures go into the model file too."""
    asked = ("commands", "evaluate", model, data, out, loads, own)
    if ray is None:
        tables = run_training(*asked)
    else:
        with extra("ray"):
            from loadlens.serving.archive.on_ray import cluster, in_tasks  # noqa: PLC0415
        with cluster(ray):
            tables = run_training(*asked, doing=in_tasks)
    print(tables, end="")


def export(
    run: Annotated[Path, typer.Argument(help="Folder of a run.")],
    out: Annotated[Path, typer.Option(help="The model file to write, .onnx.")],
    photos: Photos = None,
    loads: Annotated[
        int, typer.Option(min=0, help="Rendered loads that the interval is fitted on; 0: a model without interval.")
    ] = 120,
    own: Own = None,
) -> None:
    """Calibrate a run and write its model file."""
    run_training("commands", "export", run, out, photos, loads, own)


def quantize(
    model: Annotated[Path, typer.Argument(help="A model file in floating point.")],
    *,
    photos: Annotated[Path, typer.Option(help="Folder that holds the sets of `loadlens data sets`.")],
    out: Annotated[Path, typer.Option(help="The model file to write, .onnx; .parity.json is written beside it.")],
    loads: Annotated[
        int, typer.Option(min=0, help="Rendered loads that the interval is fitted on; 0: a model without interval.")
    ] = 120,
    clips: Annotated[int, typer.Option(min=0, help="Rendered unloadings that hazards are looked for in.")] = 40,
    as_json: Annotated[bool, typer.Option("--json", help="Print the parity report as JSON.")] = False,
) -> None:
    """Make a model of eight bits and measure what it loses; it is only written where it is as good."""
    report = run_training("commands", "quantize", model, photos, out, loads, clips)
    if as_json:
        print(json.dumps(report))
    else:
        print(f"size {report['megabytes']} MB; quantised minus float, with 95 % intervals:")
        for name, one in report["metrics"].items():
            print(f"{name:<32} {one['value']:8.4f} ({one['low']:.4f} to {one['high']:.4f}), n {one['n']}")
    if report["faults"]:
        raise CommandError(f"{out}: not fit to replace {model}, not written: {'; '.join(report['faults'])}")


def compare(
    first: Annotated[Path, typer.Argument(metavar="RUN", help="File of `loadlens evaluate`, or a folder with it.")],
    second: Annotated[Path, typer.Argument(metavar="RUN", help="The run that is to be better.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print the comparison as JSON.")] = False,
) -> None:
    """Compare two evaluated models on the same photos: differences with their 95 % intervals."""
    found = run_training("compare", "compare_runs", first, second)
    if as_json:
        print(json.dumps(found))
        return
    print(f"second minus first on the same {found['photos']} photos of {found['scenes']} scenes, 95 % intervals")
    for name, one in found["figures"].items():
        gap = one["difference"]
        shown = "" if one["shown"] else "  may be chance"
        print(
            f"{name:<18} {one['first']:7.1%} {one['second']:7.1%} "
            f"{gap['value']:+7.1%} ({gap['low']:+.1%} to {gap['high']:+.1%}){shown}"
        )
    print("\n".join(f"against the second: {why}" for why in found["against"]) or "nothing speaks against the second")


def run_training(module: str, command: str, *arguments: Any, **options: Any) -> Any:
    """Call what a command does in the training package. Raises CommandError where that is not installed."""
    # By name, because serving must work where training and torch are not installed.
    try:
        with extra("training"):
            commands = importlib.import_module(f"loadlens.training.{module}")
            return getattr(commands, command)(*arguments, **options)
    except ValueError as error:
        raise RefusedError(str(error)) from error
