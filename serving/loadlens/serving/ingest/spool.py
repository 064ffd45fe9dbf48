"""Frames on disk between a camera and the server: each is whole or absent, in order, and never lost once promised.

One folder per camera. A frame is one file, and all that is known of it is its name, so there is no index to mend:

    000000000017_20260301T080000.250000Z_changed.jpg           waits
    000000000017_20260301T080000.250000Z_changed_412.jpg       is promised: its number at the server is 412

A file gets such a name by a rename, after its bytes are on the disk; the folder is synced after each rename. Refused
frames lie in `refused/`, each beside a .txt that says why.
"""

import fcntl
import os
import re
import threading
import time
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from loadlens.serving.folders import make_private

_NAME = re.compile(r"(\d{12})_(\d{8}T\d{6}\.\d{6}Z)_([a-z]+)(?:_(\d+))?(\.[a-z]+)")
_TIME = "%Y%m%dT%H%M%S.%fZ"
_INCOMING = ".incoming"
# When room is needed the least worth go first. Whatever is not named here is never dropped.
_WORTH = {"heartbeat": 0, "moving": 1}
_KEPT, _PROMISED = 2, 3


class SpoolError(Exception):
    """The spool cannot be used at all; the message says why and what to do."""


class SpoolFullError(Exception):
    """The spool cannot take this frame now; it may take a later one."""


@dataclass(frozen=True, slots=True)
class Spooled:
    """A frame in the spool: when it was taken, why it was kept, its size in bytes; `seq` once it is promised.

    `since_s` is when a frame that was taken right then came in, by this machine's steady clock; None: not known.
    """

    position: int
    captured_at: datetime
    why: str
    suffix: str
    size: int
    seq: int | None = None
    since_s: float | None = field(default=None, compare=False)

    def clock_now(self) -> datetime:
        """What the clock by which the frame was taken says now, also where the machine's was set meanwhile."""
        if self.since_s is None:
            return datetime.now(UTC)
        return self.captured_at + timedelta(seconds=time.monotonic() - self.since_s)

    @property
    def name(self) -> str:
        """The name of its file."""
        number = "" if self.seq is None else f"_{self.seq}"
        return f"{self.position:012d}_{self.captured_at.astimezone(UTC):{_TIME}}_{self.why}{number}{self.suffix}"

    @property
    def worth(self) -> int:
        """0 is dropped first, `_KEPT` and more never."""
        return _PROMISED if self.seq is not None else _WORTH.get(self.why, _KEPT)


class Spool:
    """The frames of one camera that the server has not confirmed yet. Any thread may call any method.

    `limit_bytes` bounds the waiting and the refused frames together. The folder, made where it is not there, is
    held for this process alone. Raises SpoolError where that cannot be.
    """

    def __init__(self, folder: Path, limit_bytes: int) -> None:
        self._folder = folder
        self._refused = folder / "refused"
        self._limit = limit_bytes
        self._lock = threading.Condition()
        self._waiting: tuple[dict[str, Spooled], ...] = ({}, {}, {}, {})
        self._set_aside: dict[str, int] = {}
        self._bytes = 0
        self._next = 0
        self.dropped = 0
        try:
            make_private(folder)
            self._refused.mkdir(exist_ok=True)
            _sync(folder.parent)
            self._held = (folder / "lock").open("w")
            fcntl.flock(self._held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._take_stock()
        except BlockingIOError:
            self._held.close()
            raise SpoolError(f"{folder} is used by another camera; give this one another name or --spool") from None
        except OSError as error:
            raise SpoolError(f"{folder}: cannot be used as a spool ({error.strerror}); check the disk") from error

    def close(self) -> None:
        """Let go of the folder."""
        self._held.close()

    def _take_stock(self) -> None:
        """Read what an earlier process left; what it had not finished writing is removed."""
        for path in sorted(self._folder.iterdir()):
            found = _NAME.fullmatch(path.name)
            if found is not None:
                position, captured, why, seq, suffix = found.groups()
                captured_at = datetime.strptime(captured, _TIME).replace(tzinfo=UTC)
                number = None if seq is None else int(seq)
                frame = Spooled(int(position), captured_at, why, suffix, path.stat().st_size, number)
                self._waiting[frame.worth][frame.name] = frame
                self._bytes += frame.size
                self._next = max(self._next, frame.position + 1)
            elif path.name.startswith(_INCOMING):
                path.unlink()
        for path in sorted(self._refused.iterdir()):
            self._set_aside[path.name] = path.stat().st_size
        self._bytes += sum(self._set_aside.values())

    def _enter(self, frame: Spooled) -> None:
        """A file has got its name: make that last, and count it."""
        self._waiting[frame.worth][frame.name] = frame
        self._bytes += frame.size
        self._next = max(self._next, frame.position + 1)
        _sync(self._folder)
        self._lock.notify_all()

    def _forget(self, frame: Spooled) -> None:
        del self._waiting[frame.worth][frame.name]
        self._bytes -= frame.size

    # Frames come in.

    def add(self, data: bytes, captured_at: datetime, why: str, suffix: str = ".jpg") -> Spooled:
        """Keep a frame; it is on the disk when this returns. Raises SpoolFullError where it was not kept."""
        with self._lock:
            frame = replace(self._room_for(captured_at, why, suffix, len(data)), since_s=time.monotonic())
            incoming = self._folder / _INCOMING
            while True:
                try:
                    _write(incoming, data)
                    incoming.rename(self._folder / frame.name)
                    break
                except OSError as error:
                    incoming.unlink(missing_ok=True)
                    if not self._drop_one(frame.worth):
                        raise SpoolFullError(f"the disk refuses the frame ({error.strerror})") from error
            self._enter(frame)
            return frame

    def adopt(self, path: Path, captured_at: datetime, why: str) -> Spooled:
        """Move a finished file in, at once: it is never in both places. Raises as `add`, SpoolError across disks."""
        with self._lock:
            frame = self._room_for(captured_at, why, path.suffix.lower(), path.stat().st_size)
            try:
                _sync(path)
                path.rename(self._folder / frame.name)
            except OSError as error:
                raise SpoolFullError(f"{path} cannot be moved into the spool ({error.strerror})") from error
            self._enter(frame)
            _sync(path.parent)
            return frame

    def on_same_disk_as(self, folder: Path) -> bool:
        """Whether files of that folder can be adopted."""
        return folder.stat().st_dev == self._folder.stat().st_dev

    def _room_for(self, captured_at: datetime, why: str, suffix: str, size: int) -> Spooled:
        frame = Spooled(self._next, captured_at, why, suffix, size)
        while self._bytes + size > self._limit:
            if not self._drop_one(frame.worth):
                held, limit = self._bytes / 1e6, self._limit / 1e6
                raise SpoolFullError(f"the spool holds {held:.1f} of its {limit:.1f} MB and nothing may be dropped")
        return frame

    def _drop_one(self, worth: int) -> bool:
        """Remove the oldest of the least worth, but nothing of more worth than this; False where there is none."""
        if self._set_aside:
            name, size = next(iter(self._set_aside.items()))
            (self._refused / name).unlink(missing_ok=True)
            del self._set_aside[name]
            self._bytes -= size
            return True
        for droppable in self._waiting[: min(worth + 1, _KEPT)]:
            if droppable:
                frame = next(iter(droppable.values()))
                (self._folder / frame.name).unlink(missing_ok=True)
                self._forget(frame)
                self.dropped += 1
                return True
        return False

    # Frames go out.

    def oldest(self, wait_s: float = 0.0) -> Spooled | None:
        """The frame that is sent next, waited for so long: a promised one, else the oldest; None: there is none."""
        with self._lock:
            self._lock.wait_for(self._firsts, wait_s)
            firsts = self._firsts()
            promised = [frame for frame in firsts if frame.seq is not None]
            return min(promised or firsts, key=lambda frame: frame.position, default=None)

    def _firsts(self) -> list[Spooled]:
        return [next(iter(frames.values())) for frames in self._waiting if frames]

    def promise(self, frame: Spooled, seq: int) -> Spooled | None:
        """Give a frame its number, on the disk before this returns; None where it was dropped meanwhile."""
        with self._lock:
            if frame.name not in self._waiting[frame.worth]:
                return None
            promised = replace(frame, seq=seq)
            (self._folder / frame.name).rename(self._folder / promised.name)
            self._forget(frame)
            self._enter(promised)
            return promised

    def read(self, frame: Spooled) -> bytes:
        """The bytes of a frame."""
        return (self._folder / frame.name).read_bytes()

    def done(self, frame: Spooled) -> None:
        """The server has the frame. Not synced: should the file come back, the server knows it."""
        with self._lock:
            (self._folder / frame.name).unlink()
            self._forget(frame)

    def set_aside(self, frame: Spooled, reason: str) -> None:
        """Keep a frame that the server refuses for good, with the reason, out of the way of the others."""
        with self._lock:
            note = self._refused / f"{frame.name}.txt"
            note.write_text(f"{reason}\n", encoding="utf-8")
            (self._folder / frame.name).rename(self._refused / frame.name)
            _sync(self._refused)
            _sync(self._folder)
            self._forget(frame)
            for path in (self._refused / frame.name, note):
                self._set_aside[path.name] = path.stat().st_size
                self._bytes += self._set_aside[path.name]

    @property
    def bytes(self) -> int:
        """What the waiting and the refused frames take up."""
        return self._bytes

    def __len__(self) -> int:
        return sum(len(frames) for frames in self._waiting)


def _write(path: Path, data: bytes) -> None:
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
