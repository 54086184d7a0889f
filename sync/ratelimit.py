"""Stays inside a CRM's rate limits from our side, so that a refusal is the exception.

A sliding window: no stretch of `per` seconds holds more than `limit` calls. A refusal (429) halves the pace; every quiet window
gives a tenth of it back. One limiter is shared by all threads of a connection.
"""

import threading
import time
from collections import deque
from collections.abc import Callable


class RateLimiter:
    """At most `limit` calls in any `per` seconds.

    The window is kept one per cent longer than told, since the server counts arrivals and not departures. What the CRM says later
    lowers the limit; where it is not `fixed`, but only a first guess, it may raise it too.
    """

    LONGEST_PAUSE = (
        60.0  # seconds; a header that asks for more is not believed here: the retry policy decides how long to go on
    )

    def __init__(
        self,
        limit: int,
        per: float,
        *,
        sleep: Callable[[float], None] = time.sleep,
        monotonic: Callable[[], float] = time.monotonic,
        margin: float | None = None,
        fixed: bool = True,
    ) -> None:
        if limit < 1 or per <= 0:
            raise ValueError(f"a rate needs at least 1 call in more than 0 seconds, got {limit} in {per}")
        self._limit = limit
        self._most = limit if fixed else None
        self._window = per + (per * 0.01 if margin is None else margin)
        self._sleep = sleep
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._calls: deque[float] = deque()
        self._allowed = limit
        self._closed_until = float("-inf")
        self._slowed_at = float("-inf")

    @property
    def allowed(self) -> int:
        """Calls a window at the present pace."""
        return self._allowed

    def acquire(self) -> float:
        """Waits for a place and takes it; returns the seconds waited."""
        waited = 0.0
        while True:
            with self._lock:
                wait = self._wait(self._monotonic())
                if wait <= 0:
                    self._calls.append(self._monotonic())
                    return waited
            self._sleep(wait)
            waited += wait

    def slow_down(self, after: float | None = None) -> None:
        """Halves the pace, and lets no call go for `after` seconds. Several refusals of one window halve it once."""
        with self._lock:
            now = self._monotonic()
            if now - self._slowed_at >= self._window / 2:
                self._allowed = max(1, self._allowed // 2)
                self._slowed_at = now
            if after is not None and after > 0:
                self._closed_until = max(self._closed_until, now + min(after, self.LONGEST_PAUSE))

    def told_limit(self, limit: int) -> None:
        """The CRM says how much it allows: never more than that, nor more than a fixed limit."""
        with self._lock:
            told = limit if self._most is None else min(limit, self._most)
            if told < 1 or told == self._limit:
                return
            # at full pace the new limit holds at once; a pace slowed by a refusal grows back to it
            self._allowed = told if self._allowed == self._limit else min(self._allowed, told)
            self._limit = told

    def _wait(self, now: float) -> float:
        """Seconds until a place is free; 0 where there is one. Forgets calls that have left the window."""
        while self._allowed < self._limit and now - self._slowed_at >= self._window:
            self._allowed = min(self._limit, self._allowed + max(1, self._limit // 10))
            self._slowed_at += self._window
        while self._calls and now - self._calls[0] >= self._window:
            self._calls.popleft()
        if now < self._closed_until:
            return self._closed_until - now
        if len(self._calls) < self._allowed:
            return 0.0
        # the call that has to leave the window before another may go
        leaving = self._calls[len(self._calls) - self._allowed]
        return max(self._window - (now - leaving), 1e-6)
