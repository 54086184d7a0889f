"""Moments as Salesforce writes them: `2026-05-01T07:25:37.000+0000` in replies, `2026-05-01T07:25:37.000Z` in SOQL."""

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from models.vocabulary import aware
from sync.errors import BadReply


def moment(text: object) -> datetime:
    """The moment in UTC; BadReply where it is none or carries no zone."""
    try:
        return aware(datetime.fromisoformat(str(text)))
    except ValueError as e:
        raise BadReply(
            "Salesforce sent a time stamp that is not one.",
            remedy="Try again; if it stays, a proxy or a middleware changes the replies.",
        ) from e


def literal(at: datetime) -> str:
    """The moment as SOQL takes it, unquoted."""
    return aware(at).strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03d}Z"


def parameter(at: datetime) -> str:
    """The moment as `start` and `end` of the delete log take it."""
    return aware(at).strftime("%Y-%m-%dT%H:%M:%S+00:00")


def minute(at: datetime) -> datetime:
    """The minute that has begun: the delete log ignores seconds."""
    return at.replace(second=0, microsecond=0)


def next_minute(at: datetime) -> datetime:
    return at if at == minute(at) else minute(at) + timedelta(minutes=1)


def http_date(text: str | None) -> datetime | None:
    """The moment of a Date header; None where there is none or it cannot be read."""
    if not text:
        return None
    try:
        at = parsedate_to_datetime(text)
    except (TypeError, ValueError):
        return None
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)


def seconds_to_wait(retry_after: str | None, now: datetime | None) -> float | None:
    """What a Retry-After header asks for, in seconds: it may be a number or a date. None where it says nothing readable."""
    if not retry_after:
        return None
    try:
        return max(0.0, float(retry_after))
    except ValueError:
        at = http_date(retry_after)
        return None if at is None or now is None else max(0.0, (at - now).total_seconds())
