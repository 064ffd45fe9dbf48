"""A training run on a Ray cluster of this machine that loses a process, beside one that loses none.

    python bench/training_killed.py

Two processes by torchrun take 70 steps of the recipe `tiny`, then two by Ray Train, of which one is killed after the
checkpoint of step 50. Prints whether losses and weights are the same to the bit; about two minutes of two processors.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

import torch
from ray.cluster_utils import Cluster

from loadlens.training.commands import recipe_path
from loadlens.training.train import load_trained

SMALL = {"num_cpus": 1, "object_store_memory": 80_000_000}
CHANGED = (("scenes = 60", "scenes = 4"), ("steps = 120", "steps = 70"), ("[192, 256]", "[64, 64]"))
LOADLENS = ["-m", "loadlens.serving.cli", "train", "r.toml", "--out"]


def stop_a_worker(cluster: Cluster) -> int:
    """Stop a process of Ray Train amid its work; its process id. The others then wait for it."""
    raylets = {str(node.all_processes["raylet"][0].process.pid) for node in cluster.list_all_nodes()}
    while True:
        for process in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                parent = (process / "stat").read_text().rsplit(")", 1)[1].split()[1]
                if parent in raylets and (process / "cmdline").read_bytes().startswith(b"ray::RayTrainWorker"):
                    os.kill(int(process.name), signal.SIGSTOP)
                    return int(process.name)


def lose_one(folder: Path) -> None:
    """Train on a cluster and kill a process once the first checkpoint is there."""
    cluster = Cluster(initialize_head=True, head_node_args={**SMALL, "include_dashboard": False})
    try:
        cluster.add_node(**SMALL)
        command = [sys.executable, *LOADLENS, "lossy", "--workers", "2", "--ray", cluster.address]
        with subprocess.Popen(command, cwd=folder) as driver:
            while not (folder / "lossy/checkpoint.pt").exists():
                time.sleep(0.01)
            worker = stop_a_worker(cluster)
            print("killed after step", torch.load(folder / "lossy/checkpoint.pt")["step"])
            os.kill(worker, signal.SIGKILL)
            if driver.wait():
                raise SystemExit("the run on the cluster failed")
    finally:
        cluster.shutdown()


def losses(run: Path) -> list[float]:
    """The loss of every step that a run has logged."""
    lines = (run / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line)["dense"] for line in lines]


def main() -> None:
    """Train twice, and compare."""
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        text = recipe_path("tiny").read_text(encoding="utf-8")
        for old, new in CHANGED:
            text = text.replace(old, new)
        (folder / "r.toml").write_text(text, encoding="utf-8")
        torchrun = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", *LOADLENS, "whole"]
        subprocess.run(torchrun, cwd=folder, check=True)
        lose_one(folder)
        whole, lossy = (load_trained(folder / run)[1].state_dict() for run in ("whole", "lossy"))
        print("steps", len(losses(folder / "lossy")))
        print("losses the same", losses(folder / "lossy") == losses(folder / "whole"))
        print("weights the same", all(torch.equal(value, lossy[key]) for key, value in whole.items()))


if __name__ == "__main__":
    main()
