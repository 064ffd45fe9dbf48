"""In which line of a TOML text a key stands; `tomllib` reads the values but forgets the lines."""

import re

Path = tuple[str | int, ...]

_HEADER = re.compile(r"^\s*(\[\[?)\s*([^\]]+?)\s*\]\]?\s*(#.*)?$")
_KEY = re.compile(r"""^\s*((?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*'))*)\s*=""")
_PART = re.compile(r"""[A-Za-z0-9_-]+|"[^"]*"|'[^']*'""")
# Strings and comments, so that brackets inside them are not counted.
_QUIET = re.compile(r'"(?:\\.|[^"\\])*"|\'[^\']*\'|#.*')


class LineFinder:
    """Finds the line of a path such as ("grade", 2, "code"); an inline table's keys stand where the table starts."""

    def __init__(self, text: str) -> None:
        self._lines: dict[Path, int] = {(): 1}
        self._counts: dict[Path, int] = {}
        self._scan(text)

    def line(self, path: Path) -> int:
        """The 1-based line of a path, or of the nearest table around it."""
        while path not in self._lines:
            path = path[:-1]
        return self._lines[path]

    def _scan(self, text: str) -> None:
        table: Path = ()
        depth = 0
        until: str | None = None
        for number, line in enumerate(text.splitlines(), 1):
            if until is not None:
                until = None if until in line else until
                continue
            if depth == 0:
                if header := _HEADER.match(line):
                    table = self._open(header[1] == "[[", _parts(header[2]), number)
                    continue
                if key := _KEY.match(line):
                    self._lines.setdefault((*table, *_parts(key[1])), number)
            until = _open_string(line)
            bare = _QUIET.sub("", line if until is None else line[: line.rindex(until)])
            depth += sum(bare.count(mark) for mark in "[{") - sum(bare.count(mark) for mark in "]}")

    def _open(self, is_array: bool, parts: Path, number: int) -> Path:
        """The path of a table header; `[grade.info]` after `[[grade]]` belongs to the last grade."""
        path: Path = ()
        for part in parts[:-1]:
            path = (*path, part)
            if path in self._counts:
                path = (*path, self._counts[path])
        path = (*path, parts[-1])
        if is_array:
            self._counts[path] = self._counts.get(path, -1) + 1
            self._lines.setdefault(path, number)
            path = (*path, self._counts[path])
        self._lines.setdefault(path, number)
        return path


def _parts(dotted: str) -> Path:
    return tuple(part.strip("\"'") for part in _PART.findall(dotted))


def _open_string(line: str) -> str | None:
    """The closing mark of a multi-line string that this line opens and does not close."""
    for mark in ('"""', "'''"):
        if line.count(mark) % 2:
            return mark
    return None
