"""The anchor: signed heads of the journal in a file outside the database.

A database that was rolled back or cut short no longer holds a record that the anchor names. Whoever can change the
anchor too can still be found out by a copy of one line kept elsewhere, which is why `GET /v1/journal/head` gives it.
"""

import errno
import fcntl
import json
import logging
import os
from dataclasses import asdict, dataclass
from io import FileIO
from pathlib import Path

from loadlens.serving.canonical import canonical_json

log = logging.getLogger("loadlens.journal")

_LONGEST_LINE = 1024


@dataclass(frozen=True, slots=True)
class Head:
    """The newest record of a journal at one moment: its number, digest and signature, and the key that signed it."""

    seq: int
    at: str
    digest: str
    key: str
    signature: str


def read_head(line: str) -> Head | None:
    """The head of one line of an anchor; None where it is none."""
    try:
        head = Head(**json.loads(line))
    except (ValueError, TypeError):
        return None
    return head if isinstance(head.seq, int) and isinstance(head.key, str) else None


def heads_of(text: str) -> list[str]:
    """The lines of an anchor. Half a line at its end is none: a power cut or a full disk cut it off."""
    lines = text.splitlines()
    return lines[:-1] if lines and not text.endswith("\n") and read_head(lines[-1]) is None else lines


class Anchor:
    """A file that heads are appended to, one line each."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def append(self, head: Head) -> None:
        """Add a head. Called when its record is committed already, so a failure is logged, not raised: the next head
        stands for this one too.
        """
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.open("a+b", buffering=0) as file:
                fcntl.flock(file, fcntl.LOCK_EX)
                _drop_half_a_line(file)
                line = canonical_json(asdict(head)).encode() + b"\n"
                if file.write(line) < len(line):
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
                os.fsync(file.fileno())
        except OSError as error:
            log.error("the journal's head %d could not be written to %s: %s", head.seq, self.path, error.strerror)


def _drop_half_a_line(file: FileIO) -> None:
    """Drop what a power cut or a full disk left of a line, which would spoil the one behind it."""
    end = file.seek(0, os.SEEK_END)
    start = max(0, end - _LONGEST_LINE)
    file.seek(start)
    *_, last = file.read(_LONGEST_LINE).split(b"\n")
    if last and read_head(last.decode(errors="replace")) is not None:
        file.write(b"\n")
    elif last:
        file.truncate(end - len(last))
