"""Date literals such as TODAY and LAST_N_DAYS:7 as ranges of days in the organization's time zone."""

import re
from datetime import date, timedelta

Range = tuple[date, date]  # from the first day up to, not including, the second
_WORDS = re.compile(r"(YESTERDAY|TODAY|TOMORROW|(LAST|THIS|NEXT)_(WEEK|MONTH|YEAR)|(LAST|NEXT)_90_DAYS)")
_COUNTED = re.compile(r"(LAST|NEXT)_N_(DAYS|WEEKS|MONTHS|YEARS):(\d{1,5})|N_(DAYS|WEEKS|MONTHS|YEARS)_AGO:(\d{1,5})")


def days(word: str, today: date) -> Range | None:
    """The range a literal stands for on a day; None where there is no such literal. Weeks begin on Sunday."""
    if _WORDS.fullmatch(word):
        return _named(word, today)
    match = _COUNTED.fullmatch(word)
    if match is None:
        return None
    if match[4]:
        start = _shift(match[4], today, -int(match[5]))
        return start, _shift(match[4], start, 1)
    count = int(match[3])
    if match[2] == "DAYS":
        tomorrow = today + timedelta(days=1)
        return (
            (today - timedelta(days=count), tomorrow)
            if match[1] == "LAST"
            else (tomorrow, tomorrow + timedelta(days=count))
        )
    this = _shift(match[2], today, 0)
    after = _shift(match[2], today, 1)
    return (_shift(match[2], this, -count), this) if match[1] == "LAST" else (after, _shift(match[2], after, count))


def _named(word: str, today: date) -> Range:
    one = timedelta(days=1)
    match word:
        case "YESTERDAY":
            return today - one, today
        case "TODAY":
            return today, today + one
        case "TOMORROW":
            return today + one, today + 2 * one
        case "LAST_90_DAYS":
            return today - 90 * one, today + one
        case "NEXT_90_DAYS":
            return today + one, today + 91 * one
    when, unit = word.split("_")
    start = _shift(f"{unit}S", today, {"LAST": -1, "THIS": 0, "NEXT": 1}[when])
    return start, _shift(f"{unit}S", start, 1)


def _shift(unit: str, of: date, by: int) -> date:
    """The first day of the unit that holds a day, moved by so many units."""
    match unit:
        case "DAYS":
            return of + timedelta(days=by)
        case "WEEKS":
            return of - timedelta(days=(of.weekday() + 1) % 7) + timedelta(weeks=by)
        case "MONTHS":
            months = of.year * 12 + of.month - 1 + by
            return date(months // 12, months % 12 + 1, 1)
        case _:
            return date(of.year + by, 1, 1)
