"""Figures of one run: cases measured in turn, their ratios beside what is wanted of them, kept as a table."""

import csv
import os
import statistics
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

Measured = TypeVar("Measured")

# One thread a picture for everybody: what is compared is work, not cores.
ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENCV_FOR_THREADS_NUM": "1", "MKL_NUM_THREADS": "1"}
LOADLENS = (sys.executable, "-m", "loadlens.serving.cli")


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure with the range it had over `n` rounds, and what is wanted: at least (>=) or at most (<=) a number.

    Without `wanted` it is told for the reader alone.
    """

    what: str
    value: float
    low: float
    high: float
    n: int
    wanted: str = ""

    @property
    def met(self) -> bool | None:
        """Whether it is as wanted; None where nothing is."""
        if not self.wanted:
            return None
        sign, bound = self.wanted.split()
        return self.value >= float(bound) if sign == ">=" else self.value <= float(bound)


def interleaved(cases: Mapping[str, Callable[[], Measured]], rounds: int) -> dict[str, list[Measured]]:
    """Measure every case once a round, in an order that is turned round from one round to the next."""
    seen: dict[str, list[Measured]] = {name: [] for name in cases}
    for number in range(rounds):
        for name in list(cases) if number % 2 == 0 else reversed(list(cases)):
            seen[name].append(cases[name]())
    return seen


def figure(what: str, values: Sequence[float], wanted: str = "") -> Figure:
    """The median of what was measured."""
    return Figure(what, statistics.median(values), min(values), max(values), len(values), wanted)


def ratio(what: str, over: Sequence[float], under: Sequence[float], wanted: str = "") -> Figure:
    """The median over the rounds of one case beside another of the same round."""
    return figure(what, [a / b for a, b in zip(over, under, strict=True)], wanted)


# A small process between: the system counts what its parent held as memory of a new process, too.
_PEAK = """
import resource, subprocess, sys
code = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode
print(code, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024)
"""


def cost(command: Sequence[str], allowed: tuple[int, ...] = (0,), **environment: str) -> float:
    """CPU seconds (user + system) of one process run to its end."""
    process = subprocess.Popen(
        command, env={**os.environ, **ONE_THREAD, **environment}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    _, status, usage = os.wait4(process.pid, 0)
    _check(command, os.waitstatus_to_exitcode(status), allowed)
    return usage.ru_utime + usage.ru_stime


def peak_mb(command: Sequence[str], allowed: tuple[int, ...] = (0,)) -> float:
    """Peak memory in MB of one process run to its end."""
    between = [sys.executable, "-c", _PEAK, *command]
    told = subprocess.run(between, env={**os.environ, **ONE_THREAD}, capture_output=True, text=True, check=True)
    code, peak = told.stdout.split()
    _check(command, int(code), allowed)
    return float(peak)


def _check(command: Sequence[str], code: int, allowed: tuple[int, ...]) -> None:
    if code not in allowed:
        raise SystemExit(f"{' '.join(command)[:200]} ended with {code}")


def show(figures: Sequence[Figure]) -> None:
    """Print the figures, those that are not as wanted marked."""
    for one in figures:
        print(
            f"{one.what:<66} {one.value:10.3g}  ({one.low:.3g} to {one.high:.3g}, n {one.n})  {verdict(one)}",
            flush=True,
        )


def verdict(one: Figure) -> str:
    """What is wanted, and whether it is so."""
    return "" if one.met is None else f"wanted {one.wanted}: {'met' if one.met else 'FAILED'}"


def write(figures: Sequence[Figure], folder: Path) -> None:
    """Keep the figures as a table to read (figures.md) and as one to compute with (figures.csv)."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = [f"| {f.what} | {f.value:.3g} | {f.low:.3g} to {f.high:.3g} | {f.n} | {verdict(f)} |" for f in figures]
    head = ["| what | median | range | rounds | |", "|---|---|---|---|---|"]
    (folder / "figures.md").write_text("\n".join([*head, *rows, ""]), encoding="utf-8")
    with (folder / "figures.csv").open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(["what", "median", "low", "high", "rounds", "wanted", "met"])
        table.writerows([f.what, f.value, f.low, f.high, f.n, f.wanted, f.met] for f in figures)
