"""The training loop: one recipe in, one run folder out, taken up where it stopped if it was stopped."""

import json
import math
import os
import platform
import time
from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from rich.console import Console
from rich.progress import Progress
from torch import Tensor
from torch.nn import functional
from torch.utils.data import DataLoader

from loadlens.datasets.crane import CraneFrame
from loadlens.datasets.importing import read_data_set
from loadlens.training.network import SurfaceNet, load_backbone
from loadlens.training.processes import ALONE, PLAIN, Machine, Processes, SharedDropout
from loadlens.training.recipe import Recipe, RecipeError
from loadlens.training.samples import Batches, Photo, Pictures, crane_part, own_part, photo_part
from loadlens.training.scenes import render_scenes
from loadlens.vision.taxonomy import load_taxonomy

_SAVE_EVERY = 50
_DATA = "data.json"


def train(
    recipe: Recipe,
    run: Path,
    *,
    photos: Path | None,
    scenes: Path,
    backbone: Path | None,
    own: Path | None = None,
    processes: Processes = ALONE,
    machine: Machine = PLAIN,
) -> Path:
    """Train a recipe to its last step; returns the checkpoint.

    `photos` is the folder of the picture sets, `scenes` where rendered scenes are kept, `backbone` an ImageNet state
    dict (None: torchvision downloads its own; a recipe without photos starts from nothing instead), `own` a data set of
    one's own whose train part is learnt from as well. A run folder that holds a checkpoint of the same recipe on the
    same data is continued. Several `processes` end as one does, but for the rounding of sums, and so does a GPU of the
    `machine`, which rounds to bfloat16. Raises RecipeError, and DataError for a faulty data set.
    """
    if recipe.photos and photos is None and own is None:
        raise RecipeError(f"recipe {recipe.name} needs photos: give the folder of the sets with --photos, or --own")
    _check_shares(recipe, processes)
    where = _device(machine.device, processes)
    if own is not None and not recipe.photos_per_step:
        raise RecipeError(f"recipe {recipe.name} looks at no whole photos; set photos = true and photos_per_step")
    mine = [] if own is None else own_part(own, "train", recipe.classes)
    kept = None
    if processes.is_first:
        run.mkdir(parents=True, exist_ok=True)
        # What is recorded of a run stays as it is where another recipe or other data are refused.
        kept = _stored(run, recipe, where)
        _record_data(run, recipe, photos, own)
        _record(run, recipe, where)
    torch.manual_seed(recipe.seed)
    network = SurfaceNet(len(recipe.classes))
    _reset_head(network)
    origin = load_backbone(network, backbone) if recipe.photos or backbone else "random"
    network.freeze(recipe.frozen_blocks)
    network.drop = SharedDropout(recipe.dropped, processes)
    network = network.to(where, memory_format=torch.channels_last)  # type: ignore[call-overload]
    groups = network.groups(recipe.learning_rate, recipe.head_factor)
    optimiser = torch.optim.AdamW(groups, weight_decay=recipe.weight_decay)
    average = {name: value.clone() for name, value in network.state_dict().items()}
    stored = processes.from_first(kept)
    first = 0 if stored is None else _take_up(stored, network, optimiser, average)
    log_file = run / "metrics.jsonl" if processes.is_first else Path(os.devnull)
    _trim_log(log_file, first)
    batches = _batches(recipe, photos, scenes, mine, processes)
    # One whole batch a step, in order, whoever cuts it: so readers change nothing but the time.
    steps = DataLoader(
        batches,
        batch_size=None,
        sampler=range(first, recipe.steps),
        num_workers=machine.readers,
        multiprocessing_context="spawn" if machine.readers else None,
    )
    shown = Progress(console=Console(stderr=True), disable=not processes.is_first)
    with shown as progress, log_file.open("a", encoding="utf-8") as log:
        bar = progress.add_task(f"training {recipe.name} (backbone: {origin})", total=recipe.steps, completed=first)
        for step, batch in enumerate(steps, first):
            _set_rates(optimiser, recipe, step)
            losses = _step(recipe, network, optimiser, (step, batch), processes)
            _follow(average, network, step)
            log.write(json.dumps({"step": step, **losses, "time": round(time.time(), 1)}) + "\n")
            if processes.is_first and ((step + 1) % _SAVE_EVERY == 0 or step + 1 == recipe.steps):
                log.flush()
                _save(run, recipe, step + 1, (network, optimiser, average))
            progress.advance(bar)
    processes.wait()
    return run / "checkpoint.pt"


def load_trained(run: Path) -> tuple[Recipe, SurfaceNet]:
    """The averaged network of a finished run. Raises RecipeError where the run has not finished."""
    path = run / "checkpoint.pt"
    if not path.is_file():
        raise RecipeError(f"{run}: no checkpoint.pt; train first with `loadlens train RECIPE --out {run}`")
    stored = torch.load(path, map_location="cpu", weights_only=True)
    recipe = recipe_from_json(stored["recipe"])
    if stored["step"] < recipe.steps:
        raise RecipeError(f"{run}: stopped at step {stored['step']} of {recipe.steps}; train again to go on")
    network = SurfaceNet(len(recipe.classes))
    network.load_state_dict(stored["average"])
    return recipe, network.eval()


def recipe_from_json(text: str) -> Recipe:
    """A recipe as it was stored with a checkpoint."""
    table = json.loads(text)
    values: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in table.items()}
    return Recipe(**values)


def dense_loss(logits: Tensor, shares: Tensor, judged: Tensor) -> Tensor:
    """Cross-entropy against the share of every class in a cell; cells count as far as they were judged.

    `judged` is the sum of the shares in the whole batch, of which these pictures may be a part.
    """
    return -(shares * functional.log_softmax(logits, dim=1)).sum(dim=1).sum() / judged.clamp(min=1e-6)


def photo_scores(logits: Tensor, forms: Sequence[int]) -> Tensor:
    """What a whole photo shows: probabilities of the forms, float32 [N, F].

    The mean of the cells' form probabilities: walls, ground and sky say nothing of a form and so count nothing.
    """
    mass = logits.softmax(dim=1)[:, list(forms)].mean(dim=(2, 3)) + 1e-6
    return mass / mass.sum(dim=1, keepdim=True)


def _step(
    recipe: Recipe,
    network: SurfaceNet,
    optimiser: torch.optim.Optimizer,
    numbered: tuple[int, Pictures],
    processes: Processes,
) -> dict[str, float]:
    step, batch = numbered
    # Dropout draws from the step too, so that a run that was taken up again ends as one that never stopped.
    torch.manual_seed(recipe.seed * 1_000_003 + step)
    network.train()
    optimiser.zero_grad(set_to_none=True)
    losses: dict[str, Tensor] = {}
    where = network.head.weight.device
    in_short = torch.autocast(where.type, torch.bfloat16, enabled=where.type != "cpu")
    if "scenes" in batch:
        pictures, shares = (part.to(where, non_blocking=True) for part in batch["scenes"])
        with in_short:
            logits = network(pictures)
        loss = dense_loss(logits.float(), shares, processes.total(shares.sum()))
        loss.backward()  # type: ignore[no-untyped-call]
        losses["dense"] = processes.total(loss.detach())
    if "photos" in batch:
        forms = form_positions(recipe.classes)
        pictures, labels = (part.to(where, non_blocking=True) for part in batch["photos"])
        with in_short:
            logits = network(pictures)
        named = photo_scores(logits.float(), forms).log()
        loss = functional.nll_loss(named, labels, reduction="sum") / recipe.photos_per_step
        (0.5 * loss).backward()  # type: ignore[no-untyped-call]
        losses["photo"] = processes.total(loss.detach())
    processes.add_gradients(network.parameters())
    torch.nn.utils.clip_grad_norm_(network.parameters(), 5.0)
    optimiser.step()
    return {name: round(float(value), 5) for name, value in losses.items()}


def form_positions(classes: Sequence[str]) -> list[int]:
    """The places of the forms among a model's classes; forms stand first, so places in the list are places there."""
    positions = [index for index, name in enumerate(classes) if load_taxonomy()[name].kind == "form"]
    if positions != list(range(len(positions))):
        raise RecipeError("classes: name the forms first, then contaminants, hazards and scene")
    return positions


def _device(name: str, processes: Processes) -> torch.device:
    """Where to train. Raises RecipeError for a device that is not here, or that several processes would share."""
    if name == "cpu":
        return torch.device(name)
    if not torch.cuda.is_available():
        raise RecipeError(f"--device {name}: no GPU that PyTorch can use; leave it out to train on the CPU")
    if processes.count > 1:
        raise RecipeError(f"--device {name}: a run of several processes trains on CPUs; start one, or leave it out")
    return torch.device(name)


def _check_shares(recipe: Recipe, processes: Processes) -> None:
    """Raise RecipeError where the pictures of a step cannot be dealt out equally."""
    for name in ("scenes_per_step", "photos_per_step"):
        if (pictures := getattr(recipe, name)) % processes.count:
            raise RecipeError(
                f"recipe {recipe.name}: {name} = {pictures} cannot be shared by {processes.count} processes; "
                "start as many as divide it, or change the recipe"
            )


def _batches(recipe: Recipe, photos: Path | None, scenes: Path, own: Sequence[Photo], processes: Processes) -> Batches:
    pictures: list[Path] = []
    if recipe.scenes_per_step:
        draw = partial(render_scenes, scenes, "train", recipe.scenes, photos if recipe.photos else None)
        if processes.local_rank == 0:
            draw(recipe.drawn_share)
        processes.wait()
        pictures = draw(recipe.drawn_share)
    graded: list[Photo] = []
    crane: list[CraneFrame] = []
    if recipe.photos and photos is not None:
        graded = photo_part(photos, "train")
        crane = crane_part(photos, recipe.crane_cameras, inside=True) if recipe.crane_cameras else []
    return Batches(recipe, pictures, [*graded, *own], crane, processes)


def _set_rates(optimiser: torch.optim.Optimizer, recipe: Recipe, step: int) -> None:
    """Warm up over the first 3 % of the steps, then fall along a cosine to zero."""
    warm = max(1, recipe.steps * 0.03)
    share = min(1.0, (step + 1) / warm) * 0.5 * (1 + math.cos(math.pi * step / recipe.steps))
    for group, factor in zip(optimiser.param_groups, (1, recipe.head_factor), strict=True):
        group["lr"] = recipe.learning_rate * factor * share


def _follow(average: dict[str, Tensor], network: SurfaceNet, step: int) -> None:
    """The average of the weights over the last few hundred steps is what is shipped: steadier than the last step."""
    decay = min(0.995, (step + 1) / (step + 10))
    for name, value in network.state_dict().items():
        average[name].lerp_(value, 1 - decay) if value.is_floating_point() else average[name].copy_(value)


def _reset_head(network: SurfaceNet) -> None:
    for part in (network.from_coarse, network.from_around, network.from_fine, network.mix, network.head):
        torch.nn.init.kaiming_normal_(part.weight)
        torch.nn.init.zeros_(part.bias)  # type: ignore[arg-type]


def _record(run: Path, recipe: Recipe, where: torch.device) -> None:
    """What a person needs to know about the run in ten years."""
    import torchvision  # noqa: PLC0415 (as in network.py)

    (run / "recipe.json").write_text(json.dumps(asdict(recipe), indent=1), encoding="utf-8")
    versions = {"python": platform.python_version(), "torch": torch.__version__, "torchvision": torchvision.__version__}
    versions |= {"numpy": np.__version__, "opencv": cv2.__version__, "machine": platform.machine()}
    versions["device"] = "cpu" if where.type == "cpu" else torch.cuda.get_device_name(where)
    (run / "environment.json").write_text(json.dumps(versions, indent=1), encoding="utf-8")


def _record_data(run: Path, recipe: Recipe, photos: Path | None, own: Path | None) -> None:
    """Note what is learnt from. Raises RecipeError where the run began on something else."""
    if (run / _DATA).is_file():
        refuse_other_data(run, recipe, photos, own)
    else:
        said = {"own": own_digest(own), "sets": _takes_sets(recipe, photos)}
        (run / _DATA).write_text(json.dumps(said), encoding="utf-8")


def _takes_sets(recipe: Recipe, photos: Path | None) -> bool:
    return recipe.photos and photos is not None


def own_digest(own: Path | None) -> str | None:
    """The digest of a data set of one's own, None where there is none."""
    return None if own is None else read_data_set(own).digest


def refuse_other_data(run: Path, recipe: Recipe, photos: Path | None, own: Path | None) -> None:
    """Raise RecipeError where a run learnt from another data set of one's own than the given, or from none.

    Also where it learnt from the public sets and no folder of `photos` is given, or the other way round.
    """
    path = run / _DATA
    said = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    # Runs of before noted no sets: a recipe with photos had them wherever it had no data set of one's own.
    takes, took = _takes_sets(recipe, photos), said.get("sets")
    if took is None:
        took = takes if said.get("own") else recipe.photos
    if took != takes:
        remedy = "give their folder with --photos" if took else "leave out --photos"
        raise RecipeError(
            f"{run}: {'learns' if took else 'does not learn'} from the public sets; {remedy}, or give another run"
        )
    before = said.get("own")
    if before != (given := own_digest(own)):
        raise RecipeError(
            f"{run}: learns from the data set {before and before[:16]}, not {given and given[:16]}; "
            "give that with --own, or another folder for the run"
        )


def _save(
    run: Path, recipe: Recipe, step: int, state: tuple[SurfaceNet, torch.optim.Optimizer, dict[str, Tensor]]
) -> None:
    network, optimiser, average = state
    unfinished = run / "checkpoint.pt.new"
    torch.save(
        {
            "recipe": json.dumps(asdict(recipe)),
            "step": step,
            "network": network.state_dict(),
            "optimiser": optimiser.state_dict(),
            "average": average,
        },
        unfinished,
    )
    unfinished.replace(run / "checkpoint.pt")


def _trim_log(log: Path, steps: int) -> None:
    """Drop what was logged after the last checkpoint: those steps are taken again."""
    if log.exists():
        lines = log.read_text(encoding="utf-8").splitlines(keepends=True)
        log.write_text("".join(lines[:steps]), encoding="utf-8")


def _stored(run: Path, recipe: Recipe, where: torch.device) -> dict[str, Any] | None:
    """The checkpoint of a run, if there is one. Raises RecipeError where it is of another recipe."""
    path = run / "checkpoint.pt"
    if not path.is_file():
        return None
    stored: dict[str, Any] = torch.load(path, map_location=where, weights_only=True)
    if recipe_from_json(stored["recipe"]) != recipe:
        raise RecipeError(f"{run}: holds a run of another recipe; give another folder or delete it")
    return stored


def _take_up(
    stored: dict[str, Any], network: SurfaceNet, optimiser: torch.optim.Optimizer, average: dict[str, Tensor]
) -> int:
    """Go on from a checkpoint; returns the step to go on from."""
    network.load_state_dict(stored["network"])
    optimiser.load_state_dict(stored["optimiser"])
    average.update(stored["average"])
    return int(stored["step"])
