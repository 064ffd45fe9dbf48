"""A Ray cluster, for what runs on several machines."""

import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def cluster():
    """Two nodes of a real Ray cluster, one processor each."""
    from ray.cluster_utils import Cluster  # half a second, which the other tests need not spend

    small = {"num_cpus": 1, "object_store_memory": 80_000_000}
    with pytest.MonkeyPatch.context() as surroundings:
        surroundings.setenv("RAY_USAGE_STATS_ENABLED", "0")
        # Else Ray's workers give way to everything else, and beside other tests they mostly wait.
        surroundings.setenv("RAY_worker_niceness", "0")
        running = Cluster(initialize_head=True, head_node_args={**small, "include_dashboard": False})
        try:
            running.add_node(**small)
            yield running
        finally:
            running.shutdown()


@pytest.fixture
def stop_a_worker(cluster) -> Callable[[str], int]:
    """To be called as `stop_a_worker("_do")`: stops a worker of the cluster amid that work and gives its process id."""

    def stop(work: str) -> int:
        raylets = {str(node.all_processes["raylet"][0].process.pid) for node in cluster.list_all_nodes()}
        end = time.monotonic() + 120
        while time.monotonic() < end:
            for process in Path("/proc").glob("[0-9]*"):
                with suppress(OSError):
                    parent = (process / "stat").read_text().rsplit(")", 1)[1].split()[1]
                    if parent not in raylets or not _is_at(work, process):
                        continue
                    os.kill(int(process.name), signal.SIGSTOP)
                    if _is_at(work, process):
                        return int(process.name)
                    os.kill(int(process.name), signal.SIGCONT)
        raise AssertionError(f"no worker was seen at {work}")

    return stop


def _is_at(work: str, process: Path) -> bool:
    return (process / "cmdline").read_bytes().startswith(f"ray::{work}".encode())
