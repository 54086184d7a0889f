"""Months of the calendar as the arithmetic has them."""

from calendar import monthrange
from collections.abc import Mapping, Sequence
from datetime import date, timedelta

import numpy as np

from indicators.inputs import Floats, day_number
from indicators.month import Month
from jobs.errors import ConfigError

WEEK = 7


def month_of(day: date, later: int = 0) -> Month:
    """The month of the day, or the one so many months later."""
    at = day.year * 12 + day.month - 1 + later
    first = date(at // 12, at % 12 + 1, 1)
    return Month(day_number(first), day_number(first.replace(day=monthrange(first.year, first.month)[1])))


def month_to_plan(day: date, months: Mapping[str, int], fallback: int | None) -> date:
    """The first day of the month that is worth planning on a day: its own, or the next where under a week is left of it.

    `months` and `fallback` say how many deals are wanted: where nobody has said it of the next month alone, the day's own is taken.
    """
    own = day.replace(day=1)
    left = monthrange(day.year, day.month)[1] - day.day
    following = (own + timedelta(days=31)).replace(day=1)
    asked_only_now = f"{own:%Y-%m}" in months and fallback is None and f"{following:%Y-%m}" not in months
    return own if left >= WEEK or asked_only_now else following


def read_month(text: str) -> date:
    """The first day of a month written YYYY-MM; ConfigError names what was met."""
    try:
        if len(text) != 7:
            raise ValueError
        found = date.fromisoformat(f"{text}-01")
    except ValueError as e:
        raise ConfigError(f"--month is {text!r}, expected a month such as 2026-12.") from e
    if not 2000 <= found.year < 2148:
        raise ConfigError(f"--month is {text!r}, expected a month from 2000-01 to 2147-12.")
    return found


def mix_of(given: "dict[str, float]", types: Sequence[str]) -> Floats | None:
    """Weights of new entries [types]; None where the settings say nothing."""
    return np.array([given.get(name, 0.0) for name in types], np.float64) if given else None


def capacity_of(given: "dict[str, float]", types: Sequence[str]) -> Floats:
    """Entries a week at most [types]; NaN where the settings say nothing."""
    return np.array([given.get(name, np.nan) for name in types], np.float64)
