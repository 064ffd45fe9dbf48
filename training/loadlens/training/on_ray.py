"""Training on the machines of a Ray cluster by Ray Train: it starts the processes, and again after one was lost."""

from pathlib import Path
from typing import Any

from ray.train import FailureConfig, RunConfig, ScalingConfig, TrainingFailedError, WorkerGroupError
from ray.train.torch import TorchConfig, TorchTrainer

from loadlens.training import commands
from loadlens.training.processes import PATIENCE
from loadlens.training.recipe import RecipeError

# So often a worker may be lost; the run then goes on from its last checkpoint.
_LOSSES = 3


def train(recipe: str, out: Path, photos: Path | None, own: Path | None, workers: int) -> None:
    """What `commands.train` does, by `workers` processes of the cluster that this one has joined.

    The folders lie where every machine sees them under the same path. Raises RecipeError where the run fails.
    """
    paths = {"out": out, "photos": photos, "own": own}
    seen = {name: path and str(path.absolute()) for name, path in paths.items()}
    trainer = TorchTrainer(
        _work,
        train_loop_config={"recipe": str(Path(recipe).absolute()) if Path(recipe).is_file() else recipe, **seen},
        torch_config=TorchConfig(backend="gloo", timeout_s=int(PATIENCE.total_seconds())),
        scaling_config=ScalingConfig(num_workers=workers),
        run_config=RunConfig(
            name="ray", storage_path=str(out.absolute()), failure_config=FailureConfig(max_failures=_LOSSES)
        ),
    )
    try:
        trainer.fit()
    except WorkerGroupError as failed:
        raise RecipeError(f"{out}: {next(iter(failed.worker_failures.values()))}") from failed
    except TrainingFailedError as failed:
        raise RecipeError(f"{out}: {failed}") from failed


def _work(asked: dict[str, Any]) -> None:
    """One process of the run."""
    out, photos, own = (asked[name] and Path(asked[name]) for name in ("out", "photos", "own"))
    commands.train(asked["recipe"], out, photos, own)
