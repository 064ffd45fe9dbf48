"""An archive graded again by one and by two workers of a Ray cluster on this machine, in turns.

    python bench/regrade_on_ray.py [--layers 1000000] [--rounds 1]

Wall time from the call to the summary, the start of the workers included, that of the cluster not: it says something
only where two processors are free. Processor time says what the cluster costs wherever it runs: that of one process
that does the work, over that of all processes of this one, its cluster and both workers.
"""

import argparse
import os
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path

from figures import Figure, figure, interleaved, ratio, show
from ray.cluster_utils import Cluster
from reassess import STANDARD, USUAL, of_layers, watched

from loadlens.grading.assessment import assess_load
from loadlens.grading.observation_json import to_json
from loadlens.grading.standard import load_standard
from loadlens.serving.archive.folder import Archive, write_loads
from loadlens.serving.archive.on_ray import on_ray
from loadlens.serving.archive.regrading import in_turn, regrade_archive
from loadlens.serving.archive.tables import Archived, archived
from loadlens.serving.canonical import canonical_json
from loadlens.serving.store.blobs import FolderBlobs
from loadlens.serving.store.tables import Assessment, Load

SMALL = {"num_cpus": 1, "object_store_memory": 200_000_000}


def loads(count: int) -> Iterator[Archived]:
    """So many loads of the usual number of layers, alike but for their ids."""
    load = of_layers(watched(), USUAL)
    report = canonical_json(assess_load(load, load_standard(STANDARD)).to_report())
    then = "2026-03-01T08:00:00+00:00"
    kept = Assessment(version=1, observation=to_json(load), report=report, inputs=None, reason="", created_at=then)
    row = archived(Load(id=load.load_id, created_at=then), kept).load
    for number in range(count):
        name = f"load-{number:07}"
        observation = row["observation"].replace(f'"load_id":"{load.load_id}"', f'"load_id":"{name}"')
        yield Archived({**row, "load": name, "observation": observation, "frames": []}, [])


def grade(archive: Archive, address: str | None, used: list[float]) -> float:
    """Wall seconds for the whole archive; the processor seconds of all processes are added to `used`."""
    began, before = time.monotonic(), processor_seconds()
    spent = before

    def doing(work: Callable[[bytes], bytes], pieces: Iterable[tuple[str, bytes]]) -> Iterator[tuple[str, bytes]]:
        nonlocal spent
        for result in in_turn(work, pieces) if address is None else on_ray(address, work, pieces):
            spent = processor_seconds()  # before the workers end and take what they used with them
            yield result

    with tempfile.TemporaryDirectory() as out:
        done = regrade_archive(archive, Path(out), load_standard(STANDARD), None, doing)
    if done.graded != archive.loads:
        raise SystemExit(f"{done.graded} of {archive.loads} loads were graded")
    used.append(spent - before)
    seconds = time.monotonic() - began
    print(f"{archive.loads} loads in {seconds:.0f} s, {used[-1]:.0f} s of processor time", flush=True)
    return seconds


def processor_seconds() -> float:
    """What this process and all that descend from it have used."""
    stats = {}
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            fields = (process / "stat").read_text().rsplit(")", 1)[1].split()
            stats[int(process.name)] = int(fields[1]), sum(map(int, fields[11:13]))
    family, found = set(), {os.getpid()}
    while found:
        family |= found
        found = {process for process, (parent, _) in stats.items() if parent in found}
    return sum(stats[process][1] for process in family if process in stats) / os.sysconf("SC_CLK_TCK")


def cluster(nodes: int) -> Cluster:
    """A cluster of nodes with one processor each."""
    running = Cluster(initialize_head=True, head_node_args={**SMALL, "include_dashboard": False})
    for _ in range(nodes - 1):
        running.add_node(**SMALL)
    return running


def figures(folder: Path, rounds: int, layers: int) -> list[Figure]:
    """Measure everything."""
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    # Ray's workers give way to everything else on a machine, unless told otherwise.
    os.environ.setdefault("RAY_worker_niceness", "0")
    archive = write_loads(loads(layers // USUAL), FolderBlobs(folder / "blobs"), folder / "archive")
    one, two = cluster(1), cluster(2)
    used: dict[str, list[float]] = {"alone": [], "one": [], "two": []}
    cases = {"two": two.address, "one": one.address, "alone": None}
    try:
        seen = interleaved({name: partial(grade, archive, at, used[name]) for name, at in cases.items()}, rounds)
    finally:
        for running in (one, two):
            running.shutdown()
    return [
        figure("layers of an archive graded again a second, in one process", [layers / s for s in seen["alone"]]),
        figure("the same by one worker of a Ray cluster", [layers / s for s in seen["one"]]),
        figure("the same by two workers", [layers / s for s in seen["two"]]),
        ratio("wall time of one worker / twice that of two", seen["one"], [2 * s for s in seen["two"]], ">= 0.8"),
        ratio("processor time of one process / that of the cluster with two", used["alone"], used["two"], ">= 0.8"),
    ]


def main() -> None:
    """Run it and print it."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--rounds", type=int, default=1)
    arguments.add_argument("--layers", type=int, default=1_000_000)
    asked = arguments.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        show(figures(Path(folder), asked.rounds, asked.layers))


if __name__ == "__main__":
    main()
