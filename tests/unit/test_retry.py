"""Trying again: how often, how long, and never where it cannot help."""

from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync.errors import (
    BadReply,
    LoginRefused,
    QuotaExhausted,
    RateLimited,
    Reauthenticate,
    Retry,
    SkipRecord,
    SyncError,
    Unreachable,
)
from sync.retry import Patience


@dataclass
class Hours:
    """A clock that moves only while somebody sleeps, or by `cost` a call."""

    now: float = 0.0
    slept: list[float] = field(default_factory=list)

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds

    def read(self) -> float:
        return self.now


def script(*steps: SyncError | str) -> Callable[[], str]:
    """Raises or returns one step a call; IndexError when called more often than scripted."""
    left = list(steps)

    def send() -> str:
        step = left.pop(0)
        if isinstance(step, SyncError):
            raise step
        return step

    return send


def patience(hours: Hours, **changes) -> Patience:
    return Patience(sleep=hours.sleep, monotonic=hours.read, **changes)


def test_a_call_that_fails_twice_succeeds_the_third_time() -> None:
    hours = Hours()
    assert patience(hours).call(script(Unreachable("503"), Retry("locked"), "done")) == "done"
    assert len(hours.slept) == 2


def test_waits_grow_and_stay_under_the_cap() -> None:
    hours = Hours()
    with pytest.raises(Unreachable):
        patience(hours, attempts=12, deadline=1e9, longest_wait=8.0, chance=lambda: 1.0).call(
            script(*[Unreachable("503")] * 12)
        )
    assert hours.slept == [1.0, 2.0, 4.0] + [8.0] * 8


@pytest.mark.parametrize(("asked", "least"), [(7.0, 7.0), (1e9, 30.0)])
def test_a_wait_the_crm_asked_for_is_honoured_but_never_absurd(asked: float, least: float) -> None:
    hours = Hours()
    assert patience(hours).call(script(RateLimited("429", after=asked), "done")) == "done"
    assert least <= hours.slept[0] <= least + 1.0


def test_the_last_error_reaches_the_caller_when_attempts_are_used_up() -> None:
    with pytest.raises(Unreachable, match="third"):
        patience(Hours(), attempts=3).call(script(Unreachable("first"), Unreachable("second"), Unreachable("third")))


def test_no_wait_begins_that_would_end_after_the_deadline() -> None:
    hours = Hours()
    with pytest.raises(RateLimited):
        patience(hours, deadline=65.0, attempts=99).call(script(*[RateLimited("429", after=30.0)] * 99))
    assert hours.now <= 65.0
    assert len(hours.slept) == 2


def test_time_that_the_calls_themselves_take_counts_for_the_deadline() -> None:
    hours = Hours()

    def slow() -> str:
        hours.now += 50.0
        raise Unreachable("timed out")

    with pytest.raises(Unreachable):
        patience(hours, deadline=120.0, attempts=99).call(slow)
    assert hours.now < 200.0


@pytest.mark.parametrize("error", [BadReply("loop"), QuotaExhausted("day"), LoginRefused("secret"), SkipRecord("one")])
def test_nothing_is_repeated_where_a_person_must_act_or_only_one_record_is_bad(error: SyncError) -> None:
    hours = Hours()
    with pytest.raises(type(error)):
        patience(hours).call(script(error))
    assert hours.slept == []


def test_an_expired_token_is_renewed_once_without_waiting() -> None:
    hours, renewals = Hours(), []
    assert patience(hours).call(script(Reauthenticate("401"), "done"), renew=lambda: renewals.append(1)) == "done"
    assert (renewals, hours.slept) == ([1], [])


def test_a_second_refusal_after_renewal_is_a_refused_login_not_a_loop() -> None:
    renewals = []
    with pytest.raises(LoginRefused, match="refused"):
        patience(Hours()).call(
            script(Reauthenticate("401", status=401), Reauthenticate("401", status=401)),
            renew=lambda: renewals.append(1),
        )
    assert renewals == [1]


def test_a_token_that_expires_again_after_other_errors_is_not_renewed_twice() -> None:
    renewals = []
    with pytest.raises(LoginRefused):
        patience(Hours()).call(
            script(Reauthenticate("401"), Unreachable("503"), Reauthenticate("401")), renew=lambda: renewals.append(1)
        )
    assert renewals == [1]


def test_every_wait_is_told() -> None:
    heard = []
    hours = Hours()
    patience(hours, told=lambda error, wait: heard.append((str(error), wait))).call(script(Unreachable("503"), "done"))
    assert heard == [("503", hours.slept[0])]


@given(
    st.lists(st.one_of(st.none(), st.floats(min_value=-10, max_value=1e12)), min_size=1, max_size=40),
    st.floats(min_value=0, max_value=1000),
)
def test_however_the_crm_answers_attempts_and_time_are_bounded(asked: list[float | None], deadline: float) -> None:
    hours, sent = Hours(), []

    def send() -> None:
        sent.append(1)
        raise RateLimited("429", after=asked[len(sent) % len(asked)])

    with pytest.raises(RateLimited):
        patience(hours, deadline=deadline, attempts=9).call(send)
    assert len(sent) <= 9
    assert hours.now <= deadline
    assert all(0 < wait <= 31.0 for wait in hours.slept)
