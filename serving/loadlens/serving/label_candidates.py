"""The key frames of past loads as pictures that a person may label, and over which of them people or models differ."""

import json
from collections.abc import Sequence
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from loadlens.datasets.samples import Sample
from loadlens.serving.correction_export import corrected_layers, suffix_of
from loadlens.serving.records import assessments, opinions
from loadlens.serving.store.blobs import Blobs
from loadlens.serving.store.errors import BlobMissingError
from loadlens.serving.store.settings_tables import ModelLook
from loadlens.serving.store.tables import Assessment, Load


def write_candidates(
    session: Session, blobs: Blobs, folder: Path, loads: int
) -> tuple[Sequence[Sample], dict[Path, str]]:
    """Write the key frames of the newest `loads` graded loads into `folder`; returns them, and the disputes.

    One load is one scene. Layers with regions that somebody corrected are labelled already (`loadlens data
    corrections`) and left out, as are frames that the policy of the site has let go.
    """
    passed_over = {layer["key_frame_sha256"] for _, layer in corrected_layers(session)}
    samples: list[Sample] = []
    disputes: dict[Path, str] = {}
    graded = select(Load).where(select(Assessment).where(Assessment.load_id == Load.id).exists())
    for load in session.scalars(graded.order_by(Load.created_at.desc(), Load.id.desc()).limit(loads)):
        newest = assessments.newest(session, load.id)
        said = _said(session, load.id)
        for layer in json.loads(newest.observation)["layers"] if newest is not None else ():
            sha256 = layer["key_frame_sha256"]
            if not sha256 or sha256 in passed_over:
                continue
            passed_over.add(sha256)
            try:
                data = blobs.get(sha256)
            except BlobMissingError:
                continue
            path = folder / f"{sha256}.{suffix_of(data)}"
            path.write_bytes(data)
            site = "" if load.lane is None else f"lane {load.lane}"
            name = f"load {load.id}, layer {layer['index']}"
            samples.append(Sample(path, (), group=load.id, site=site, name=name))
            if said:
                disputes[path] = said
    return samples, disputes


def _said(session: Session, load_id: str) -> str:
    """Who or what said which grade of a load, where they differ."""
    grades: dict[str, str | None] = {}
    for opinion in opinions.of_load(session, load_id):
        grades |= {opinion.rater: opinion.grade, "machine": opinion.machine_grade}
    looks = select(ModelLook).where(ModelLook.load_id == load_id).order_by(ModelLook.id)
    for look in session.scalars(looks):
        grades[f"model {look.model[:12]}"] = json.loads(look.seen)["grade"]
    if len(set(grades.values())) < 2:
        return ""
    return "; ".join(f"{who}: {grade or 'no grade'}" for who, grade in grades.items())
