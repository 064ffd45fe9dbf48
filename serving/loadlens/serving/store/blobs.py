"""Bytes in a folder, addressed by their SHA-256. What `put` has returned for survives a power cut."""

import hashlib
import os
import tempfile
from pathlib import Path


class Blobs:
    """A folder of blobs. A blob is whole or absent: it is written beside, made durable, then renamed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._incoming = folder / "incoming"
        self._incoming.mkdir(parents=True, exist_ok=True)
        for leftover in self._incoming.iterdir():  # of a write that a kill cut off
            leftover.unlink()

    def path(self, sha256: str) -> Path:
        """Where the blob of this digest lies, if it is here."""
        return self._folder / sha256[:2] / sha256

    def get(self, sha256: str) -> bytes:
        """The bytes of a blob; FileNotFoundError where it is not here."""
        return self.path(sha256).read_bytes()

    def put(self, data: bytes) -> str:
        """Keep the bytes and return their SHA-256, once they are on the disk. OSError where the disk refuses."""
        sha256 = hashlib.sha256(data).hexdigest()
        path = self.path(sha256)
        if not path.exists():
            path.parent.mkdir(exist_ok=True)
            _sync_folder(self._folder)
            self._write(path, data)
        # Also for a blob that was there: another thread may have renamed it and not yet synced the folder.
        _sync_folder(path.parent)
        return sha256

    def _write(self, path: Path, data: bytes) -> None:
        descriptor, name = tempfile.mkstemp(dir=self._incoming)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            Path(name).replace(path)
        except OSError:
            Path(name).unlink(missing_ok=True)
            raise


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
