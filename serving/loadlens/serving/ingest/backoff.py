"""Waits between tries: longer each time, and cut by chance, so that a yard's cameras do not all come back at once."""

import random


class Backoff:
    """Seconds to wait after each failure: doubled from `first_s` up to `limit_s`, then a random half to whole of it."""

    def __init__(self, first_s: float = 0.5, limit_s: float = 60.0) -> None:
        self._first_s = first_s
        self._limit_s = limit_s
        self._next_s = first_s

    def failed(self, at_least_s: float = 0.0) -> float:
        """How long to wait now; at least as long as the other side asked for."""
        wait_s = self._next_s * random.uniform(0.5, 1.0)
        self._next_s = min(2 * self._next_s, self._limit_s)
        return at_least_s + wait_s if at_least_s > 0 else wait_s

    def worked(self) -> None:
        """Begin anew with short waits."""
        self._next_s = self._first_s
