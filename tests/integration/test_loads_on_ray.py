"""Rendered loads that a Ray cluster grades are those that one process grades."""

import subprocess
import sys
from dataclasses import replace

import pytest

from loadlens.serving.archive.on_ray import cluster as joined
from loadlens.serving.archive.on_ray import in_tasks
from loadlens.serving.archive.regrading import in_turn
from loadlens.training.loads import grade_rendered_loads


@pytest.mark.long
def test_a_cluster_grades_loads_as_one_process_does(cluster, model_file) -> None:
    seeds, of = range(1000, 1004), {"model": model_file, "photos": None, "part": "test", "seconds": 8.0}
    alone = grade_rendered_loads(seeds, **of, doing=in_turn)
    assert sum(len(load.observation.layers) for load in alone) >= len(seeds)
    with joined(cluster.address):
        shared = grade_rendered_loads(seeds, **of, doing=in_tasks)
    assert list(map(whenever, shared)) == list(map(whenever, alone))


def whenever(load):
    """A load but for when it was graded."""
    return replace(load, observation=replace(load.observation, started_at=""))


def test_a_cluster_that_is_not_there_is_told_before_anything_is_measured(free_port, tmp_path) -> None:
    command = [sys.executable, "-m", "loadlens.serving.cli", "evaluate", "m.onnx", "--data", ".", "--out", "m.json"]
    command += ["--ray", f"127.0.0.1:{free_port}"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 3
    assert f"no Ray cluster answers at '127.0.0.1:{free_port}'" in done.stderr
