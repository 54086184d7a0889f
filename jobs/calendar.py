"""The days that people work in a workspace: the country's holidays by the library `holidays`, and the company's own closures."""

from datetime import date
from functools import lru_cache

from indicators.business_days import BusinessDays
from indicators.inputs import day_number
from jobs.errors import ConfigError
from jobs.settings import Calendar

FIRST_YEAR = 2000


def business_days(calendar: Calendar, as_of: date) -> BusinessDays:
    """Holidays from 2000 to the year after `as_of`, and the closures. ConfigError for a country that the library does not know."""
    return _business_days(calendar.holidays, tuple(sorted(set(calendar.closed_days()))), as_of.year + 1)


@lru_cache(maxsize=8)
def _business_days(country: str, closures: tuple[date, ...], last_year: int) -> BusinessDays:
    off = set(closures)
    if country != "none":
        import holidays

        try:
            off |= set(holidays.country_holidays(country, years=range(FIRST_YEAR, last_year + 1)))
        except NotImplementedError as e:
            raise ConfigError(
                f"calendar.holidays names {country}, whose holidays are not known; write a country such as JP, or none."
            ) from e
    return BusinessDays.of(sorted(day_number(day) for day in off))
