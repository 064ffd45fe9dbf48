"""When a scale has settled: the same value, shown so many times in a row with nothing doubtful in between."""

from decimal import Decimal

from loadlens.serving.ingest.weighbridge.indication import NOT_ABOVE_ZERO, Indication, Reject, why_no_weighing


class Settling:
    """Finds the weighings in a stream of indications.

    A value is told once: a truck that rocks and settles as before is the same weighing, until the scale was empty or
    has settled on another value.
    """

    def __init__(self, *, repeats: int, capacity_kg: Decimal) -> None:
        """`repeats` equal indications make a weighing (1 or more); above `capacity_kg` nothing counts."""
        self._repeats = repeats
        self._capacity_kg = capacity_kg
        self._shown: Decimal | None = None
        self._times = 0
        self._told: Decimal | None = None

    def feed(self, result: Indication | Reject) -> Indication | str | None:
        """The weighing that has settled with this result, or why the result does not count, or None (nothing new)."""
        why = result.reason if isinstance(result, Reject) else why_no_weighing(result, self._capacity_kg)
        if why is not None or isinstance(result, Reject):
            self._shown = None
            if why == NOT_ABOVE_ZERO:
                self._told = None
            return why
        if result.kg == self._shown:
            self._times += 1
        else:
            self._shown, self._times = result.kg, 1
        if self._times < self._repeats or result.kg == self._told:
            return None
        self._told = result.kg
        return result

    def reset(self) -> None:
        """Begin anew, as after a line was cut: another truck may have come, so what is there is told again."""
        self._shown = self._told = None
