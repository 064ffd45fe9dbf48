"""Progress of long work, on stderr and only where a person watches a terminal; nothing in the first two seconds."""

import time
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

_QUIET_S = 2.0


class Watched:
    """Use as a context manager; call `at` as the work goes on."""

    def __init__(self, what: str, total: float | None = None) -> None:
        console = Console(stderr=True)
        columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
        self._progress = Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
        self._task = self._progress.add_task(what, total=total)
        self._began = time.monotonic()
        self._started = False

    def __enter__(self) -> "Watched":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def at(self, done: float, what: str) -> None:
        """The work has come to `done` of its total; `what` is the line to read."""
        if not self._started and time.monotonic() - self._began > _QUIET_S:
            self._started = True
            self._progress.start()
        self._progress.update(self._task, completed=done, description=what)
