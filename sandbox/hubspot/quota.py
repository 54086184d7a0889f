"""Rate limits with HubSpot's headers and bodies. Windows run on real seconds; the day ends at midnight of the account."""

import time
from collections import deque
from collections.abc import Callable
from datetime import datetime, timedelta
from uuid import uuid4
from zoneinfo import ZoneInfo

from sandbox.clock import Clock
from sandbox.hubspot.errors import HubspotError
from sandbox.hubspot.wire import APP_ID
from sandbox.settings import SandboxSettings

WINDOW_S = 10.0


class Quota:
    """Admits or refuses calls. None of the 429s carries a Retry-After, as none of the real ones that were recorded did."""

    def __init__(
        self, settings: SandboxSettings, clock: Clock, zone: ZoneInfo, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._zone = zone
        self._monotonic = monotonic
        self._burst: deque[float] = deque()
        self._searches: deque[float] = deque()
        self._day: object = None
        self._used = 0

    def admit(self, *, search: bool, private: bool) -> dict[str, str]:
        """Counts one call and gives the headers of its reply; raises the 429."""
        self._turn_day()
        self._used += 1
        if not self._settings.limits:
            return {}
        if private and self._used > self._settings.hubspot_daily_limit:
            raise self._refused("daily", "DAILY", "publicapi:private-app-api-calls-daily", requestId=str(uuid4()))
        if search:
            self._admit_search()
            return {}
        limit = self._settings.hubspot_ten_second_limit
        now = self._forget(self._burst, WINDOW_S)
        if len(self._burst) >= limit:
            raise self._refused(
                "ten_secondly_rolling", "TEN_SECONDLY_ROLLING", "publicapi:private-app-api-calls-ten-secondly"
            )
        self._burst.append(now)
        last_second = sum(1 for at in self._burst if at > now - 1.0)
        headers = {
            "X-HubSpot-RateLimit-Interval-Milliseconds": "10000",
            "X-HubSpot-RateLimit-Max": str(limit),
            "X-HubSpot-RateLimit-Remaining": str(limit - len(self._burst)),
            "X-HubSpot-RateLimit-Secondly": str(max(1, limit // 10)),
            "X-HubSpot-RateLimit-Secondly-Remaining": str(max(0, limit // 10 - last_second)),
        }
        if private:
            headers["X-HubSpot-RateLimit-Daily"] = str(self._settings.hubspot_daily_limit)
            headers["X-HubSpot-RateLimit-Daily-Remaining"] = str(self._settings.hubspot_daily_limit - self._used)
        return headers

    def _admit_search(self) -> None:
        now = self._forget(self._searches, 1.0)
        if len(self._searches) >= self._settings.hubspot_searches_per_second:
            raise HubspotError(429, "You have reached your secondly limit.", "RATE_LIMITS")
        self._searches.append(now)

    def _forget(self, calls: deque[float], seconds: float) -> float:
        now = self._monotonic()
        while calls and calls[0] <= now - seconds:
            calls.popleft()
        return now

    def _refused(self, words: str, policy: str, group: str, **extra: str) -> HubspotError:
        self._used -= 1
        return HubspotError(
            429,
            f"You have reached your {words} limit.",
            errorType="RATE_LIMIT",
            policyName=policy,
            groupName=f"{group}:{APP_ID}",
            **extra,
        )

    def _turn_day(self) -> None:
        today = self._clock.now().astimezone(self._zone).date()
        if today != self._day:
            self._day, self._used = today, 0

    def usage(self) -> tuple[int, datetime]:
        """Calls used today, and when the count starts afresh."""
        self._turn_day()
        here = self._clock.now().astimezone(self._zone)
        midnight = here.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
        return self._used, midnight
