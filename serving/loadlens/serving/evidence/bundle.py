"""One load as a zip that its supplier can check with `loadlens verify FILE`, with no access to us.

    bundle.json            the load, the newest head of the journal, and the signed records that bring keys into force
    journal.jsonl          the records of the load, and the digests of all others from its first one to the head: so the
                           records are of one chain, and none of the load's is left out
    assessments/N/         observation.json, inputs.json and report.json of each version
    standards/SHA256.toml  the standards that they were made by
    pictures/SHA256.jpg    the frames that the reports name, and the drawn-on ones
    maps/SHA256.npz        what was seen where in each layer: what a person drew on it is computed again from these

Format: loadlens.bundle/1. Every line and every JSON file is canonical JSON.
"""

import json
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from loadlens.serving.canonical import canonical_json
from loadlens.serving.evidence.chain import KEY_KINDS, Record
from loadlens.serving.store.blobs import Blobs
from loadlens.serving.store.errors import BlobMissingError
from loadlens.serving.store.journal import content_part, newest_head, subject_part
from loadlens.serving.store.tables import Assessment, JournalRecord, LayerMapKept, Picture

SCHEMA = "loadlens.bundle/1"
_AT_ONCE = 1000


class NoSuchLoadError(LookupError):
    """The journal knows no such load."""


def write_bundle(session: Session, blobs: Blobs, load_id: str, out: Path) -> None:
    """Write the bundle of a load. Raises NoSuchLoadError, and what the store raises."""
    subject = f"load:{load_id}"
    first = session.scalars(select(JournalRecord.seq).where(JournalRecord.subject == subject).limit(1)).first()
    if first is None:
        raise NoSuchLoadError(f"the journal knows no load {load_id!r}")
    keys = session.scalars(select(JournalRecord).where(JournalRecord.kind.in_(KEY_KINDS)).order_by(JournalRecord.seq))
    about = {
        "schema": SCHEMA,
        "load": load_id,
        "head": asdict(newest_head(session)),
        "keys": [asdict(Record.of(row)) for row in keys],
    }
    with zipfile.ZipFile(out, "x", zipfile.ZIP_DEFLATED) as bundle:
        bundle.writestr("bundle.json", canonical_json(about))
        with bundle.open("journal.jsonl", "w", force_zip64=True) as lines:
            for line in _extract(session, subject):
                lines.write(canonical_json(line).encode() + b"\n")
        standards, pictures, maps = set(), _kept(session, Picture, load_id), _kept(session, LayerMapKept, load_id)
        for row in session.scalars(
            select(Assessment).where(Assessment.load_id == load_id).order_by(Assessment.version)
        ):
            texts = {"observation": row.observation, "inputs": row.inputs or "null", "report": row.report}
            for name, text in texts.items():
                bundle.writestr(f"assessments/{row.version}/{name}.json", text)
            if row.inputs is not None:
                standards.add(json.loads(row.inputs)["standard"]["sha256"])
            pictures |= named_frames(json.loads(row.report))
        for sha256 in sorted(standards):
            bundle.writestr(f"standards/{sha256}.toml", blobs.get(sha256))
        _store(bundle, blobs, [f"pictures/{sha256}.jpg" for sha256 in sorted(pictures)])
        _store(bundle, blobs, [f"maps/{sha256}.npz" for sha256 in sorted(maps)])


def _store(bundle: zipfile.ZipFile, blobs: Blobs, names: Iterable[str]) -> None:
    """Put in what is kept under the digests that these are named by, which is compressed already."""
    for name in names:
        try:
            bundle.writestr(name, blobs.get(Path(name).stem), zipfile.ZIP_STORED)
        except BlobMissingError:
            continue  # let go by the policy, which the journal says


def _extract(session: Session, subject: str) -> Iterator[dict[str, Any]]:
    """Each record from the load's first one on: in full where it is the load's, else as the two parts of its digest."""
    first = select(JournalRecord.seq).where(JournalRecord.subject == subject).order_by(JournalRecord.seq).limit(1)
    query = select(JournalRecord).where(JournalRecord.seq >= first.scalar_subquery()).order_by(JournalRecord.seq)
    for row in session.scalars(query.execution_options(yield_per=_AT_ONCE)):
        if row.subject == subject:
            yield asdict(Record.of(row))
        else:
            content = content_part(row.seq, row.at, row.kind, row.actor, row.body)
            yield {"seq": row.seq, "subject_part": subject_part(row.subject), "content_part": content}


def _kept(session: Session, table: type[Picture] | type[LayerMapKept], load_id: str) -> set[str]:
    return set(session.scalars(select(table.sha256).where(table.load_id == load_id)))


def named_frames(report: dict[str, Any]) -> set[str]:
    """The digests of the frames that a report rests on: key frames, and frames with a hazard."""
    return {layer["key_frame_sha256"] for layer in report["layers"]} | {
        hazard["frame_sha256"] for hazard in report["truck"]["hazards"]
    }
