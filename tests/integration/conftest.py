"""A Ray cluster, for what runs on several machines."""

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
