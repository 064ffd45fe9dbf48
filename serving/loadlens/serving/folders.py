"""Folders: of results, whole or absent, written beside their place and renamed into it; of what others may not read."""

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from loadlens.grading.report import SCHEMA
from loadlens.serving.errors import WrongUseError


def make_private(folder: Path) -> None:
    """Make a folder that only its owner may enter, where there is none; one that is there stays as it is."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)


def check_out(out: Path) -> None:
    """Refuse, before any work, a folder that holds something else than an earlier report. Raises WrongUseError."""
    if out.exists() and not out.is_dir():
        raise WrongUseError(f"{out} is not a folder; give another --out")
    if out.is_dir() and any(out.iterdir()) and not _is_report(out):
        raise WrongUseError(f"{out} holds files that are no earlier report; give another --out, or empty it")


@contextmanager
def new_folder(out: Path) -> Iterator[Path]:
    """A new folder to write into; it becomes `out` when all is written. WrongUseError where that holds anything."""
    if out.exists() and not _is_empty(out):
        raise WrongUseError(f"{out} is there already; give another --out")
    with _beside(out) as fresh:
        yield fresh


@contextmanager
def written_at_once(out: Path) -> Iterator[Path]:
    """A new folder to write into; it takes the place of `out`, perhaps an earlier report, when all is written."""
    check_out(out)
    with _beside(out) as fresh:
        yield fresh


@contextmanager
def _beside(out: Path) -> Iterator[Path]:
    """A folder that takes the place of `out` in the end, and vanishes after an error."""
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=f".{out.name}-") as beside:
        fresh = Path(beside, "new")
        fresh.mkdir()
        yield fresh
        if out.exists():
            out.rename(Path(beside, "old"))
        fresh.rename(out)


def _is_empty(out: Path) -> bool:
    return out.is_dir() and not any(out.iterdir())


def _is_report(folder: Path) -> bool:
    try:
        report = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(report, dict) and report.get("schema") == SCHEMA
