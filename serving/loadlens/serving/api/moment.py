"""Moments as requests give them and tables keep them."""

from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator

# Spans that are added to a moment must not lead out of the calendar. A clock that was never set says the year 1, and
# what its device has to say counts all the same.
_LAST_YEAR = 9000


def moment_text(moment: datetime) -> str:
    """ISO 8601 in UTC, as the tables keep it; without an offset it is read as UTC."""
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC).isoformat()


def within_calendar(moment: datetime) -> datetime:
    """The moment itself; ValueError where it cannot be told in UTC or is thousands of years ahead."""
    try:
        moment_text(moment)
    except OverflowError:
        raise ValueError(f"{moment.isoformat()} is before the first day of UTC; set the clock") from None
    if moment.year > _LAST_YEAR:
        raise ValueError(f"{moment.isoformat()} is after the year {_LAST_YEAR}; set the clock")
    return moment


Moment = Annotated[datetime, AfterValidator(within_calendar)]
