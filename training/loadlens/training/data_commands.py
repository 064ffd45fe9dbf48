"""What `loadlens data check` and `split` do."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from loadlens.datasets.importing import MANIFEST, read_data_set
from loadlens.datasets.manifest import Manifest, save_manifest
from loadlens.datasets.splitting import Key, refuse_unsaid, split_samples
from loadlens.training.data_check import check_data, class_balance, with_scenes
from loadlens.training.data_page import render_page
from loadlens.training.features import FeatureModel
from loadlens.vision.model import shipped_model
from loadlens.vision.onnx_file import read_model_file


def check(folder: Path, out: Path, model: Path | None) -> dict[str, Any]:
    """Look for faults of a data set; writes the page and returns the findings, JSON-ready. Raises ValueError."""
    data, features, name = _seen(folder, model)
    findings = check_data(with_scenes(list(data.samples.values()), features), features)
    page = render_page(findings, title=folder.resolve().name, model=name)
    unfinished = out.with_name(f".{out.name}.new")
    unfinished.write_text(page, encoding="utf-8")
    unfinished.replace(out)
    return findings.to_plain()


def _seen(folder: Path, model: Path | None) -> tuple[Manifest, NDArray[np.float32], str]:
    """A data set, the features of its pictures, and the name of the model that gave them."""
    data = read_data_set(folder)
    file = model or shipped_model()
    eye = FeatureModel(read_model_file(file), name=str(file))
    return data, eye.of_photos(sample.path for sample in data.samples.values()), f"{file.name} ({eye.sha256[:12]})"


def split(
    folder: Path,
    by: Sequence[Key],
    shares: tuple[float, float, float],
    seed: int,
    *,
    allow_unmeasured: bool,
    model: Path | None,
) -> dict[str, Any]:
    """Give every picture of a data set its part and write that into the manifest; returns what it came to."""
    # Looking at all pictures takes minutes; what needs no look is refused before.
    refuse_unsaid(list(read_data_set(folder).samples.values()), by)
    data, features, _ = _seen(folder, model)
    samples = list(data.samples.values())
    done = split_samples(
        with_scenes(samples, features), by=by, shares=shares, seed=seed, allow_unmeasured=allow_unmeasured
    )
    manifest = save_manifest(dict(zip(data.samples, done.samples, strict=True)), folder / MANIFEST, folder)
    return {
        "digest": manifest.digest,
        "replaced": sum(bool(sample.part) for sample in samples),
        "unmeasured": list(done.unmeasured),
        "classes": {name: asdict(balance) for name, balance in class_balance(done.samples).items()},
    }
