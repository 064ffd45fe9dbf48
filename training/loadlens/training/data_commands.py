"""What `loadlens data check` does."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from loadlens.datasets.importing import read_data_set
from loadlens.datasets.samples import Sample
from loadlens.training.data_check import check_data, with_scenes
from loadlens.training.data_page import render_page
from loadlens.training.features import FeatureModel
from loadlens.vision.model import shipped_model
from loadlens.vision.onnx_file import read_model_file


def check(folder: Path, out: Path, model: Path | None) -> dict[str, Any]:
    """Look for faults of a data set; writes the page and returns the findings, JSON-ready. Raises ValueError."""
    samples, features, name = _seen(folder, model)
    findings = check_data(with_scenes(samples, features), features)
    page = render_page(findings, title=folder.resolve().name, model=name)
    unfinished = out.with_name(f".{out.name}.new")
    unfinished.write_text(page, encoding="utf-8")
    unfinished.replace(out)
    return findings.to_plain()


def _seen(folder: Path, model: Path | None) -> tuple[Sequence[Sample], NDArray[np.float32], str]:
    """The samples of a data set, the features of their pictures, and the name of the model that gave them."""
    samples = list(read_data_set(folder).samples.values())
    file = model or shipped_model()
    eye = FeatureModel(read_model_file(file), name=str(file))
    return samples, eye.of_photos(sample.path for sample in samples), f"{file.name} ({eye.sha256[:12]})"
