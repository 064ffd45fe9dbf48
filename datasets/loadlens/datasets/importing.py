"""From somebody's labelled pictures to a data set of ours: a folder with pictures/, by digest, and manifest.jsonl.

The manifest is written last and in one step. An import that is refused or killed leaves the data set as it was.
"""

import os
import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from loadlens.datasets.annotation_tools import read_cvat, read_label_studio
from loadlens.datasets.archives import unpacked
from loadlens.datasets.classes import load_classes, map_classes
from loadlens.datasets.errors import DataError
from loadlens.datasets.manifest import Duplicate, Manifest, read_manifest, save_manifest, without_duplicates
from loadlens.datasets.readers import read_coco, read_csv, read_folder, read_voc, read_yolo
from loadlens.datasets.samples import Sample, pictures_below
from loadlens.vision.image import EncodedImage, SourceError, read_bytes

Format = Literal["folders", "csv", "coco", "yolo", "voc", "label-studio", "cvat"]
MANIFEST = "manifest.jsonl"
_PICTURES = "pictures"
_SHOWN = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportOptions:
    """How to read a source: where its pictures are if not beside its labels, what its labels mean, what to note.

    `said` are the fields source, site, day and part of every sample for which the source itself says nothing.
    `leave_out_unreadable` leaves out pictures that cannot be read; otherwise one of them refuses the whole.
    """

    pictures: Path | None = None
    classes: Path | None = None
    label_column: str = "label"
    said: Mapping[str, str]
    leave_out_unreadable: bool = False
    add: bool = False


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import did: the data set as it is now, and everything that did not come into it, with the reason."""

    manifest: Manifest
    new: int
    unlabelled: int
    left_out_by_class: int
    unreadable: tuple[str, ...]
    duplicates: tuple[Duplicate, ...]


def import_pictures(form: Format, source: Path, out: Path, options: ImportOptions) -> Imported:
    """Read labelled pictures (a folder, a label file or a .zip) into the data set `out`; raises DataError."""
    before = _before(out, add=options.add)
    classes = load_classes(options.classes) if options.classes else None
    if not source.exists():
        raise DataError(source, "not there; give the folder, the label file or the .zip of the labelled pictures")
    with unpacked(source) as place:
        samples, beside = _read(form, place, options)
        named = {sample.path for sample in samples}
        unlabelled = sum(path not in named for path in pictures_below(beside))
        mapped = map_classes(samples, classes, said_in=source)
        readable, unreadable = _checked(mapped.samples, beside)
        if unreadable and not options.leave_out_unreadable:
            raise DataError(source, _told(unreadable))
        kept, duplicates = without_duplicates(readable)
        _refuse_other_labels(before, kept)
        new = {sha256: sample for sha256, sample in kept.items() if sha256 not in before}
        manifest = _store(before, new, out, options.said)
    duplicates = tuple(replace(one, paths=tuple(path.relative_to(beside) for path in one.paths)) for one in duplicates)
    return Imported(manifest, len(new), unlabelled, mapped.left_out, unreadable, duplicates)


def read_data_set(folder: Path) -> Manifest:
    """The data set in a folder, every picture hashed again. Raises DataError."""
    return read_manifest(folder / MANIFEST, folder)


def class_counts(samples: Iterable[Sample]) -> dict[str, int]:
    """How many pictures show each class, by class id."""
    return dict(sorted(Counter(label for sample in samples for label in sample.labels).items()))


def _before(out: Path, *, add: bool) -> Mapping[str, Sample]:
    if (out / MANIFEST).exists():
        if not add:
            raise DataError(out, "holds a data set; give --add to add to it, or another folder")
        return read_data_set(out).samples
    # An import that was killed leaves pictures/ without a manifest; it can simply be done again.
    if out.exists() and (not out.is_dir() or any(entry.name != _PICTURES for entry in out.iterdir())):
        raise DataError(out, "is there and holds something else; give a new folder")
    return {}


def _read(form: Format, place: Path, options: ImportOptions) -> tuple[list[Sample], Path]:
    """The samples, and the folder that holds their pictures."""
    if form == "folders":
        return read_folder(place), place
    if form == "yolo":
        return read_yolo(place), place
    if form == "voc":
        return read_voc(place), place
    if form == "csv":
        table = _label_file(place, "*.csv")
        return read_csv(table, label_column=options.label_column), table.parent
    readers: dict[Format, tuple[Callable[[Path, Path], list[Sample]], str]] = {
        "coco": (read_coco, "*.json"),
        "label-studio": (read_label_studio, "*.json"),
        "cvat": (read_cvat, "*.xml"),
    }
    reader, pattern = readers[form]
    labels = _label_file(place, pattern)
    root = place if place.is_dir() else labels.parent
    images = root / "images" if (root / "images").is_dir() else labels.parent
    pictures = options.pictures or images
    return reader(labels, pictures), pictures


def _label_file(place: Path, pattern: str) -> Path:
    """The one label file of a folder, or the file that was given."""
    if place.is_file():
        return place
    found = sorted(path for path in place.rglob(pattern) if not path.name.startswith("."))
    if len(found) != 1:
        names = ", ".join(str(path.relative_to(place)) for path in found[:_SHOWN]) or "none"
        raise DataError(place, f"one {pattern} with the labels is due, there are {names}; give the label file itself")
    return found[0]


def _checked(samples: Iterable[Sample], beside: Path) -> tuple[list[Sample], tuple[str, ...]]:
    """Samples whose pictures decode and have the size that was drawn on, with name and size; faults of the others."""
    good, faults = [], []
    for sample in samples:
        name = sample.path.relative_to(beside).as_posix()
        try:
            picture = EncodedImage(read_bytes(sample.path), name)
        except SourceError as fault:
            faults.append(str(fault))
            continue
        size = (picture.width, picture.height)
        if sample.boxes and sample.size not in (None, size):
            drawn, real = (f"{one[0]} x {one[1]}" for one in (sample.size or size, size))
            raise DataError(
                sample.path,
                f"has {real} pixels, but its labels or masks were drawn on {drawn}; export "
                "the labels of this very picture, turned as its EXIF says",
            )
        good.append(replace(sample, name=name, size=size))
    return good, tuple(faults)


def _told(faults: tuple[str, ...]) -> str:
    shown = "; ".join(faults[:_SHOWN]) + (f"; and {len(faults) - _SHOWN} more" if len(faults) > _SHOWN else "")
    return f"pictures that cannot be read: {len(faults)}: {shown}. Restore them, or give --leave-out-unreadable"


def _refuse_other_labels(before: Mapping[str, Sample], new: Mapping[str, Sample]) -> None:
    for sha256, sample in new.items():
        known = before.get(sha256)
        if known is not None and set(known.labels) != set(sample.labels):
            raise DataError(
                sample.path,
                f"is in the data set already as {', '.join(known.labels) or 'nothing'} ({known.name}), and here as "
                f"{', '.join(sample.labels) or 'nothing'}; decide which is right and correct the labels",
            )


def _store(before: Mapping[str, Sample], new: Mapping[str, Sample], out: Path, said: Mapping[str, str]) -> Manifest:
    """Copy the new pictures into the data set, then write its manifest; a failure takes the copies back."""
    folder = out / _PICTURES
    made = not out.exists()
    copied: list[Path] = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        stored = dict(before)
        for sha256, sample in new.items():
            path = folder / f"{sha256}{sample.path.suffix.lower()}"
            copied.append(path)
            _copy(sample.path, path)
            fields = {key: value for key, value in said.items() if not getattr(sample, key)}
            stored[sha256] = replace(sample, path=path, **fields)  # type: ignore[arg-type]
        return save_manifest(stored, out / MANIFEST, out)
    except OSError as fault:
        _take_back(copied, out, made=made)
        raise DataError(out, f"cannot be written ({fault.strerror}); free space or give another folder") from None
    except DataError:
        _take_back(copied, out, made=made)
        raise


def _copy(source: Path, path: Path) -> None:
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        shutil.copyfile(source, beside)
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def _take_back(copied: Iterable[Path], out: Path, *, made: bool) -> None:
    for path in copied:
        path.unlink(missing_ok=True)
    if made:
        shutil.rmtree(out, ignore_errors=True)
