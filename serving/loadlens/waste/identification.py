"""What a photo of waste shows, and the codes that it may have. A photo never decides: a person confirms the code."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from loadlens.vision.frame import Frame
from loadlens.vision.metadata import ModelError
from loadlens.vision.photo_model import PhotoModel, load_photo_model, photo_for_model
from loadlens.waste.classes import Candidate, waste_classes

# Codes are shown of every class that is likelier than one in ten: they are questions, and a missed one is worse.
_LIKELY = 0.1


@dataclass(frozen=True, slots=True)
class Identification:
    """Probability of every class that the model knows, 0..1, likeliest first; what is missing to 1 is none of them.

    `dangers` are dangerous classes that the model does not know and that pass for a likely one: a person rules them
    out, the photo does not. `abstain`: the model is not sure enough to be relied on. Digests are SHA-256 of the photo
    and the model file.
    """

    classes: Mapping[str, float]
    codes: tuple[Candidate, ...]
    dangers: tuple[str, ...]
    abstain: bool
    photo_sha256: str
    model_sha256: str

    def to_plain(self, image: str) -> dict[str, Any]:
        """JSON-ready; `image` is the photo's name as it was given."""
        return {
            "image": image,
            "classes": dict(self.classes),
            "codes": [candidate.to_plain() for candidate in self.codes],
            "dangers": list(self.dangers),
            "abstain": self.abstain,
        }

    @property
    def digest(self) -> str:
        """SHA-256, hex, over photo, model and answer: what a label or an entry of the ledger can name."""
        answer = self.to_plain(self.photo_sha256) | {"model": self.model_sha256}
        return hashlib.sha256(json.dumps(answer, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def load_waste_model(path: Path | None = None) -> PhotoModel:
    """Load a model of waste, by default the shipped one. Raises ModelError, also where we know no codes of a class."""
    model = load_photo_model(path or Path(str(resources.files("loadlens.waste"))) / "models" / "loadlens-waste.onnx")
    if strange := [name for name in model.metadata.class_ids if name not in waste_classes()]:
        raise ModelError(f"{path}: names {', '.join(strange)}, no classes of waste; there are {list(waste_classes())}")
    return model


def identify(frame: Frame, model: PhotoModel) -> Identification:
    """Look at a photo. Raises SourceError where it cannot be decoded."""
    probs = model.look(photo_for_model(frame, model.metadata.side))
    named = zip(model.metadata.class_ids, (round(float(prob), 6) for prob in probs), strict=True)
    classes = dict(sorted(named, key=lambda entry: -entry[1]))
    likely = [name for name, prob in classes.items() if prob > _LIKELY]
    seen: dict[str, Candidate] = {}
    for candidate in (one for name in likely for one in waste_classes()[name].candidates):
        seen.setdefault(f"{candidate.code.list_id} {candidate.said}", candidate)
    return Identification(
        classes=classes,
        codes=tuple(seen.values()),
        dangers=tuple(
            one.id for one in waste_classes().values() if one.id not in classes and set(one.mistaken_for) & set(likely)
        ),
        abstain=max(classes.values()) < model.metadata.abstain_below,
        photo_sha256=frame.sha256,
        model_sha256=model.sha256,
    )
