"""Assessments computed again from their observations: the stored report must come out, to the last figure."""

import json
from collections.abc import Callable, Iterator, Mapping
from importlib import metadata
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from loadlens.grading.assessment import ObservationError
from loadlens.grading.observation import number_of
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
            texts = {"observation": row.observation, "inputs": row.inputs, "report": row.report}
            yield from self.check(place, texts, standard, blobs.get)

    def check(
        self, place: str, texts: Mapping[str, str], standard: bytes, read: Callable[[str], bytes]
    ) -> Iterator[Finding]:
        """What is wrong with one assessment, from its observation, inputs and report, and the file of its standard.

        `read` gives the bytes of a digest and raises BlobError where they are not there, which is for others to tell.
        """
        self.checked += 1
        try:
            differences = list(_differences(texts, standard, read))
        except (ObservationJsonError, ObservationError, StandardError, ValueError, KeyError, TypeError) as error:
            yield Finding(place, f"cannot be computed again ({type(error).__name__}: {error})")
            return
        if differences and json.loads(texts["inputs"]).get("software") != metadata.version("loadlens"):
            self.unsure += 1
            return
        yield from (Finding(place, difference) for difference in differences)


def _differences(texts: Mapping[str, str], standard: bytes, read: Callable[[str], bytes]) -> Iterator[str]:
    """What comes out otherwise when an assessment is computed again."""
    again, said = _computed(texts["observation"], texts["inputs"], standard), _without_overlays(texts["report"])
    if canonical_json(again) != canonical_json(said):
        yield f"its report is not what its observation gives: {_first_difference(said, again)}"
    correction = json.loads(texts["inputs"])["correction"] or {}
    for layer in correction.get("layers", ()):
        if layer["map_sha256"] is None:
            continue
        try:
            kept = read_map(read(layer["map_sha256"]))
        except (BlobError, LayerMapError):
            continue
        if taken_by(kept, layer["regions"]) != [region["taken"] for region in layer["regions"]]:
            yield f"a corrected region of layer {number_of(layer['layer'])} is not what its map gives"


def _computed(observation: str, inputs: str, standard: bytes) -> dict[str, Any]:
    named = parse_standard(standard, name=json.loads(inputs)["standard"]["id"])
    return _without_overlays(canonical_json(inputs_from(inputs).assess(from_json(observation), named).to_report()))


def _without_overlays(text: str) -> dict[str, Any]:
    """A report without the places of its pictures, which say nothing of the load."""
    report = json.loads(text)
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
