"""The two time axes as they are asked for, the same in every command.

`--as-of` is the day looked at, `--known-at` the moment whose knowledge counts. A day of `--known-at` means its end. With a day alone it is
told as it was known at its end; `--known-at now` tells of it what is known today. With a moment alone the day is the moment's.
"""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from jobs.errors import ConfigError
from jobs.runs import utc_now

FIRST = date(2000, 1, 1)
"""The first day that can be looked at: what is dated before is a typing error."""
EVER = datetime.max.replace(tzinfo=UTC)
"""`--known-at now`: all that is known."""


def parse_day(text: str, option: str) -> date:
    """A day written YYYY-MM-DD; ConfigError tells what was met."""
    try:
        return date.fromisoformat(text)
    except ValueError as e:
        raise ConfigError(f"{option} is {text!r}, expected a day such as 2026-05-31.") from e


def parse_moment(text: str, zone: ZoneInfo) -> datetime:
    """A moment in ISO 8601, or a day, whose end is meant, or `now`; without a zone it is the workspace's. ConfigError tells what was met."""
    if text == "now":
        return EVER
    try:
        if len(text) == len("2026-05-31"):
            return end_of(date.fromisoformat(text), zone)
        found = datetime.fromisoformat(text)
        return (found if found.tzinfo else found.replace(tzinfo=zone)).astimezone(UTC)
    except (ValueError, OverflowError) as e:
        raise ConfigError(
            f"--known-at is {text!r}, expected a day such as 2026-05-31, a time such as 2026-05-31T09:00+09:00, or now."
        ) from e


def end_of(day: date, zone: ZoneInfo) -> datetime:
    """The last instant of the day in that zone."""
    following = datetime.combine(day + timedelta(days=1), time.min, zone).astimezone(UTC)
    return following - timedelta(microseconds=1)


def asked(as_of: str | None, known_at: str | None, zone: ZoneInfo) -> tuple[date | None, datetime | None]:
    """What was typed."""
    day = None if as_of is None else parse_day(as_of, "--as-of")
    return day, None if known_at is None else parse_moment(known_at, zone)


def chosen(
    as_of: date | None, known_at: datetime | None, zone: ZoneInfo, newest: tuple[date, datetime]
) -> tuple[date, datetime]:
    """(day, moment) of what was asked for; `newest` are those of all that is known.

    A moment after that knows no more. ConfigError for one in the future, by the CRMs' clock and by ours.
    """
    if known_at is not None:
        last = max(newest[1], utc_now()).astimezone(zone)
        if known_at != EVER and known_at.astimezone(zone).date() > last.date():
            raise ConfigError(
                f"--known-at is {known_at.astimezone(zone):%Y-%m-%d}, which lies in the future; expected a moment up to {last:%Y-%m-%d}, or now."
            )
        moment = min(known_at, newest[1])
        return as_of or (newest[0] if moment >= newest[1] else moment.astimezone(zone).date()), moment
    if as_of is None or as_of >= newest[0]:
        return as_of or newest[0], newest[1]
    return as_of, min(end_of(as_of, zone), newest[1])
