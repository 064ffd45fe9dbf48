"""All that an assessment is computed from beside the observation; the same inputs give the same bytes."""

import json
from dataclasses import dataclass
from importlib import metadata

from loadlens.grading.assessment import LoadAssessment, assess_load
from loadlens.grading.calibration import SiteCalibration
from loadlens.grading.correction import Corrections, LayerCorrection, RegionCorrection
from loadlens.grading.deduction import Judged, PickedItem
from loadlens.grading.flags import Flag
from loadlens.grading.observation import LoadObservation, SurfaceClass
from loadlens.grading.quantity import Mass, decimal_of
from loadlens.grading.standard import Standard
from loadlens.grading.weighing import Weights
from loadlens.serving.canonical import canonical_json


@dataclass(frozen=True, slots=True)
class Inputs:
    """What is known of a load beside what was seen. `correction` is the JSON of the correction that is in force."""

    weights: Weights | None
    declared: str | None
    noted: tuple[Flag, ...]
    correction: str | None

    def assess(
        self, observation: LoadObservation, standard: Standard, calibration: SiteCalibration | None = None
    ) -> LoadAssessment:
        """Raises ObservationError, JudgedError, CorrectionError and QuantityError where inputs contradict themselves or
        each other.

        CalibrationError where the calibration of the site is not for this load.
        """
        return assess_load(
            observation,
            standard,
            weights=self.weights,
            declared=self.declared,
            judged=judged_from(self.correction),
            corrections=corrections_from(self.correction),
            noted=self.noted,
            calibration=calibration,
        )

    def to_json(self, standard: Standard) -> str:
        """Canonical JSON, with the standard it was assessed by."""
        weights = self.weights and {
            "gross_kg": str(self.weights.gross.kg),
            "tare_kg": str(self.weights.tare.kg),
            "division_kg": None if self.weights.division is None else str(self.weights.division.kg),
            "scale": self.weights.scale,
        }
        return canonical_json(
            {
                "software": metadata.version("loadlens"),
                "standard": {"id": standard.id, "version": standard.version, "sha256": standard.sha256},
                "weights": weights,
                "declared": self.declared,
                "noted": [[flag.code, flag.level, flag.why] for flag in self.noted],
                "correction": self.correction and json.loads(self.correction),
            }
        )


def inputs_from(text: str) -> Inputs:
    """The inputs that `to_json` wrote."""
    said = json.loads(text)
    scale = said["weights"]
    return Inputs(
        weights=scale
        and Weights(
            Mass(scale["gross_kg"]),
            Mass(scale["tare_kg"]),
            None if scale["division_kg"] is None else Mass(scale["division_kg"]),
            scale["scale"],
        ),
        declared=said["declared"],
        noted=tuple(Flag(code, level, why) for code, level, why in said["noted"]),
        correction=said["correction"] and canonical_json(said["correction"]),
    )


def judged_from(correction: str | None) -> Judged:
    """What people measured, from the JSON of a correction. Raises JudgedError, QuantityError."""
    if correction is None:
        return Judged()
    said = json.loads(correction)
    return Judged(
        contaminants={name: Mass(kg) for name, kg in said["contaminants_kg"].items()},
        residue=Mass(said["residue_kg"]),
        items=tuple(PickedItem(item["what"], Mass(item["kg"])) for item in said["items"]),
        water_percent=decimal_of(said["water_percent"]),
        oil_percent=decimal_of(said["oil_percent"]),
        packaging=Mass(said["packaging_kg"]),
        other=Mass(said["other_kg"]),
        other_reason=said["other_reason"],
    )


def corrections_from(correction: str | None) -> Corrections:
    """What a person corrected in the layers, from the JSON of a correction as `loadlens.serving.corrections` resolves
    it; corrections made before there were such name no layers."""
    said = {} if correction is None else json.loads(correction)
    return Corrections(
        layers=tuple(
            LayerCorrection(
                layer=layer["layer"],
                key_frame_sha256=layer["key_frame_sha256"],
                regions=tuple(RegionCorrection(region["class"], region["taken"]) for region in layer["regions"]),
                contaminants={
                    name: float(decimal_of(percent) / 100) for name, percent in layer["contaminants_percent"].items()
                },
                grade=layer["grade"],
            )
            for layer in said.get("layers", ())
        ),
        classes={name: SurfaceClass(**about) for name, about in said.get("classes", {}).items()},
    )
