"""Uploads: each taken once it is complete, each in one place at any moment."""

import os
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from loadlens.serving.ingest.folder import UploadFolder
from loadlens.serving.ingest.spool import Spool, SpoolError
from loadlens.serving.jpeg import encode_jpeg

OpenSpool = Callable[..., Spool]
TAKEN_AT = datetime(2026, 3, 1, 8, tzinfo=UTC)


def picture(number: int = 0) -> bytes:
    return encode_jpeg(np.random.default_rng(number).integers(0, 255, (96, 128, 3)).astype(np.uint8))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "uploads"
    place.mkdir()
    return place


def upload(path: Path, data: bytes, seconds: int = 0) -> None:
    path.write_bytes(data)
    at = TAKEN_AT.timestamp() + seconds
    os.utime(path, (at, at))


def test_a_picture_is_taken_when_it_has_come_to_rest_and_is_then_in_the_spool_alone(
    folder: Path, tmp_path: Path, open_spool: OpenSpool
) -> None:
    spool = open_spool(tmp_path / "spool")
    uploads = UploadFolder(folder, "phone", spool)
    upload(folder / "a.jpg", picture())
    assert uploads.take(0.0) == 0
    assert uploads.take(2.0) == 1
    frame = spool.oldest()
    assert spool.read(frame) == picture()
    assert frame.captured_at == TAKEN_AT
    assert list(folder.iterdir()) == []


def test_pictures_are_taken_in_the_order_in_which_they_were_finished_whatever_the_cameras_clock_does(
    folder: Path, tmp_path: Path, open_spool: OpenSpool
) -> None:
    spool = open_spool(tmp_path / "spool")
    uploads = UploadFolder(folder, "phone", spool)
    for number, (name, seconds) in enumerate((("c.png", 1), ("a.jpg", -3600), ("b.webp", 2)), start=1):
        upload(folder / name, picture(number), seconds)
        time.sleep(0.02)  # the file system's clock ticks every few milliseconds
    uploads.take(0.0)
    assert uploads.take(9.0) == 3
    taken = []
    while (frame := spool.oldest()) is not None:
        taken.append(spool.read(frame))
        spool.done(frame)
    assert taken == [picture(1), picture(2), picture(3)]


def test_a_file_that_grows_or_is_half_there_waits(folder: Path, tmp_path: Path, open_spool: OpenSpool) -> None:
    spool = open_spool(tmp_path / "spool")
    uploads = UploadFolder(folder, "phone", spool)
    whole = picture()
    for second in range(9):  # it grows every second
        upload(folder / "a.jpg", whole[: 100 * (second + 1)], second)
        assert uploads.take(float(second)) == 0
    for second in range(9, 60):  # the line hangs
        assert uploads.take(float(second)) == 0
    upload(folder / "a.jpg", whole, 60)
    uploads.take(60.0)
    assert uploads.take(62.0) == 1
    assert spool.read(spool.oldest()) == whole


def test_what_never_becomes_a_picture_is_moved_aside_with_the_reason(
    folder: Path, tmp_path: Path, open_spool: OpenSpool
) -> None:
    uploads = UploadFolder(folder, "phone", open_spool(tmp_path / "spool"))
    upload(folder / "half.jpg", picture()[:900])
    for second in (0.0, 30.0, 61.0):
        assert uploads.take(second) == 0
    assert uploads.refused == 1
    assert (folder / "refused" / "half.jpg").exists()
    assert "half.jpg" in (folder / "refused" / "half.jpg.txt").read_text()


def test_other_files_hidden_files_and_links_are_left_alone(folder: Path, tmp_path: Path, open_spool: OpenSpool) -> None:
    uploads = UploadFolder(folder, "phone", open_spool(tmp_path / "spool"))
    secret = tmp_path / "secret.jpg"
    secret.write_bytes(picture())
    (folder / "link.jpg").symlink_to(secret)
    upload(folder / ".a.jpg.part", picture())
    upload(folder / ".hidden.jpg", picture())
    upload(folder / "notes.txt", b"not for us")
    for second in (0.0, 5.0, 100.0):
        assert uploads.take(second) == 0
    assert len(list(folder.iterdir())) == 4


def test_where_the_spool_is_full_uploads_stay_and_are_taken_later(
    folder: Path, tmp_path: Path, open_spool: OpenSpool
) -> None:
    spool = open_spool(tmp_path / "spool", len(picture(0)) + 10)
    uploads = UploadFolder(folder, "phone", spool)
    upload(folder / "a.jpg", picture(0), 0)
    upload(folder / "b.jpg", picture(1), 1)
    uploads.take(0.0)
    assert uploads.take(2.0) == 1
    assert "may be dropped" in uploads.reason
    assert [path.name for path in folder.iterdir()] == ["b.jpg"]
    spool.done(spool.oldest())
    assert uploads.take(3.0) == 1
    assert uploads.reason == ""


def test_a_spool_on_another_disk_is_refused(folder: Path, small_disk: Path, open_spool: OpenSpool) -> None:
    with pytest.raises(SpoolError, match="different disks"):
        UploadFolder(folder, "phone", open_spool(small_disk / "spool"))
    with pytest.raises(SpoolError, match="no such folder"):
        UploadFolder(folder / "absent", "phone", open_spool(folder / "spool"))
