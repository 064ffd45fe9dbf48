"""What can go wrong with a data set.

ValueError
└── DataError    a file of a data set that is missing, malformed or not what it is said to be; one line with the remedy
"""

from pathlib import Path


class DataError(ValueError):
    """A file of a data set that cannot be used; the message names the file, the line where known, and the remedy."""

    def __init__(self, where: Path, problem: str, *, line: int | None = None) -> None:
        super().__init__(f"{where}{f', line {line}' if line else ''}: {problem}")
