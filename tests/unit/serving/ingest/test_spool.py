"""Frames on disk: whole or absent, in order, never lost once promised, whenever the process is killed."""

import hashlib
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from loadlens.serving.ingest.spool import Spool, SpoolError, SpoolFullError

BEGAN = datetime(2026, 3, 1, 8, tzinfo=UTC)
MB = 2**20
OpenSpool = Callable[[Path, int], Spool]

# Adds frames, promises and finishes every other one, and says each step on stdout once it is done. With a number as
# second argument it kills itself before that use of the disk.
WORKER = """
import hashlib, os, signal, sys
from datetime import UTC, datetime
from pathlib import Path
from loadlens.serving.ingest.spool import Spool

fatal, uses = int(sys.argv[2]), 0

def count(event, _):
    global uses
    if event in ("open", "os.rename", "os.remove"):
        uses += 1
        if uses == fatal:
            os.kill(os.getpid(), signal.SIGKILL)

spool = Spool(Path(sys.argv[1]), 2**30)
sys.addaudithook(count)
seq = int(sys.argv[3])
for turn in range(int(sys.argv[4])):
    body = os.urandom(int.from_bytes(os.urandom(3)) % 300_000)
    digest = hashlib.sha256(body).hexdigest()
    spool.add(digest.encode() + body, datetime.now(UTC), "changed")
    print("added", digest, flush=True)
    if turn % 2:
        frame = spool.promise(spool.oldest(), seq)
        digest = spool.read(frame)[:64].decode()
        print("promised", digest, seq, flush=True)
        spool.done(frame)
        print("done", digest, flush=True)
        seq += 1
"""


class Worker:
    """What a process said that worked on a spool until it was killed, after so many lines, or had finished."""

    def __init__(self, folder: Path, *, fatal: int = 0, seq: int = 0, turns: int = 4, killed_after: int = 0):
        command = [sys.executable, "-c", WORKER, str(folder), str(fatal), str(seq), str(turns)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        first = [process.stdout.readline() for _ in range(killed_after)]
        if killed_after:
            time.sleep(random.uniform(0.0, 0.01))  # anywhere in the next step
            process.kill()
        lines = [*first, *process.communicate()[0].splitlines(keepends=True)]
        self.said = [line.split() for line in lines if line.endswith("\n")]  # the kill may have cut the last one off
        self.finished = process.returncode == 0
        assert process.returncode in (0, -signal.SIGKILL)

    def of(self, step: str) -> set[str]:
        return {words[1] for words in self.said if words[0] == step}


def whole_frames(folder: Path) -> dict[str, int | None]:
    """Digest and number of every frame that a new process finds; all are whole and their order is kept."""
    spool = Spool(folder, 2**30)
    found = {}
    while (frame := spool.oldest()) is not None:
        data = spool.read(frame)
        assert hashlib.sha256(data[64:]).hexdigest() == data[:64].decode()
        assert len(data) == frame.size
        found[data[:64].decode()] = frame.seq
        spool.set_aside(frame, "looked at")
    spool.close()
    for path in (folder / "refused").iterdir():
        path.unlink()
    return found


def test_a_kill_before_any_use_of_the_disk_loses_nothing_that_was_promised(tmp_path: Path) -> None:
    fatal, finished = 1, False
    while not finished:
        folder = tmp_path / str(fatal)
        worker = Worker(folder, fatal=fatal)
        found = whole_frames(folder)
        assert worker.of("added") - worker.of("done") <= set(found) | worker.of("promised")
        for digest in worker.of("promised") - worker.of("done"):
            # Unless the process was killed between the removal and the word of it.
            assert digest not in found or found[digest] is not None
        assert len([seq for seq in found.values() if seq is not None]) <= 1
        assert len(set(found) - worker.of("added")) <= 1  # on the disk, but killed before it could say so
        finished = worker.finished
        fatal += 1
    assert fatal > 20


def test_kills_at_random_moments_lose_nothing(tmp_path: Path) -> None:
    chance = random.Random(5)
    owed: set[str] = set()
    for _ in range(12):
        worker = Worker(tmp_path, turns=100_000, killed_after=chance.randint(1, 30))
        # A promised frame may have been done with before the kill came between that and the word of it.
        owed = (owed | worker.of("added")) - worker.of("promised")
        spool = Spool(tmp_path, 2**30)
        spool.close()
        assert not list(tmp_path.glob(".incoming*"))
    assert len(owed) >= 12
    assert owed <= set(whole_frames(tmp_path))


def frames_of(spool: Spool) -> list[str]:
    """The reasons of all frames, in the order in which they would be sent; empties the spool."""
    reasons = []
    while (frame := spool.oldest()) is not None:
        reasons.append(f"{frame.why}{spool.read(frame)[:1].decode()}")
        spool.done(frame)
    return reasons


def fill(spool: Spool, *frames: str) -> None:
    for number, (why, mark) in enumerate((frame[:-1], frame[-1]) for frame in frames):
        spool.add(mark.encode() * MB, BEGAN + timedelta(seconds=number), why)


def test_when_it_is_full_the_oldest_that_tells_least_goes_first(tmp_path: Path, open_spool: OpenSpool) -> None:
    spool = open_spool(tmp_path, 5 * MB)
    fill(spool, "heartbeat1", "moving1", "changed1", "heartbeat2", "moving2", "rest1", "moving3", "changed2")
    assert spool.dropped == 3
    assert frames_of(spool) == ["changed1", "moving2", "rest1", "moving3", "changed2"]


def test_a_promised_frame_is_never_dropped_and_a_full_spool_takes_frames_again_later(
    tmp_path: Path, open_spool: OpenSpool
) -> None:
    spool = open_spool(tmp_path, 3 * MB)
    fill(spool, "heartbeat1", "rest1", "changed1")
    promised = spool.promise(spool.oldest(), 7)
    assert promised.why == "heartbeat" and promised.seq == 7
    with pytest.raises(SpoolFullError, match="nothing may be dropped"):
        fill(spool, "changed2")
    with pytest.raises(SpoolFullError):
        fill(spool, "moving1")
    spool.done(promised)
    fill(spool, "changed2")
    assert frames_of(spool) == ["rest1", "changed1", "changed2"]


def test_what_is_on_the_disk_is_found_again_in_order_with_its_number(tmp_path: Path, open_spool: OpenSpool) -> None:
    spool = open_spool(tmp_path, 2**30)
    fill(spool, "moving1", "changed1", "heartbeat1")
    promised = spool.promise(spool.oldest(), 41)
    spool.close()
    again = open_spool(tmp_path, 2**30)
    assert again.oldest() == promised
    assert again.bytes == 3 * MB
    fill(again, "changed2")
    assert frames_of(again) == ["moving1", "changed1", "heartbeat1", "changed2"]


def test_a_dropped_frame_cannot_be_promised(tmp_path: Path, open_spool: OpenSpool) -> None:
    spool = open_spool(tmp_path, 2 * MB)
    fill(spool, "heartbeat1", "changed1")
    dropped = spool.oldest()
    fill(spool, "changed2")
    assert spool.promise(dropped, 0) is None
    assert frames_of(spool) == ["changed1", "changed2"]


def test_a_refused_frame_lies_beside_its_reason_and_makes_room_first(tmp_path: Path, open_spool: OpenSpool) -> None:
    spool = open_spool(tmp_path, 2 * MB + 100)
    fill(spool, "changed1", "heartbeat1")
    spool.set_aside(spool.promise(spool.oldest(), 3), "422: not a picture")
    (picture, note) = sorted((tmp_path / "refused").iterdir())
    assert picture.read_bytes() == b"1" * MB
    assert note.read_text() == "422: not a picture\n"
    spool.close()
    again = open_spool(tmp_path, 2 * MB + 100)
    fill(again, "changed2")
    assert frames_of(again) == ["heartbeat1", "changed2"]


def test_a_full_disk_takes_no_frame_and_takes_them_again_when_there_is_room(
    small_disk: Path, open_spool: OpenSpool
) -> None:
    spool = open_spool(small_disk / "spool", 2**30)
    ballast = small_disk / "ballast"
    ballast.write_bytes(b"\0" * (4 * MB))
    with pytest.raises(SpoolFullError, match="No space left"):
        fill(spool, *["changed1"] * 9)
    kept = len(spool)
    assert 1 <= kept <= 4
    assert not list((small_disk / "spool").glob(".incoming*"))
    ballast.unlink()
    fill(spool, "changed2")
    assert frames_of(spool) == ["changed1"] * kept + ["changed2"]


def test_on_a_full_disk_heartbeats_give_way(small_disk: Path, open_spool: OpenSpool) -> None:
    spool = open_spool(small_disk / "spool", 2**30)
    with pytest.raises(SpoolFullError):
        fill(spool, "heartbeat1", "heartbeat2", *["changed1"] * 20)
    assert spool.dropped == 2
    assert "heartbeat1" not in frames_of(spool)


def test_two_processes_cannot_use_one_spool(tmp_path: Path, open_spool: OpenSpool) -> None:
    held = open_spool(tmp_path, MB)
    with pytest.raises(SpoolError, match="used by another camera"):
        open_spool(tmp_path, MB)
    held.close()
    open_spool(tmp_path, MB)


def test_every_frame_and_its_folder_are_synced_before_it_counts_as_kept(
    tmp_path: Path, open_spool: OpenSpool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The order of the system's calls is what survives a power cut; it cannot be seen any other way here."""
    spool = open_spool(tmp_path, 2**30)
    steps: list[str] = []
    true_fsync, true_rename = os.fsync, Path.rename

    def fsync(descriptor: int) -> None:
        steps.append(f"sync {Path(f'/proc/self/fd/{descriptor}').readlink().name}")
        true_fsync(descriptor)

    def rename(self: Path, target: Path) -> Path:
        steps.append("rename")
        return true_rename(self, target)

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(Path, "rename", rename)
    frame = spool.add(b"1" * MB, BEGAN, "changed")
    assert steps == ["sync .incoming", "rename", f"sync {tmp_path.name}"]
    steps.clear()
    spool.promise(frame, 0)
    assert steps == ["rename", f"sync {tmp_path.name}"]
