"""Calendar days of a workspace's time zone, from what a CRM's date and time fields hold."""

from datetime import date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

MirrorValue = str | int | Decimal | float | bool | date | datetime | None
"""What a mirrored field can hold: numbers exact, times with their zone, None where it is empty."""


class UnreadableDateError(ValueError):
    """A field that should hold a date holds something else."""


def day_of(value: MirrorValue, zone: ZoneInfo) -> date | None:
    """The calendar day in `zone`; None for an empty field. A time without a zone, or no date at all, is UnreadableDateError."""
    if value is None or type(value) is date:  # as most are
        return value
    if value == "":
        return None
    if isinstance(value, str):
        try:
            value = date.fromisoformat(value) if len(value) == 10 else datetime.fromisoformat(value)
        except ValueError:
            raise UnreadableDateError("a date was expected") from None
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise UnreadableDateError("a time without its zone may be another day")
        return value.astimezone(zone).date()
    if isinstance(value, date):
        return value
    raise UnreadableDateError("a date was expected")


def moment_of(value: MirrorValue) -> datetime | None:
    """The value as a moment, where the field holds one; a mere date is none."""
    if isinstance(value, str) and len(value) > 10:
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            return None
    return value if isinstance(value, datetime) and value.tzinfo is not None else None
