"""An archive graded again, part by part. A part's result depends on the part alone, so any machine may compute it.

    OUT/regrade.json           by what it is graded, and which archive (written first)
    OUT/parts/00000.parquet    one row a load of the archive's part of that name: what it comes to, and its report
    OUT/refused.csv            what could not be read or judged, and why
    OUT/summary.csv            one line a load (written last: where it is, the rest is whole)

One process writes here, whoever computes. Each part is put in place whole, and one that is there is not computed again:
so a run that was cut off goes on where it stopped, and every load is in the result once.
"""

import io
import os
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from loadlens.datasets.observations import StoredLoad
from loadlens.grading.calibration import SiteCalibration
from loadlens.grading.observation_json import from_json
from loadlens.grading.standard import Standard
from loadlens.serving.archive.folder import Archive
from loadlens.serving.archive.tables import GRADED, exact_kg, to_parquet
from loadlens.serving.canonical import canonical_json
from loadlens.serving.errors import CommandError, RefusedError
from loadlens.serving.regrading import SUMMARY, UNGRADABLE, Regraded, begin, put, report_of, table, why_not

# How named pieces of work are done: here in turn, or elsewhere in any order.
Doing = Callable[[Callable[[bytes], bytes], Iterable[tuple[str, bytes]]], Iterator[tuple[str, bytes]]]


def in_turn(work: Callable[[bytes], bytes], pieces: Iterable[tuple[str, bytes]]) -> Iterator[tuple[str, bytes]]:
    """Do the work in this process."""
    for name, piece in pieces:
        yield name, work(piece)


@dataclass(frozen=True, slots=True)
class PartRegrading:
    """Grades the loads of one part by a standard and a calibration. Other software than `software` may not."""

    standard: Standard
    calibration: SiteCalibration | None
    software: tuple[str, str]

    def __call__(self, part: bytes) -> bytes:
        """From the Parquet file of a part's loads to that of their results. Raises CommandError."""
        if self.software != (here := software_here()):
            raise CommandError(
                f"a worker has loadlens {here[0]} with pyarrow {here[1]}, where {self.software[0]} with "
                f"{self.software[1]} is wanted: install the same on every machine"
            )
        known = pq.read_table(io.BytesIO(part), columns=["load", "observation", "inputs"])
        return to_parquet([self._row(**load) for load in known.to_pylist()], GRADED)

    def _row(self, load: str, observation: str, inputs: str | None) -> dict[str, Any]:
        try:
            seen = from_json(observation)
            report = report_of(StoredLoad(seen, inputs), self.standard, self.calibration)
        except UNGRADABLE as fault:
            return {"load": load, "layers": 0, "refused": why_not(fault)}
        truck, taken = report["truck"], report["truck"]["deduction"]
        return {
            "load": load,
            "layers": len(seen.layers),
            "grade": truck["grade"],
            "deduction_percent": taken["percent_of_net"],
            "percent_low": taken["percent_low"],
            "percent_high": taken["percent_high"],
            "deduction_kg": exact_kg(taken["kg"]),
            "decision": truck["decision"],
            "report": canonical_json(report),
        }


def software_here() -> tuple[str, str]:
    """What the bytes of a result depend on beside the inputs: the versions of loadlens and of pyarrow."""
    return metadata.version("loadlens"), pa.__version__


def regrade_archive(
    archive: Archive, out: Path, standard: Standard, calibration: SiteCalibration | None, doing: Doing = in_turn
) -> Regraded:
    """Grade every load of an archive into `out`. Raises RefusedError, WrongUseError, and what `doing` raises."""
    if not archive.loads:
        raise RefusedError(f"there is nothing to grade again: {archive.folder} holds no load")
    begin(out, standard, calibration, archive=archive.sha256)
    (out / "summary.csv").unlink(missing_ok=True)
    (out / "parts").mkdir(exist_ok=True)
    began = time.monotonic()
    missing = [part for part in archive.parts if not (out / "parts" / part.name).exists()]
    pieces = ((part.name, archive.read(part)) for part in missing)
    for name, result in doing(PartRegrading(standard, calibration, software_here()), pieces):
        _commit(out / "parts" / name, result)
    summary: list[Sequence[Any]] = [SUMMARY]
    refused = [("where", "why")]
    done: Counter[str] = Counter()
    now = {part.name for part in missing}
    for name, row in _results(out, archive):
        if row["refused"] is None:
            summary.append(_line(name, row))
            done["graded" if name in now else "before"] += 1
            done["layers"] += row["layers"] if name in now else 0
        else:
            refused.append((f"load {row['load']}", row["refused"]))
    put(out / "refused.csv", table(refused))
    put(out / "summary.csv", table(summary))
    seconds = time.monotonic() - began
    return Regraded(done["graded"], done["before"], done["layers"], len(refused) - 1, seconds)


def _commit(path: Path, data: bytes) -> None:
    """Put a part in place, on the disk before it has its name: a power cut leaves no half that counts as done."""
    beside = path.with_suffix(".part")
    with beside.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)


def _results(out: Path, archive: Archive) -> Iterator[tuple[str, dict[str, Any]]]:
    """The result of every load, without its report, in the archive's order; with the part it is in."""
    for part in archive.parts:
        columns = [name for name in GRADED.names if name != "report"]
        for row in pq.read_table(out / "parts" / part.name, columns=columns).to_pylist():
            yield part.name, row


def _line(part: str, row: dict[str, Any]) -> Sequence[Any]:
    """The line of a load in the summary."""
    kg = None if row["deduction_kg"] is None else float(row["deduction_kg"])
    return [row[name] if name != "deduction_kg" else kg for name in SUMMARY[:-1]] + [f"parts/{part}"]
