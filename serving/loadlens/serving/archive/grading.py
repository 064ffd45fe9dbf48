"""How the loads of a part are graded again: from bytes to bytes, on whichever machine, by the same software alone."""

import io
from dataclasses import dataclass
from importlib import metadata
from typing import Any

import pyarrow.parquet as pq

from loadlens.grading.calibration import SiteCalibration
from loadlens.grading.observation import LoadObservation
from loadlens.grading.observation_json import from_json
from loadlens.grading.standard import Standard
from loadlens.serving.archive.tables import GRADED, exact_kg, to_parquet
from loadlens.serving.canonical import canonical_json
from loadlens.serving.errors import CommandError
from loadlens.serving.records.inputs import Inputs
from loadlens.serving.regrading import UNGRADABLE, known_of, why_not

_DECIDING = ("loadlens", "numpy", "onnxruntime", "opencv-python-headless", "pyarrow")


def software_here() -> tuple[str, ...]:
    """What the bytes of a result depend on beside the inputs: libraries with their versions."""
    return tuple(f"{name} {metadata.version(name)}" for name in _DECIDING)


@dataclass(frozen=True, slots=True)
class PartRegrading:
    """Grades the loads of one part by a standard and a calibration. Other software than `software` may not."""

    standard: Standard
    calibration: SiteCalibration | None
    software: tuple[str, ...]

    def __call__(self, part: bytes) -> bytes:
        """From the Parquet file of a part's loads to that of their results. Raises CommandError."""
        self.check_software()
        known = pq.read_table(io.BytesIO(part), columns=["load", "observation", "inputs"])
        return to_parquet([self._row(**load) for load in known.to_pylist()], GRADED)

    def check_software(self) -> None:
        """Raise CommandError where a result would depend on other software."""
        if self.software != (here := software_here()):
            raise CommandError(
                f"a worker has {', '.join(here)} where {', '.join(self.software)} are wanted: install the same on "
                "every machine"
            )

    def _row(self, load: str, observation: str, inputs: str | None) -> dict[str, Any]:
        try:
            return self.graded(load, from_json(observation), known_of(inputs))
        except UNGRADABLE as fault:
            return refused(load, why_not(fault))

    def graded(self, load: str, seen: LoadObservation, known: Inputs) -> dict[str, Any]:
        """The row of a load. Raises what grading raises of a load that contradicts itself or the standard."""
        report = known.assess(seen, self.standard, self.calibration).to_report()
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


def refused(load: str, why: str) -> dict[str, Any]:
    """The row of a load that cannot be graded."""
    return {"load": load, "layers": 0, "refused": why}
