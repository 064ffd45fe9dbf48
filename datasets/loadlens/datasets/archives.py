"""Zip archives from strangers: unpacked only when nothing in them leads out of the folder or fills the disk."""

import shutil
import stat
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory

from loadlens.datasets.errors import DataError

# Pictures hardly shrink and label files to about a twentieth; a bomb grows a thousandfold.
_LARGEST_GROWTH = 50
_SMALL = 16 * 2**20
_MOST_ENTRIES = 1_000_000
_CHUNK = 2**20


@contextmanager
def unpacked(source: Path) -> Iterator[Path]:
    """The source itself, or the folder that a .zip was unpacked into for as long as the context lasts.

    A single folder that holds everything is entered. Raises DataError for an archive that is broken, encrypted, leads
    out of its folder, or unpacks to more than 50 times its size.
    """
    if source.suffix.lower() != ".zip":
        yield source
        return
    with TemporaryDirectory(prefix="loadlens-import-") as folder:
        try:
            with zipfile.ZipFile(source) as archive:
                _unpack(archive, source, Path(folder))
        except OSError as fault:
            raise DataError(
                source, f"cannot be unpacked ({fault.strerror or fault}); free space or copy it again"
            ) from None
        except (zipfile.BadZipFile, NotImplementedError, EOFError, ValueError) as fault:
            if isinstance(fault, DataError):
                raise
            raise DataError(source, f"no zip archive that can be read ({fault}); pack or copy it again") from None
        try:
            yield _inmost(Path(folder))
        except DataError as fault:
            # The folder will be gone when the user reads the message; the names inside it are those of the archive.
            raise DataError(source, str(fault).replace(f"{folder}/", "")) from None


def _unpack(archive: zipfile.ZipFile, source: Path, folder: Path) -> None:
    entries = [entry for entry in archive.infolist() if not entry.is_dir()]
    if len(entries) > _MOST_ENTRIES:
        raise DataError(source, f"{len(entries)} files are more than {_MOST_ENTRIES}; pack it in parts")
    for entry in entries:
        _refuse(entry, source)
    left = _SMALL + _LARGEST_GROWTH * source.stat().st_size
    # What the archive says of itself may be a lie, so what comes out is counted as well.
    declared = sum(entry.file_size for entry in entries)
    if declared > left:
        raise DataError(
            source,
            f"unpacks to {declared / 2**20:.0f} MB from {source.stat().st_size / 2**20:.0f} MB: no "
            "set of pictures does; unpack it yourself if you trust it",
        )
    if declared > shutil.disk_usage(folder).free:
        raise DataError(source, f"unpacks to {declared / 2**20:.0f} MB, more than is free in {folder}; free space")
    for entry in entries:
        path = folder / entry.filename
        path.parent.mkdir(parents=True, exist_ok=True)
        with archive.open(entry) as packed, path.open("wb") as plain:
            while chunk := packed.read(_CHUNK):
                left -= len(chunk)
                if left < 0:
                    raise DataError(source, f"{entry.filename!r} unpacks to more than it says; do not trust this file")
                plain.write(chunk)


def _refuse(entry: zipfile.ZipInfo, source: Path) -> None:
    parts = PurePosixPath(entry.filename.replace("\\", "/")).parts
    if ".." in parts or not parts or parts[0] == "/" or ":" in parts[0] or "\0" in entry.orig_filename:
        raise DataError(source, f"{entry.filename!r} leads out of the archive; do not trust this file")
    kind = stat.S_IFMT(entry.external_attr >> 16)
    if kind not in (0, stat.S_IFREG):
        raise DataError(source, f"{entry.filename!r} is a link or a device, not a file; pack the files themselves")
    if entry.flag_bits & 1:
        raise DataError(source, f"{entry.filename!r} is encrypted; unpack it and give the folder")


def _inmost(folder: Path) -> Path:
    inside = [entry for entry in folder.iterdir() if entry.name != "__MACOSX"]
    return inside[0] if len(inside) == 1 and inside[0].is_dir() and inside[0].name != "images" else folder
