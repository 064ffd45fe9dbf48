"""What serving/README.md says of tests is true: each that it names is there."""

import re
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]


def test_every_test_that_the_readme_names_is_there():
    named = set(re.findall(r"`(test_\w+)`", (PROJECT / "serving" / "README.md").read_text(encoding="utf-8")))
    files = (PROJECT / "tests").rglob("test_*.py")
    there = {name for file in files for name in re.findall(r"def (test_\w+)", file.read_text(encoding="utf-8"))}
    assert named
    assert named - there == set()
