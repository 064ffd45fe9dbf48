"""Days from and to, in UTC."""

from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy import ColumnElement
from sqlalchemy.orm import InstrumentedAttribute


@dataclass(frozen=True, slots=True)
class Period:
    """Days of UTC, both included; None: from the first, to the last."""

    since: date | None = None
    until: date | None = None

    def of(self, column: InstrumentedAttribute[str]) -> list[ColumnElement[bool]]:
        """That a column with a time lies in this period."""
        conditions: list[ColumnElement[bool]] = []
        if self.since is not None:
            conditions.append(column >= self.since.isoformat())
        if self.until is not None and self.until < date.max:
            conditions.append(column < (self.until + timedelta(days=1)).isoformat())
        return conditions

    def is_before(self, other: "Period") -> bool:
        """Whether it ends before the other begins."""
        return self.until is not None and other.since is not None and self.until < other.since
