"""The two axes of every question about the past: which day it is about, and what was known by when."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from psycopg import Connection

from jobs.errors import ConfigError, NotFound

_EARLIEST, _LATEST = date(2000, 1, 1), date(2149, 6, 6)


@dataclass(frozen=True, slots=True)
class Axes:
    """As of the end of a day, by what was known at a moment (aware)."""

    as_of: date
    known_at: datetime


def newest_axes(conn: Connection[Any], workspace: str) -> Axes:
    """Those of the newest computation; NotFound where there is none."""
    row = conn.execute(
        "select as_of, known_at from sakigake.computation where workspace = %s order by computed_at desc limit 1",
        (workspace,),
    ).fetchone()
    if row is None:
        raise NotFound(f"Nothing has been computed for workspace {workspace} yet; say: sakigake run")
    return Axes(*row)


def axes(conn: Connection[Any], workspace: str, zone: ZoneInfo, as_of: str | None, known_at: str | None) -> Axes:
    """The axes asked for; what is left out is as in the newest computation: its day, and all that is known by now.

    `as_of` is a day, `known_at` a day (its end) or a moment; ConfigError tells what else was met.
    """
    newest = newest_axes(conn, workspace)
    day = newest.as_of if as_of is None else day_of(as_of, "--as-of")
    if day > newest.as_of:
        raise ConfigError(f"--as-of is {day}, and the newest data is of {newest.as_of}; choose a day up to then.")
    return Axes(day, newest.known_at if known_at is None else _moment(known_at, zone))


def day_of(text: str, option: str) -> date:
    """The day that an option names; ConfigError tells what else was met."""
    try:
        day = date.fromisoformat(text)
    except ValueError as e:
        raise ConfigError(f"{option} is {text!r}, expected a day such as 2026-10-01.") from e
    if not _EARLIEST <= day <= _LATEST:
        raise ConfigError(f"{option} is {day}, expected a day from {_EARLIEST} to {_LATEST}.")
    return day


def _moment(text: str, zone: ZoneInfo) -> datetime:
    if len(text) <= len("2026-10-01"):
        end = day_of(text, "--known-at") + timedelta(days=1)
        return datetime.combine(end, time(), zone).astimezone(UTC) - timedelta(microseconds=1)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as e:
        raise ConfigError(
            f"--known-at is {text!r}, expected a day or a moment such as 2026-10-01 or 2026-10-01T09:00+09:00."
        ) from e
    day_of(moment.date().isoformat(), "--known-at")
    return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).astimezone(UTC)
