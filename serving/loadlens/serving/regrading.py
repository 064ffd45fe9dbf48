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

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from loadlens.datasets.observations import StoredLoad, stored_loads
from loadlens.grading.calibration import SiteCalibration
from loadlens.grading.observation_json import ObservationJsonError, from_json, to_json
from loadlens.grading.standard import Standard
from loadlens.serving.canonical import canonical_json
from loadlens.serving.errors import RefusedError, WrongUseError
from loadlens.serving.records.inputs import Inputs, inputs_from
from loadlens.serving.store.tables import Assessment

# Where an observation lies, and the observation, or why it cannot be read.
Found = tuple[str, StoredLoad | str]

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
    newest = select(Assessment.load_id, func.max(Assessment.version).label("version")).group_by(Assessment.load_id)
    last = newest.subquery()
    query = select(Assessment.load_id, Assessment.version, Assessment.observation, Assessment.inputs)
    query = query.join(last, (Assessment.load_id == last.c.load_id) & (Assessment.version == last.c.version))
    for row in session.execute(query.order_by(Assessment.load_id).execution_options(yield_per=_READ_AT_ONCE)):
        where = f"assessment {row.version} of load {row.load_id}"
        try:
            yield where, StoredLoad(from_json(row.observation), row.inputs)
        except ObservationJsonError as fault:
            yield where, f"cannot be read ({fault})"


def regrade(found: Iterable[Found], out: Path, standard: Standard, calibration: SiteCalibration | None) -> Regraded:
    """Grade every load that was found into `out`. Raises RefusedError, WrongUseError."""
    _begin(out, standard, calibration)
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
        path = _report_of(out, load)
        if path.exists():
            before += 1
            continue
        try:
            report = _report(stored, standard, calibration)
        except (ValueError, KeyError, TypeError) as fault:
            refused.append((where, f"cannot be graded ({type(fault).__name__}: {fault})"))
            continue
        _put(path, canonical_json(report))
        graded += 1
        layers += len(stored.observation.layers)
    if not taken:
        raise RefusedError("there is nothing to grade again: no observation.json, bundle or assessment can be read")
    _put(out / "refused.csv", _table([("where", "why"), *refused]))
    reports = [path for load in sorted(taken) if (path := _report_of(out, load)).exists()]
    _put(out / "summary.csv", _table(_summary(reports)))
    return Regraded(graded, before, layers, len(refused), time.monotonic() - began)


def _begin(out: Path, standard: Standard, calibration: SiteCalibration | None) -> None:
    by = canonical_json(
        {
            "schema": "loadlens.regrade/1",
            "software": metadata.version("loadlens"),
            "standard": {"id": standard.id, "version": standard.version, "sha256": standard.sha256},
            "calibration": calibration and calibration.sha256,
        }
    )
    if not (out / "regrade.json").exists():
        if out.exists() and (not out.is_dir() or any(out.iterdir())):
            raise WrongUseError(f"{out} holds something else; give another --out, or an empty folder")
        (out / "loads").mkdir(parents=True)
        _put(out / "regrade.json", by)
    elif (out / "regrade.json").read_text(encoding="utf-8") != by:
        raise WrongUseError(f"{out} was graded by another standard, calibration or software; give another --out")


def _digest(stored: StoredLoad) -> bytes:
    return hashlib.sha256(f"{to_json(stored.observation)}\n{stored.inputs}".encode()).digest()


def _report(stored: StoredLoad, standard: Standard, calibration: SiteCalibration | None) -> dict[str, Any]:
    """The report of a load, with what is known of it beside what was seen."""
    known = _NOTHING_KNOWN if stored.inputs is None else inputs_from(stored.inputs)
    return known.assess(stored.observation, standard, calibration).to_report()


def _report_of(out: Path, load: str) -> Path:
    return out / "loads" / f"{hashlib.sha256(load.encode()).hexdigest()}.json"


def _put(path: Path, text: str) -> None:
    beside = path.with_suffix(".part")
    beside.write_text(text, encoding="utf-8")
    beside.replace(path)


def _summary(reports: Iterable[Path]) -> Iterable[Sequence[Any]]:
    yield ("load", "grade", "deduction_percent", "percent_low", "percent_high", "deduction_kg", "decision", "report")
    for path in reports:
        report = json.loads(path.read_text(encoding="utf-8"))
        truck, taken = report["truck"], report["truck"]["deduction"]
        figures = (taken["percent_of_net"], taken["percent_low"], taken["percent_high"], taken["kg"])
        yield (report["load"]["id"], truck["grade"], *figures, truck["decision"], f"loads/{path.name}")


def _table(rows: Iterable[Sequence[Any]]) -> str:
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue()
