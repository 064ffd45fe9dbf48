"""An archive: one folder that holds what was seen of every load, for programs that know nothing of ours.

    OUT/archive.json            its parts, each with the digests of its files (where it is, the rest is whole)
    OUT/loads/00000.parquet     one row a load: its newest assessment, and the observation it was computed from
    OUT/layers/00000.parquet    one row a layer of the loads in the part of the same name
    OUT/pictures/ab/SHA256      the frames that these rest on, JPEG, by their digests; `ab` are the first two digits
    OUT/traces/ab/SHA256        when and where the layers of a load lay open (`loadlens.vision.trace`), likewise

DuckDB reads it as it is: `SELECT grade, sum(deduction_kg) FROM 'OUT/loads/*.parquet' GROUP BY grade`.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from importlib import metadata
from itertools import islice
from pathlib import Path
from typing import Any, Literal

import pyarrow.parquet as pq
from sqlalchemy import Engine, select

from loadlens.grading.observation_json import ObservationJsonError
from loadlens.serving.archive.tables import LAYERS, LOADS, Archived, archived, to_parquet
from loadlens.serving.canonical import canonical_json
from loadlens.serving.errors import RefusedError
from loadlens.serving.evidence.retention import was_let_go
from loadlens.serving.folders import new_folder
from loadlens.serving.records.assessments import newest_of_each
from loadlens.serving.store.blobs import Blobs
from loadlens.serving.store.database import read_session
from loadlens.serving.store.errors import BlobMissingError
from loadlens.serving.store.tables import Assessment, Load, LoadTrace
from loadlens.vision.trace import key_frames, read_traces

SCHEMA = "loadlens.archive/2"
# Large enough that a file is worth opening, small enough that a worker that is lost costs seconds.
LOADS_A_PART = 1000
_ABOUT = "archive.json"
Kind = Literal["pictures", "traces"]


@dataclass(frozen=True, slots=True)
class Part:
    """The loads that lie in one file: its name in every folder of the archive, and the digests of both."""

    name: str
    loads: int
    layers: int
    loads_sha256: str
    layers_sha256: str


@dataclass(frozen=True, slots=True)
class Archive:
    """An archive that is whole, by its folder. `let_go` is how many pictures the site no longer had."""

    folder: Path
    parts: tuple[Part, ...]
    pictures: int
    let_go: int

    @property
    def loads(self) -> int:
        """How many loads are in it."""
        return sum(part.loads for part in self.parts)

    @property
    def layers(self) -> int:
        """How many layers are in it."""
        return sum(part.layers for part in self.parts)

    @property
    def sha256(self) -> str:
        """The digest of all that was seen: equal archives are of equal loads."""
        return hashlib.sha256(canonical_json([asdict(part) for part in self.parts]).encode()).hexdigest()

    def read(self, part: Part) -> bytes:
        """The Parquet file of a part's loads. Raises RefusedError where it is not what was written."""
        return _read(self.folder / "loads" / part.name, part.loads_sha256)

    def has(self, what: Kind, sha256: str) -> bool:
        """Whether there is a picture or trace of a digest."""
        return _place(self.folder / what, sha256).is_file()

    def kept(self, what: Kind, sha256: str) -> bytes:
        """The picture or trace of a digest. Raises RefusedError as `read` does."""
        return _read(_place(self.folder / what, sha256), sha256)


def is_archive(folder: Path) -> bool:
    """Whether a folder is an archive, and whole."""
    return (folder / _ABOUT).is_file()


def open_archive(folder: Path) -> Archive:
    """The archive in a folder. Raises RefusedError where there is none that this version reads."""
    try:
        said = json.loads((folder / _ABOUT).read_text(encoding="utf-8"))
        if said["schema"] != SCHEMA:
            raise RefusedError(f"{folder} is {said['schema']!r}, not {SCHEMA!r}; read it with the version it names")
        return Archive(folder, tuple(Part(**part) for part in said["parts"]), said["pictures"], said["let_go"])
    except (OSError, ValueError, KeyError, TypeError) as fault:
        raise RefusedError(f"{folder}: no archive of `loadlens archive` ({type(fault).__name__}: {fault})") from None


def write_archive(engine: Engine, blobs: Blobs, out: Path) -> Archive:
    """Write the newest assessment of every load of a site into a new folder, which appears when it is whole.

    Raises WrongUseError where `out` holds anything, RefusedError for a row that cannot be read, and what stores raise.
    """
    return write_loads(_loads_of(engine), blobs, out)


def _loads_of(engine: Engine) -> Iterator[Archived]:
    trace = select(LoadTrace.sha256).where(
        LoadTrace.load_id == Assessment.load_id, LoadTrace.version <= Assessment.version
    )
    newest = trace.order_by(LoadTrace.version.desc()).limit(1).scalar_subquery()
    query = newest_of_each(Load, Assessment, newest, was_let_go("frames")).join(Load, Load.id == Assessment.load_id)
    with read_session(engine) as session:
        for load, kept, watched, let_go in session.execute(query.order_by(Load.id).execution_options(yield_per=100)):
            try:
                yield archived(load, kept, watched, let_go=let_go)
            except (ObservationJsonError, ValueError, KeyError, TypeError) as fault:
                where = f"assessment {kept.version} of load {kept.load_id} cannot be read ({fault})"
                raise RefusedError(f"{where}; `loadlens verify` says what was changed") from fault


def write_loads(loads: Iterator[Archived], blobs: Blobs, out: Path) -> Archive:
    """Write loads, in the order of their ids, as a new archive."""
    with new_folder(out) as fresh:
        for name in ("loads", "layers", "pictures", "traces"):
            (fresh / name).mkdir()
        parts: list[Part] = []
        while some := list(islice(loads, LOADS_A_PART)):
            parts.append(_write_part(fresh, f"{len(parts):05d}.parquet", some))
        # Only now that all loads are read: it takes long, and a database shuts out a transaction that does nothing.
        kept = Counter(
            _keep(blobs, sha256, fresh / "pictures") for part in parts for sha256 in _frames_of(part, blobs, fresh)
        )
        written = Archive(out, tuple(parts), kept["copied"], kept["let go"])
        (fresh / _ABOUT).write_text(canonical_json(_about(written)), encoding="utf-8")
    return written


def _frames_of(part: Part, blobs: Blobs, folder: Path) -> Iterator[str]:
    """The digest of every frame that the loads of a part rest on; their traces, which name some, are copied."""
    for row in pq.read_table(folder / "loads" / part.name, columns=["frames", "trace"]).to_pylist():
        frames = set(row["frames"])
        if row["trace"] is not None:
            data = blobs.get(row["trace"])
            _put(_place(folder / "traces", row["trace"]), data)
            frames |= key_frames(read_traces(data))
        yield from frames


def _about(archive: Archive) -> dict[str, Any]:
    return {
        "schema": SCHEMA,
        "software": metadata.version("loadlens"),
        "parts": [asdict(part) for part in archive.parts],
        "pictures": archive.pictures,
        "let_go": archive.let_go,
    }


def _write_part(folder: Path, name: str, found: Sequence[Archived]) -> Part:
    layers = [layer for one in found for layer in one.layers]
    files = {"loads": to_parquet([one.load for one in found], LOADS), "layers": to_parquet(layers, LAYERS)}
    for kind, data in files.items():
        (folder / kind / name).write_bytes(data)
    digests = {f"{kind}_sha256": hashlib.sha256(data).hexdigest() for kind, data in files.items()}
    return Part(name, len(found), len(layers), **digests)


def _keep(blobs: Blobs, sha256: str, pictures: Path) -> Literal["copied", "there", "let go"]:
    """Copy a picture, unless another load rests on it too, or the site has let go of it by its policy."""
    path = _place(pictures, sha256)
    if path.exists():
        return "there"
    try:
        data = blobs.get(sha256)
    except BlobMissingError:
        return "let go"
    _put(path, data)
    return "copied"


def _read(path: Path, sha256: str) -> bytes:
    data = path.read_bytes() if path.is_file() else b""
    if hashlib.sha256(data).hexdigest() != sha256:
        raise RefusedError(f"{path} is gone or damaged; write the archive again with `loadlens archive`")
    return data


def _place(folder: Path, sha256: str) -> Path:
    return folder / sha256[:2] / sha256


def _put(path: Path, data: bytes) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(data)
