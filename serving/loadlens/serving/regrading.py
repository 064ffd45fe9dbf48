"""Loads graded again: stored observations under another standard or calibration, without a picture or a model.

They come from an archive of files or from the database of the service, whose newest assessment of each load counts.

    OUT/regrade.json       by what it is graded (written first; a folder of another regrading is refused)
    OUT/loads/SHA256.json  one report a load, named by the digest of the load's id
    OUT/refused.csv        what could not be read or judged, and why
    OUT/summary.csv        one line a load (written last: where it is, the rest is whole)

Every file is put in place whole, and a load whose report is there is not graded again. So a run that was cut off goes
on where it stopped, and comes to the same bytes as one that was not.
"""

import csv
import hashlib
import io
import json
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session

from loadlens.datasets.observations import StoredLoad, stored_loads
from loadlens.grading.calibration import SiteCalibration
from loadlens.grading.observation_json import ObservationJsonError, from_json, to_json
from loadlens.grading.standard import Standard
from loadlens.serving.canonical import canonical_json
from loadlens.serving.errors import RefusedError, WrongUseError
from loadlens.serving.records.assessments import newest_of_each
from loadlens.serving.records.inputs import Inputs, inputs_from
from loadlens.serving.store.tables import Assessment

SUMMARY = ("load", "grade", "deduction_percent", "percent_low", "percent_high", "deduction_kg", "decision", "report")
# Where an observation lies, and the observation, or why it cannot be read.
Found = tuple[str, StoredLoad | str]

# What grading raises of a load that contradicts itself or the standard.
UNGRADABLE = (ValueError, KeyError, TypeError)
_READ_AT_ONCE = 100
_NOTHING_KNOWN = Inputs(weights=None, declared=None, noted=(), correction=None)


@dataclass(frozen=True, slots=True)
class Regraded:
    """What a run did: loads graded now and before, layers graded now, what was refused, and the seconds it took."""

    graded: int
    before: int
    layers: int
    refused: int
    seconds: float


def loads_of_archive(archive: Path) -> Iterator[Found]:
    """What lies below a folder. Raises RefusedError where that is none."""
    if not archive.is_dir():
        raise RefusedError(f"{archive} is no folder; give the one that holds the graded loads")
    yield from stored_loads(archive)


def loads_of_database(session: Session) -> Iterator[Found]:
    """The newest assessment of every load of the service, by id; so many are read at once, not all."""
    query = newest_of_each(Assessment.load_id, Assessment.version, Assessment.observation, Assessment.inputs)
    for row in session.execute(query.order_by(Assessment.load_id).execution_options(yield_per=_READ_AT_ONCE)):
        where = f"assessment {row.version} of load {row.load_id}"
        try:
            yield where, StoredLoad(from_json(row.observation), row.inputs)
        except ObservationJsonError as fault:
            yield where, f"cannot be read ({fault})"


def regrade(found: Iterable[Found], out: Path, standard: Standard, calibration: SiteCalibration | None) -> Regraded:
    """Grade every load that was found into `out`. Raises RefusedError, WrongUseError."""
    begin(out, standard, calibration)
    (out / "loads").mkdir(exist_ok=True)
    (out / "summary.csv").unlink(missing_ok=True)
    began = time.monotonic()
    refused: list[tuple[str, str]] = []
    taken: dict[str, bytes] = {}
    graded = before = layers = 0
    for where, stored in found:
        if isinstance(stored, str):
            refused.append((where, stored))
            continue
        load = stored.observation.load_id
        if load in taken:
            if taken[load] != _digest(stored):
                refused.append((where, f"another file says otherwise of load {load!r}; the first is used"))
            continue
        taken[load] = _digest(stored)
        path = _path_of(out, load)
        if path.exists():
            before += 1
            continue
        try:
            report = canonical_json(report_of(stored, standard, calibration))
        except UNGRADABLE as fault:
            refused.append((where, why_not(fault)))
            continue
        put(path, report)
        graded += 1
        layers += len(stored.observation.layers)
    if not taken:
        raise RefusedError("there is nothing to grade again: no observation.json, bundle or assessment can be read")
    put(out / "refused.csv", table([("where", "why"), *refused]))
    reports = [path for load in sorted(taken) if (path := _path_of(out, load)).exists()]
    put(out / "summary.csv", table(_summary(reports)))
    return Regraded(graded, before, layers, len(refused), time.monotonic() - began)


def begin(out: Path, standard: Standard, calibration: SiteCalibration | None, **of: str) -> None:
    """Begin in an empty folder, or go on in one that was begun by the same; `of` is what else must be the same.

    Raises WrongUseError for any other folder.
    """
    by = canonical_json(
        {
            "schema": "loadlens.regrade/1",
            "software": metadata.version("loadlens"),
            "standard": {"id": standard.id, "version": standard.version, "sha256": standard.sha256},
            "calibration": calibration and calibration.sha256,
            **of,
        }
    )
    if not (out / "regrade.json").exists():
        if out.exists() and (not out.is_dir() or any(out.iterdir())):
            raise WrongUseError(f"{out} holds something else; give another --out, or an empty folder")
        out.mkdir(parents=True, exist_ok=True)
        put(out / "regrade.json", by)
    elif (out / "regrade.json").read_text(encoding="utf-8") != by:
        what = " or ".join(["another standard, calibration", *of, "software"])
        raise WrongUseError(f"{out} was graded by {what}; give another --out")


def _digest(stored: StoredLoad) -> bytes:
    return hashlib.sha256(f"{to_json(stored.observation)}\n{stored.inputs}".encode()).digest()


def report_of(stored: StoredLoad, standard: Standard, calibration: SiteCalibration | None) -> dict[str, Any]:
    """The report of a load, with what is known of it beside what was seen."""
    return known_of(stored.inputs).assess(stored.observation, standard, calibration).to_report()


def known_of(inputs: str | None) -> Inputs:
    """What is known of a load beside what was seen, from what is stored of that."""
    return _NOTHING_KNOWN if inputs is None else inputs_from(inputs)


def why_not(fault: Exception) -> str:
    """Why a load could not be graded, for the table of those that were refused."""
    return f"cannot be graded ({type(fault).__name__}: {fault})"


def _path_of(out: Path, load: str) -> Path:
    return out / "loads" / f"{hashlib.sha256(load.encode()).hexdigest()}.json"


def put(path: Path, text: str) -> None:
    """Put a file in place whole."""
    beside = path.with_suffix(".part")
    beside.write_text(text, encoding="utf-8")
    beside.replace(path)


def _summary(reports: Iterable[Path]) -> Iterator[Sequence[Any]]:
    yield SUMMARY
    for path in reports:
        report = json.loads(path.read_text(encoding="utf-8"))
        truck, taken = report["truck"], report["truck"]["deduction"]
        figures = (taken["percent_of_net"], taken["percent_low"], taken["percent_high"], taken["kg"])
        yield (report["load"]["id"], truck["grade"], *figures, truck["decision"], f"loads/{path.name}")


def table(rows: Iterable[Sequence[Any]]) -> str:
    """Rows as CSV."""
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue()
