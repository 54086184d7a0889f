"""Ten minutes in which a CRM answers everything with 429, on a clock of the test's own: few calls, capped waits, and then business as usual."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest

from sync.connector import Connector
from sync.errors import RateLimited
from sync.hubspot import AccessToken, HubspotConnector
from tests.salesforce_org import ACCOUNT, error, org
from tests.scripted_http import Answer, Asked, Script, scripted

STORM = 600.0  # seconds
CYCLE = 60.0  # seconds from a failure to the next run
BEGAN = datetime(2026, 10, 31, tzinfo=UTC)
BURST = {"status": "error", "errorType": "RATE_LIMIT", "policyName": "TEN_SECONDLY_ROLLING", "message": "slow down"}


@dataclass
class Hours:
    now: float = 0.0
    waits: list[float] = field(default_factory=list)

    def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.now += seconds

    def monotonic(self) -> float:
        return self.now

    def date(self, later: float = 0.0) -> str:
        return format_datetime(BEGAN + timedelta(seconds=self.now + later), usegmt=True)


HEADERS: dict[str, Callable[[Hours], dict[str, str]]] = {
    "none": lambda _: {},
    "seconds": lambda _: {"Retry-After": "5"},
    "date": lambda hours: {"Retry-After": hours.date(8.0)},
    "past date": lambda hours: {"Retry-After": hours.date(-3600.0)},
    "far date": lambda _: {"Retry-After": "Fri, 01 Jan 2199 00:00:00 GMT"},
    "absurd": lambda _: {"Retry-After": "1000000000"},
    "nonsense": lambda _: {"Retry-After": "soon"},
}


@contextmanager
def crm(name: str, hours: Hours, header: Callable[[Hours], dict[str, str]]) -> Iterator[tuple[Connector, Script]]:
    """A connector whose every read is refused until the storm is over."""
    if name == "salesforce":

        def salesforce(asked: Asked) -> Answer:
            if "/describe" not in asked.path or hours.now >= STORM:
                return ACCOUNT
            return error(429, "REQUEST_RATE", **header(hours))

        with org(salesforce) as place:
            sf = place.connector(sleep=hours.sleep, monotonic=hours.monotonic, deadline=180.0)
            yield sf, place.script
            sf.close()
        return

    def hubspot(_asked: Asked) -> Answer:
        if hours.now >= STORM:
            return Answer(
                {"results": [{"name": "dealname", "label": "n", "type": "string", "fieldType": "text"}]},
                date=hours.date(),
            )
        return Answer(BURST, 429, header(hours), date=hours.date())

    with scripted(hubspot) as script:
        hs = HubspotConnector(
            "hubspot", AccessToken("token"), url=script.url, ten_second_limit=100,
            sleep=hours.sleep, monotonic=hours.monotonic,
        )  # fmt: skip
        yield hs, script
        hs.close()


@pytest.mark.parametrize("name", ["salesforce", "hubspot"])
@pytest.mark.parametrize("header", HEADERS.values(), ids=list(HEADERS))
def test_a_storm_of_ten_minutes_is_met_with_few_calls_and_capped_waits(
    name: str, header: Callable[[Hours], dict[str, str]]
) -> None:
    hours = Hours()
    asked_at: list[float] = []
    with crm(name, hours, header) as (connector, script):
        failures, done = 0, False
        while not done and failures < 50:
            began, before = hours.now, len(script.asked)
            try:
                connector.describe("Account" if name == "salesforce" else "deals")
                done = True
            except RateLimited:
                failures += 1
                assert hours.now - began <= 180 + 60, "one call is given up in time"
                asked_at += [began] * (len(script.asked) - before)
                hours.sleep(CYCLE)
        assert done
        assert failures >= 2
        assert hours.now <= STORM + 180 + CYCLE, "it goes on soon after the storm"
        assert min(hours.waits) >= 0
        assert max(hours.waits) <= 61
        most_in_a_minute = max(sum(at <= other < at + 60 for other in asked_at) for at in asked_at)
        assert most_in_a_minute <= 12, "against 600 that are allowed"
        assert len(asked_at) <= 60
        made: Any = connector.calls()
        assert sum(made.values()) == len(script.asked), "every call was counted, refused ones too"


def test_the_pace_falls_in_a_storm_and_comes_back_after_it() -> None:
    hours = Hours()
    with crm("hubspot", hours, HEADERS["none"]) as (connector, _):
        limiter = connector._transport._calls  # type: ignore[attr-defined]
        assert limiter.allowed == 100
        with pytest.raises(RateLimited):
            connector.describe("deals")
        assert limiter.allowed < 100
        hours.now = STORM
        for _ in range(30):
            hours.sleep(11)
            limiter.acquire()
        assert limiter.allowed == 100
