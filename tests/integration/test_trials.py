"""The trials of bench/ in small: every route asked for what its document allows and forbids, and broken pictures."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

BENCH = Path(__file__).resolve().parents[2] / "bench"


def trial(script, *arguments):
    """Run a script of bench/ as a person would: it finds its neighbours beside it, whatever `make` forbids."""
    command = [sys.executable, str(BENCH / script), *arguments]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONSAFEPATH"}
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment)


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_no_route_fails_or_answers_what_its_document_does_not_name():
    done = trial("any_request.py", "--examples", "1", "--role", "manager")
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-2000:]
    assert "faults with none" in done.stdout


@pytest.mark.timeout(1800)
def test_every_broken_picture_is_refused_or_graded():
    done = trial("broken_pictures.py", "--number", "300")
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-2000:]
    assert "wrong              0" in done.stdout
