"""Tries again where the error family says that it may help, and nowhere else.

    Retry           waits (exponentially, with jitter; at least as long as the CRM asked, up to a cap) and tries again
    Reauthenticate  one renewal of the token, one more try; a second one means that the login itself is refused
    everything else goes straight to the caller

Attempts and time are both bounded: the error that reaches the caller is the last one met.
"""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from tenacity import RetryCallState, Retrying, retry_if_exception_type

from sync.errors import LoginRefused, Reauthenticate, Retry, SyncError

T = TypeVar("T")
Told = Callable[[SyncError, float], None]
"""Hears of every wait: the error met, and the seconds until the next try. For logs and metrics."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long one call may be tried: at most `attempts` times and `deadline` seconds in all, waits included.

    Waits grow from `first_wait` to `longest_wait` seconds, each shortened by chance so that many callers do not return at once.
    Where the CRM said how long to wait, that is the least, but never beyond `longest_wait`: a header may be absurd.
    """

    attempts: int = 6
    deadline: float = 180.0
    first_wait: float = 0.5
    longest_wait: float = 30.0
    sleep: Callable[[float], None] = time.sleep
    monotonic: Callable[[], float] = time.monotonic
    chance: Callable[[], float] = random.random  # in [0, 1)
    told: Told | None = None

    def call(self, send: Callable[[], T], *, renew: Callable[[], None] | None = None) -> T:
        """What `send` returns at last. `renew` gets a new token; it is called at most once.

        Raises what `send` raised last, or LoginRefused where a fresh token is refused too. Each `send` must itself be safe to repeat:
        a write whose reply may be lost is not, and must not raise Retry.
        """
        began = self.monotonic()
        renewed = False

        def once() -> T:
            nonlocal renewed
            try:
                return send()
            except Reauthenticate as expired:
                if renew is None or renewed:
                    raise _still_refused(expired) from expired
                renewed = True
                renew()
            try:
                return send()
            except Reauthenticate as again:
                raise _still_refused(again) from again

        def enough(state: RetryCallState) -> bool:
            return (
                state.attempt_number >= self.attempts or self.monotonic() - began + state.upcoming_sleep > self.deadline
            )

        def waits(state: RetryCallState) -> None:
            error = state.outcome.exception() if state.outcome else None
            if self.told is not None and isinstance(error, SyncError):
                self.told(error, state.upcoming_sleep)

        retrying = Retrying(
            retry=retry_if_exception_type(Retry),
            wait=self.wait,
            stop=enough,
            before_sleep=waits,
            sleep=self.sleep,
            reraise=True,
        )
        return retrying(once)

    def wait(self, state: RetryCallState) -> float:
        """Seconds until the next try."""
        # 2 ** 32 overflows nothing and is beyond any cap; attempts may be many
        longest = min(self.first_wait * 2.0 ** min(state.attempt_number, 32), self.longest_wait)
        drawn = longest * (0.5 + 0.5 * self.chance())
        error = state.outcome.exception() if state.outcome else None
        asked = error.after if isinstance(error, Retry) else None
        if asked is None or asked <= 0:
            return drawn
        least = min(asked, self.longest_wait)
        return least + min(least, 1.0) * self.chance()


def _still_refused(error: Reauthenticate) -> LoginRefused:
    return LoginRefused(
        f"A fresh login was refused at once: {error.message}",
        remedy=error.remedy
        or "Check that the integration user is active and that its session policy allows this address.",
        status=error.status,
        code=error.code,
    )
