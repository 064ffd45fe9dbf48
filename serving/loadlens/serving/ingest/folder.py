"""A folder that cameras, phones or people upload pictures to: each is taken once it is complete, and all are sent.

A picture is taken by a rename into the spool, so it is in one place or the other, never in both or in neither: a
file that is gone from the folder is on the disk of the spool and will be sent.
"""

import logging
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from loadlens.serving.ingest.spool import Spool, SpoolError, SpoolFullError
from loadlens.vision.frame import Frame, SourceError
from loadlens.vision.image import read_bytes

log = logging.getLogger("loadlens.camera")

_PICTURES = {".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff", ".gif", ".heic", ".avif"}
# A file that has not grown for this long may be complete; one that then is no picture gets more time.
_SETTLED_S = 2.0
_GIVEN_UP_S = 60.0


@dataclass(frozen=True, slots=True)
class _Look:
    """What a file was like, since which second."""

    size: int
    modified_ns: int
    since_s: float


class UploadFolder:
    """Takes the finished pictures of a folder in order; `taken` and `refused` count, `reason` is why one waits.

    Hidden files and files of other kinds are left alone. Raises SpoolError where the folder cannot be used.
    """

    def __init__(self, folder: Path, camera: str, spool: Spool) -> None:
        self._folder = folder
        self._camera = camera
        self._spool = spool
        self._looks: dict[Path, _Look] = {}
        self.taken = 0
        self.refused = 0
        self.reason = ""
        if not folder.is_dir():
            raise SpoolError(f"{folder}: no such folder; make it, or give another")
        if not spool.on_same_disk_as(folder):
            raise SpoolError(f"{folder} and its spool lie on different disks; give a --spool on the disk of the folder")

    def take(self, now_s: float) -> int:
        """Take what is complete at this second of a steady clock; returns how many were taken."""
        looks: dict[Path, _Look] = {}
        ready = []
        for path in self._folder.iterdir():
            if path.name.startswith(".") or path.suffix.lower() not in _PICTURES or path.is_symlink():
                continue
            try:
                stat = path.stat()
            except FileNotFoundError:  # renamed or deleted by whoever uploads
                continue
            look = _Look(stat.st_size, stat.st_mtime_ns, now_s)
            known = self._looks.get(path, look)
            looks[path] = known if (known.size, known.modified_ns) == (look.size, look.modified_ns) else look
            if now_s - looks[path].since_s >= _SETTLED_S:
                # In the order in which they were finished here: the times that cameras write may jump.
                ready.append((stat.st_ctime_ns, path.name, path))
        self._looks = looks
        before = self.taken
        try:
            for _, _, path in sorted(ready):
                self._take_one(path, now_s)
            self.reason = ""
        except SpoolFullError as error:
            if not self.reason:  # said once, however long it lasts
                log.error("%s: uploads wait in %s: %s", self._camera, self._folder, error)
            self.reason = str(error)
        return self.taken - before

    def _take_one(self, path: Path, now_s: float) -> None:
        look = self._looks[path]
        try:
            Frame.from_bytes(read_bytes(path), name=path.name, time_s=0.0)
        except SourceError as error:
            if now_s - look.since_s >= _GIVEN_UP_S:
                self._set_aside(path, str(error))
            return
        captured_at = datetime.fromtimestamp(look.modified_ns / 1e9, UTC)
        self._spool.adopt(path, captured_at, "uploaded")
        self.taken += 1

    def _set_aside(self, path: Path, reason: str) -> None:
        refused = self._folder / "refused"
        refused.mkdir(exist_ok=True)
        path.rename(refused / path.name)
        (refused / f"{path.name}.txt").write_text(f"{reason}\n", encoding="utf-8")
        self.refused += 1
        log.error("%s: no picture, moved to %s: %s", self._camera, refused, reason)
