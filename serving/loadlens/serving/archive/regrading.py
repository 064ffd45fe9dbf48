"""An archive graded again, part by part. A part's result depends on the part alone, so any machine may compute it.

    OUT/regrade.json            by what it is graded, and which archive (written first)
    OUT/parts/00000.parquet     one row a load of the archive's part of that name: what it comes to, and its report;
             /00000-0008        where a model looked, of a few loads of it, beginning with that number
    OUT/refused.csv             what could not be read or judged, and why
    OUT/summary.csv             one line a load (written last: where it is, the rest is whole)

One process writes here, whoever computes. Each part is put in place whole, and one that is there is not computed again:
so a run that was cut off goes on where it stopped, and every load is in the result once.
"""

import os
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from loadlens.grading.calibration import SiteCalibration
from loadlens.grading.standard import Standard
from loadlens.serving.archive.folder import Archive
from loadlens.serving.archive.grading import PartRegrading, software_here
from loadlens.serving.archive.looking import ModelFile, ModelRegrading, pieces
from loadlens.serving.archive.tables import GRADED
from loadlens.serving.errors import RefusedError
from loadlens.serving.regrading import SUMMARY, Regraded, begin, put, table

# How named pieces of work are done: here in turn, or elsewhere in any order.
Doing = Callable[[Callable[[bytes], bytes], Iterable[tuple[str, bytes]]], Iterator[tuple[str, bytes]]]


def in_turn(work: Callable[[bytes], bytes], pieces: Iterable[tuple[str, bytes]]) -> Iterator[tuple[str, bytes]]:
    """Do the work in this process."""
    for name, piece in pieces:
        yield name, work(piece)


def regrade_archive(
    archive: Archive,
    out: Path,
    standard: Standard,
    calibration: SiteCalibration | None,
    doing: Doing = in_turn,
    *,
    file: ModelFile | None = None,
) -> Regraded:
    """Grade every load of an archive into `out`, as it was seen or, with `file`, as that model sees it.

    Raises ModelError, RefusedError, WrongUseError, and what `doing` raises.
    """
    if not archive.loads:
        raise RefusedError(f"there is nothing to grade again: {archive.folder} holds no load")
    grading = PartRegrading(standard, calibration, software_here())
    work: Callable[[bytes], bytes] = grading
    reading: Mapping[str, Callable[[], bytes]] = {part.name: partial(archive.read, part) for part in archive.parts}
    by = {}
    if file is not None:
        work, reading = ModelRegrading(grading, file), pieces(archive)
        by = {"model": file.model.sha256, "libraries": ", ".join(grading.software)}
    begin(out, standard, calibration, archive=archive.sha256, **by)
    (out / "summary.csv").unlink(missing_ok=True)
    (out / "parts").mkdir(exist_ok=True)
    began = time.monotonic()
    missing = [name for name in reading if not (out / "parts" / name).exists()]
    for name, result in doing(work, ((name, reading[name]()) for name in missing)):
        _commit(out / "parts" / name, result)
    summary: list[Sequence[Any]] = [SUMMARY]
    refused = [("where", "why")]
    done: Counter[str] = Counter()
    now = set(missing)
    for name, row in _results(out, reading):
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


def _results(out: Path, names: Iterable[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    """The result of every load, without its long texts, in the archive's order; with the file it is in."""
    columns = [name for name in GRADED.names if name not in {"report", "observation"}]
    for name in names:
        for row in pq.read_table(out / "parts" / name, columns=columns).to_pylist():
            yield name, row


def _line(part: str, row: dict[str, Any]) -> Sequence[Any]:
    """The line of a load in the summary."""
    kg = None if row["deduction_kg"] is None else float(row["deduction_kg"])
    return [row[name] if name != "deduction_kg" else kg for name in SUMMARY[:-1]] + [f"parts/{part}"]
