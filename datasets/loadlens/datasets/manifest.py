"""A manifest: the samples of a data set by the SHA-256 of their bytes, so that training can prove what it saw.

JSON lines: the first says what the file is and the digest of the rest, then one sample a line in the order of the
digests. Written last and in one step: where a manifest is, all that it names was there.
"""

import hashlib
import json
import os
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from loadlens.datasets.errors import DataError
from loadlens.datasets.samples import Box, Sample, named_picture

SCHEMA = "loadlens.manifest/1"


@dataclass(frozen=True, slots=True)
class Duplicate:
    """Files with the same bytes, by name. Where their labels differ none of them is in the manifest."""

    sha256: str
    paths: tuple[Path, ...]
    labels_agree: bool


@dataclass(frozen=True, slots=True)
class Manifest:
    """Samples by the SHA-256 of their picture's bytes; `digest` is the SHA-256 over all that is said of them."""

    samples: Mapping[str, Sample]
    digest: str


def without_duplicates(samples: Iterable[Sample]) -> tuple[dict[str, Sample], tuple[Duplicate, ...]]:
    """Samples by the SHA-256 of their pictures, each once, in the order of the digests; and what was there twice.

    Of duplicates with the same labels the first by name is kept, where labels differ none. Raises DataError for a
    picture that cannot be read.
    """
    alike: dict[str, list[Sample]] = defaultdict(list)
    for sample in sorted(samples, key=lambda sample: sample.path):
        alike[_sha256(sample.path)].append(sample)
    duplicates = tuple(
        Duplicate(sha256, tuple(one.path for one in group), len({frozenset(one.labels) for one in group}) == 1)
        for sha256, group in sorted(alike.items())
        if len(group) > 1
    )
    unclear = {duplicate.sha256 for duplicate in duplicates if not duplicate.labels_agree}
    kept = {sha256: group[0] for sha256, group in sorted(alike.items()) if sha256 not in unclear}
    return kept, duplicates


def save_manifest(samples: Mapping[str, Sample], path: Path, folder: Path) -> Manifest:
    """Write the manifest of samples whose pictures below `folder` have these SHA-256s, in one step.

    Raises DataError for a picture outside the folder, or where there is no sample.
    """
    if not samples:
        raise DataError(path, "no sample to write; give pictures with labels that agree")
    kept = dict(sorted(samples.items()))
    lines = [_line(sha256, sample, folder) for sha256, sample in kept.items()]
    digest = _digest(lines)
    head = json.dumps({"schema": SCHEMA, "samples": len(lines), "digest": digest})
    _write_at_once(path, "\n".join([head, *lines, ""]))
    return Manifest(kept, digest)


def read_manifest(path: Path, folder: Path) -> Manifest:
    """Read a manifest and hash every picture below `folder` again.

    Raises DataError for the first thing that is not as it was written: a line, a missing or a changed picture.
    """
    lines = _lines(path)
    head = _parsed(path, lines[0], 1)
    if head.get("schema") != SCHEMA:
        raise DataError(path, f"its schema is {head.get('schema')!r}, not {SCHEMA!r}; write it again", line=1)
    if head.get("samples") != len(lines) - 1 or head.get("digest") != _digest(lines[1:]):
        raise DataError(path, "not as it was written (cut off or edited); write it again from the pictures", line=1)
    samples = {}
    for number, line in enumerate(lines[1:], 2):
        entry = _parsed(path, line, number)
        sample = _sample(path, entry, folder, number)
        if _sha256(sample.path) != entry["sha256"]:
            raise DataError(sample.path, f"other bytes than {path.name} says; restore it or write the manifest again")
        samples[entry["sha256"]] = sample
    return Manifest(samples, head["digest"])


def _line(sha256: str, sample: Sample, folder: Path) -> str:
    if not sample.path.is_relative_to(folder):
        raise DataError(sample.path, f"not below {folder}; give the folder that holds all pictures")
    entry = {"sha256": sha256, **asdict(sample), "path": sample.path.relative_to(folder).as_posix()}
    return json.dumps(entry, ensure_ascii=False, allow_nan=False, sort_keys=True)


def _sample(path: Path, entry: dict[str, Any], folder: Path, number: int) -> Sample:
    boxes = tuple(
        Box(**{**box, "polygons": tuple(tuple((x, y) for x, y in outline) for outline in box["polygons"])})
        for box in entry["boxes"]
    )
    picture = named_picture(folder, entry["path"], named_in=path, line=number)
    said = {key: entry[key] for key in ("group", "source", "site", "day", "part", "name")}
    size = None if entry["size"] is None else (entry["size"][0], entry["size"][1])
    return Sample(picture, tuple(entry["labels"]), boxes=boxes, size=size, **said)


def _lines(path: Path) -> list[str]:
    try:
        # Not splitlines: a label may hold characters that it takes for the end of a line.
        return path.read_text(encoding="utf-8").removesuffix("\n").split("\n")
    except OSError as fault:
        raise DataError(path, f"cannot be read ({fault.strerror}); write the manifest first") from None
    except UnicodeDecodeError:
        raise DataError(path, "not UTF-8, so no manifest; write it again") from None


def _parsed(path: Path, line: str, number: int) -> dict[str, Any]:
    try:
        entry = json.loads(line)
    except json.JSONDecodeError as fault:
        raise DataError(path, f"not JSON ({fault.msg}), so no manifest; write it again", line=number) from None
    if not isinstance(entry, dict):
        raise DataError(path, "not a JSON object, so no manifest; write it again", line=number)
    return entry


def _digest(lines: Iterable[str]) -> str:
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def _sha256(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as fault:
        raise DataError(path, f"cannot be read ({fault.strerror}); restore it or leave it out") from None


def _write_at_once(path: Path, text: str) -> None:
    """Write beside the file and put it in its place: a reader meets the old manifest, the new one, or none."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with beside.open("w", encoding="utf-8", newline="\n") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
