"""Moments as requests and workbooks give them and tables keep them."""

from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime

# Spans that are added to a moment must not lead out of the calendar. A clock that was never set says the year 1, and
# what its device has to say counts all the same.
_LAST_YEAR = 9000


def moment_text(moment: datetime) -> str:
    """ISO 8601 in UTC, as the tables keep it; without an offset it is read as UTC."""
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC).isoformat()


def within_calendar(moment: datetime) -> datetime:
    """The moment with an offset of the standard library's.

    ValueError where it cannot be told in UTC or is thousands of years ahead.
    """
    if moment.year > _LAST_YEAR:
        raise ValueError(f"{moment.isoformat()} is after the year {_LAST_YEAR}; set the clock")
    try:
        moment_text(moment)
    except OverflowError:
        raise ValueError(f"{moment.isoformat()} is before the first day of UTC; set the clock") from None
    return datetime.fromisoformat(moment.isoformat())


# Without an offset it is read as UTC; where people say when something was done, they say by which clock.
Moment = Annotated[datetime, AfterValidator(within_calendar)]
MomentWithOffset = Annotated[AwareDatetime, AfterValidator(within_calendar)]
