"""Months of the calendar as the arithmetic has them."""

from calendar import monthrange
from collections.abc import Sequence
from datetime import date

import numpy as np

from indicators.inputs import Floats, day_number
from indicators.month import Month
from jobs.errors import ConfigError


def month_of(day: date, later: int = 0) -> Month:
    """The month of the day, or the one so many months later."""
    at = day.year * 12 + day.month - 1 + later
    first = date(at // 12, at % 12 + 1, 1)
    return Month(day_number(first), day_number(first.replace(day=monthrange(first.year, first.month)[1])))


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


def capacity_of(given: "dict[str, float]", types: Sequence[str]) -> Floats:
    """Entries a week at most [types]; NaN where the settings say nothing."""
    return np.array([given.get(name, np.nan) for name in types], np.float64)
