"""Bytes addressed by their SHA-256: in a folder, or in an S3-compatible store (`object_blobs`).

A blob is whole or absent, is written once and never changed, and is checked against its digest whenever it is read.
"""

import errno
import hashlib
import os
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from loadlens.serving.store.errors import BlobDamagedError, BlobMissingError, StoreFullError

_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)

# A write takes seconds at most. What is older was cut off by a kill; what is younger may be another process's.
_LEFTOVER_AFTER_S = 3600


class Blobs(Protocol):
    """Where pictures are kept. Every method may be called from any thread, in any number of processes.

    All raise StoreUnavailableError where the store does not answer.
    """

    def put(self, data: bytes) -> str:
        """Keep the bytes and return their SHA-256, once they are durable. StoreFullError where there is no room."""

    def keep(self, data: bytes, sha256: str) -> bool:
        """The same for a caller that knows the digest; whether they were here before, and so may be let go of."""

    def get(self, sha256: str) -> bytes:
        """The bytes of a blob. BlobMissingError where it is not here, BlobDamagedError where its bytes changed."""

    def exists(self, sha256: str) -> bool:
        """Whether a blob is here; its bytes are not looked at."""

    def delete(self, sha256: str) -> None:
        """Let go of a blob, for the retention policy alone. One that is not here is no error."""


def open_blobs(store: str | None, folder: Path) -> Blobs:
    """The store that a setting names, `s3://bucket/prefix`; None is the folder. Raises StoreUrlError."""
    if store is None:
        return FolderBlobs(folder)
    # Imported here: a site of one machine does not install what an object store needs.
    from loadlens.serving.store.object_blobs import open_object_blobs  # noqa: PLC0415

    return open_object_blobs(store)


def checked(sha256: str, data: bytes) -> bytes:
    """The bytes, if they have this digest. Raises BlobDamagedError."""
    if hashlib.sha256(data).hexdigest() != sha256:
        raise BlobDamagedError(sha256)
    return data


class FolderBlobs:
    """A folder of blobs. Each is written beside, made durable, then renamed, so that a power cut leaves no half."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._incoming = folder / "incoming"
        self._incoming.mkdir(parents=True, exist_ok=True)
        for leftover in self._incoming.iterdir():
            with suppress(FileNotFoundError):  # another process has finished it meanwhile
                if leftover.stat().st_mtime < time.time() - _LEFTOVER_AFTER_S:
                    leftover.unlink()

    def path(self, sha256: str) -> Path:
        """Where the blob of this digest lies, if it is here."""
        return self._folder / sha256[:2] / sha256

    def get(self, sha256: str) -> bytes:
        """See Blobs."""
        try:
            return checked(sha256, self.path(sha256).read_bytes())
        except FileNotFoundError:
            raise BlobMissingError(sha256) from None

    def exists(self, sha256: str) -> bool:
        """See Blobs."""
        return self.path(sha256).exists()

    def delete(self, sha256: str) -> None:
        """See Blobs."""
        path = self.path(sha256)
        path.unlink(missing_ok=True)
        if path.parent.exists():
            _sync_folder(path.parent)

    def put(self, data: bytes) -> str:
        """See Blobs. OSError where the disk fails."""
        sha256 = hashlib.sha256(data).hexdigest()
        self.keep(data, sha256)
        return sha256

    def keep(self, data: bytes, sha256: str) -> bool:
        """See Blobs. OSError where the disk fails."""
        path = self.path(sha256)
        try:
            was_here = path.exists()
            if not was_here:
                if not path.parent.exists():
                    path.parent.mkdir(exist_ok=True)
                    _sync_folder(self._folder)
                self._write(path, data)
            # Also for a blob that was there: another thread may have renamed it and not yet synced the folder.
            _sync_folder(path.parent)
        except OSError as error:
            if error.errno in _NO_ROOM:
                raise StoreFullError(f"no room is left for pictures ({error.strerror})") from error
            raise
        return was_here

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
