"""Moments as requests give them and tables keep them."""

from datetime import UTC, datetime


def moment_text(moment: datetime) -> str:
    """ISO 8601 in UTC, as the tables keep it; without an offset it is read as UTC."""
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC).isoformat()
