"""What was seen of loads that were graded before: folders of `loadlens grade --out`, bundles of the service."""

import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from loadlens.grading.observation import LoadObservation
from loadlens.grading.observation_json import ObservationJsonError, from_json


@dataclass(frozen=True, slots=True)
class StoredLoad:
    """An observation, and as JSON text what an assessment of the service was made from beside it (None elsewhere)."""

    observation: LoadObservation
    inputs: str | None


def stored_loads(folder: Path) -> Iterator[tuple[str, StoredLoad | str]]:
    """Every observation.json and bundle (.zip, its newest assessment) below a folder, in the order of their names.

    Yields where it lies and what it holds, or why it cannot be read.
    """
    for path in sorted([*folder.rglob("observation.json"), *folder.rglob("*.zip")]):
        where = path.relative_to(folder).as_posix()
        try:
            yield where, _stored(path)
        except (ObservationJsonError, UnicodeDecodeError, zipfile.BadZipFile, OSError) as fault:
            yield where, f"cannot be read ({fault})"


def _stored(path: Path) -> StoredLoad:
    if path.suffix != ".zip":
        return StoredLoad(from_json(path.read_text(encoding="utf-8")), None)
    with zipfile.ZipFile(path) as bundle:
        names = set(bundle.namelist())
        inside = [re.fullmatch(r"assessments/(\d+)/observation\.json", name) for name in names]
        versions = [int(found[1]) for found in inside if found]
        if not versions:
            raise ObservationJsonError("no bundle of a load: it holds no observation")
        newest = f"assessments/{max(versions)}"
        observation = from_json(bundle.read(f"{newest}/observation.json").decode())
        inputs = bundle.read(f"{newest}/inputs.json").decode() if f"{newest}/inputs.json" in names else "null"
        return StoredLoad(observation, None if inputs == "null" else inputs)
