"""Times as Salesforce writes them: whole seconds, UTC, an offset without a colon in JSON, a Z in bulk files."""

import re
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

ORG_ZONE = ZoneInfo("Asia/Tokyo")
_FORM = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[T ](\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,6}))?)?\s*(Z|[+-]\d\d:?\d\d)?", re.IGNORECASE
)


def floor(at: datetime) -> datetime:
    """Whole seconds, as every stamp of a record has; naive times are refused."""
    if at.tzinfo is None:
        raise ValueError(f"a stamp needs a time zone, got {at.isoformat()}")
    return at.astimezone(UTC).replace(microsecond=0)


@lru_cache(maxsize=1 << 16)
def rest(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.000+0000")


@lru_cache(maxsize=1 << 16)
def bulk(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")


@lru_cache(maxsize=1 << 16)
def parse(text: str) -> datetime:
    """An aware time from any form the APIs take; ValueError where it is none. A time without an offset counts as UTC."""
    match = _FORM.fullmatch(text)
    if not match:
        raise ValueError(f"not a date and time: {text}")
    year, month, day, hour, minute = (int(x) for x in match.groups()[:5])
    second = int(match[6] or 0)
    zone = (match[8] or "Z").upper()
    shift = timedelta()
    if zone != "Z":
        sign = -1 if zone[0] == "-" else 1
        shift = sign * timedelta(hours=int(zone[1:3]), minutes=int(zone[-2:]))
    return datetime(year, month, day, hour, minute, second, tzinfo=UTC) - shift


def today(now: datetime) -> date:
    """The day in the organization's time zone."""
    return now.astimezone(ORG_ZONE).date()
