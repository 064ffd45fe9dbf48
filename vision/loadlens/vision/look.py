"""What one picture shows as a whole: the shares of all surface classes, and whether the model should rather abstain."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from loadlens.grading.observation import ClassKind
from loadlens.vision.frame import Frame
from loadlens.vision.layer import cell_share
from loadlens.vision.model import SurfaceModel
from loadlens.vision.pipeline import picture_for_model
from loadlens.vision.surface import Surface
from loadlens.vision.taxonomy import load_taxonomy
from loadlens.vision.uncertainty import out_of_distribution_score


@dataclass(frozen=True, slots=True)
class Look:
    """Shares of the picture's area by class id, 0..1; `unknown` is what no class claims.

    `top` is the form that the picture as a whole shows, with the model's `confidence` in it; of a model that only
    knows cells, the form with the largest share (None where no form has any) and its share of all that is not scene.
    `abstain` says not to rely on `top`: the model is not sure enough, or the picture is like nothing it knows.
    """

    shares: dict[str, float]
    unknown: float
    top: str | None
    confidence: float
    abstain: bool

    def of_kind(self, kind: ClassKind) -> dict[str, float]:
        """The shares of one kind of class."""
        taxonomy = load_taxonomy()
        return {name: share for name, share in self.shares.items() if taxonomy[name].kind == kind}

    @property
    def families(self) -> dict[str, float]:
        """The shares of the families of forms."""
        summed: dict[str, float] = {}
        for form, share in self.of_kind("form").items():
            family = load_taxonomy().family(form)
            summed[family] = summed.get(family, 0.0) + share
        return summed

    def to_plain(self, image: str) -> dict[str, Any]:
        """JSON-ready, shares to six decimals; `image` is the picture's name as it was given."""
        return {
            "image": image,
            "forms": _rounded(self.of_kind("form")),
            "families": _rounded(self.families),
            "contaminants": _rounded(self.of_kind("contaminant")),
            "hazards": _rounded(self.of_kind("hazard")),
            "scene": _rounded(self.of_kind("scene")),
            "unknown": round(self.unknown, 6),
            "top": self.top,
            "confidence": round(self.confidence, 6),
            "abstain": self.abstain,
        }


def look_at(frame: Frame, model: SurfaceModel) -> Look:
    """Look at a whole picture. Raises SourceError where it cannot be decoded."""
    taxonomy = load_taxonomy()
    rgb = picture_for_model(frame, model.metadata.trained_width)
    surface = model.look(rgb, whole=True)
    size = (rgb.shape[0], rgb.shape[1])
    cells = cell_share(np.ones((2, 2), np.bool_), surface, size)
    mean = (surface.probs * cells).sum(axis=(1, 2)) / cells.sum()
    shares = {name: float(share) for name, share in zip(surface.class_ids, mean, strict=True)}
    top, confidence = _named(surface, shares)
    threshold = model.metadata.ood_threshold
    strange = threshold is not None and out_of_distribution_score(surface, taxonomy) > threshold
    return Look(
        shares=shares,
        unknown=max(0.0, 1.0 - sum(shares.values())),
        top=top,
        confidence=confidence,
        abstain=strange or confidence < model.metadata.unsure_below,
    )


def _named(surface: Surface, shares: dict[str, float]) -> tuple[str | None, float]:
    """The form that a picture is called, and how sure that is (0..1)."""
    taxonomy = load_taxonomy()
    forms = [name for name in surface.class_ids if taxonomy[name].kind == "form"]
    if surface.photo is not None:
        best = int(surface.photo.argmax())
        return forms[best], float(surface.photo[best])
    there = [name for name in forms if shares[name] > 0]
    top = max(there, key=lambda name: shares[name], default=None)
    load = 1 - sum(share for name, share in shares.items() if taxonomy[name].kind == "scene")
    return top, min(1.0, shares[top] / load) if top is not None and load > 0 else 0.0


def _rounded(shares: dict[str, float]) -> dict[str, float]:
    return {name: round(share, 6) for name, share in shares.items()}
