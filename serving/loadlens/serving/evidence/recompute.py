"""Assessments computed again from their observations: the stored report must come out, to the last figure."""

import json
from collections.abc import Iterator, Mapping
from importlib import metadata
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from loadlens.grading.assessment import ObservationError
from loadlens.grading.observation_json import ObservationJsonError, from_json
from loadlens.grading.standard import StandardError, parse_standard
from loadlens.serving.canonical import canonical_json
from loadlens.serving.corrections import taken_by
from loadlens.serving.evidence.finding import Finding
from loadlens.serving.records.inputs import inputs_from
from loadlens.serving.store.blobs import Blobs
from loadlens.serving.store.errors import BlobError
from loadlens.serving.store.tables import Assessment
from loadlens.vision.layer_map import LayerMapError, read_map

_AT_ONCE = 100


class AssessmentCheck:
    """Computes assessments again; `unsure` counts those made by another software, where a difference proves nothing."""

    def __init__(self) -> None:
        self.checked = 0
        self.unsure = 0

    @property
    def notes(self) -> list[str]:
        """What could not be decided."""
        if not self.unsure:
            return []
        here = metadata.version("loadlens")
        return [
            f"{self.unsure} assessments of another software come out otherwise by {here}; check them with their own"
        ]

    def check_store(self, session: Session, blobs: Blobs) -> Iterator[Finding]:
        """What is wrong with the assessments of a database."""
        query = select(Assessment).order_by(Assessment.load_id, Assessment.version)
        for row in session.scalars(query.execution_options(yield_per=_AT_ONCE)):
            if row.inputs is None:  # made before schema 0003, which kept too little to compute it again
                continue
            place = f"assessment {row.version} of load {row.load_id}"
            try:
                standard = blobs.get(json.loads(row.inputs)["standard"]["sha256"])
            except (BlobError, ValueError, KeyError, TypeError) as error:
                yield Finding(place, f"the standard that it was made by cannot be read ({error})")
                continue
            yield from self.check(place, row.observation, row.inputs, standard, row.report)
            correction = json.loads(row.inputs)["correction"]
            yield from ([] if correction is None else _differing_regions(place, correction, blobs))

    def check(self, place: str, observation: str, inputs: str, standard: bytes, report: str) -> Iterator[Finding]:
        """What is wrong with one assessment, from its texts and the file of its standard."""
        self.checked += 1
        try:
            again = _computed(observation, inputs, standard)
            said = _without_overlays(json.loads(report))
        except (ObservationJsonError, ObservationError, StandardError, ValueError, KeyError, TypeError) as error:
            yield Finding(place, f"cannot be computed again ({type(error).__name__}: {error})")
            return
        if canonical_json(again) == canonical_json(said):
            return
        if json.loads(inputs).get("software") != metadata.version("loadlens"):
            self.unsure += 1
            return
        yield Finding(place, f"its report is not what its observation gives: {_first_difference(said, again)}")


def _differing_regions(place: str, correction: Mapping[str, Any], blobs: Blobs) -> Iterator[Finding]:
    """Where a region that a person drew does not take what its layer's map says that lies in it."""
    for layer in correction.get("layers", ()):
        if layer["map_sha256"] is None:
            continue
        try:
            kept = read_map(blobs.get(layer["map_sha256"]))
        except (BlobError, LayerMapError):
            continue  # the check of the blobs says what became of it
        if taken_by(kept, layer["regions"]) != [region["taken"] for region in layer["regions"]]:
            yield Finding(place, f"a corrected region of layer {layer['layer']} is not what its map gives")


def _computed(observation: str, inputs: str, standard: bytes) -> dict[str, Any]:
    named = parse_standard(standard, name=json.loads(inputs)["standard"]["id"])
    return _without_overlays(inputs_from(inputs).assess(from_json(observation), named).to_report())


def _without_overlays(report: dict[str, Any]) -> dict[str, Any]:
    """A report without the places of its pictures, which say nothing of the load."""
    return {**report, "layers": [{**layer, "overlay": None} for layer in report["layers"]]}


def _first_difference(said: Any, again: Any, path: str = "") -> str:
    """Where two reports differ first, as a path and both values."""
    if isinstance(said, dict) and isinstance(again, dict):
        for key in sorted(said.keys() | again.keys()):
            if said.get(key) != again.get(key):
                return _first_difference(said.get(key), again.get(key), f"{path}.{key}" if path else key)
    if isinstance(said, list) and isinstance(again, list) and len(said) == len(again):
        for index, (one, other) in enumerate(zip(said, again, strict=True)):
            if one != other:
                return _first_difference(one, other, f"{path}[{index}]")
    return f"{path} is {said!r}, computed again {again!r}"
