"""A disk of eight megabytes, and spools that are let go of after the test."""

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from loadlens.serving.ingest.spool import Spool


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own that is soon full; only root may mount one."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(place)], capture_output=True, text=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"no small disk can be mounted here ({mounted.stderr.strip()})")
    yield place
    subprocess.run(["umount", "--lazy", str(place)], check=True)


@pytest.fixture
def open_spool() -> Iterator[Callable[[Path, int], Spool]]:
    opened: list[Spool] = []

    def open_one(folder: Path, limit_bytes: int = 2**30) -> Spool:
        opened.append(Spool(folder, limit_bytes))
        return opened[-1]

    yield open_one
    for spool in opened:
        spool.close()
