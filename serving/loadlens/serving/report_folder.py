"""The report as a folder: report.json, report.html, overlays/layer-NN.jpg, and what was seen as observation.json."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from loadlens.grading.observation_json import to_json
from loadlens.grading.standard import Standard
from loadlens.serving.canonical import canonical_json
from loadlens.serving.folders import written_at_once
from loadlens.serving.jpeg import encode_jpeg
from loadlens.serving.report import render_report
from loadlens.vision.observed import Observed


def write_report(out: Path, report: dict[str, Any], observed: Observed, standard: Standard) -> None:
    """Write the whole folder or nothing, and put the overlays' places into `report`. Raises WrongUseError."""
    with written_at_once(out) as folder:
        jpegs = {picture.index: encode_jpeg(picture.overlay) for picture in observed.pictures()}
        (folder / "observation.json").write_text(to_json(observed.observation), encoding="utf-8")
        fill_folder(folder, report, jpegs, render_report(report, jpegs, standard))


def fill_folder(folder: Path, report: dict[str, Any], jpegs: Mapping[int, bytes], page: str) -> None:
    """Write the files of a report into a folder that is there; `jpegs` are the overlays by layer."""
    (folder / "overlays").mkdir()
    for layer in report["layers"]:
        if layer["index"] in jpegs:
            layer["overlay"] = f"overlays/layer-{layer['index']:02d}.jpg"
            (folder / layer["overlay"]).write_bytes(jpegs[layer["index"]])
    (folder / "report.html").write_text(page, encoding="utf-8")
    (folder / "report.json").write_text(canonical_json(report), encoding="utf-8")
