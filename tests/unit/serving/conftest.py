"""Blobs in a folder and in a real S3 server, and a way to damage one of them behind the server's back."""

import uuid
from collections.abc import Callable
from pathlib import Path

import obstore
import pytest

from loadlens.serving.store.blobs import Blobs, FolderBlobs, open_blobs


@pytest.fixture(params=["folder", "s3"])
def blobs(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Blobs:
    """An empty store, of each kind in turn."""
    if request.param == "folder":
        return open_blobs(None, tmp_path / "blobs")
    for name, value in request.getfixturevalue("object_server").environment.items():
        monkeypatch.setenv(name, value)
    return open_blobs(f"s3://yard/{uuid.uuid4().hex}", tmp_path)


@pytest.fixture
def damage() -> Callable[[Blobs, str, bytes], None]:
    """Put other bytes in the place of a blob, as a fault of the disk or a person would."""

    def change(blobs: Blobs, sha256: str, data: bytes) -> None:
        if isinstance(blobs, FolderBlobs):
            blobs.path(sha256).write_bytes(data)
        else:
            obstore.put(blobs._store, f"{sha256[:2]}/{sha256}", data)

    return change
