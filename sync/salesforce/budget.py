"""The day's API calls: ours, and everybody's in the organisation. Stops before the CRM has to."""

import threading
from collections import deque
from collections.abc import Callable

from sync.errors import QuotaExhausted

DAY = 24 * 3600.0
SHARE = 0.9  # of the organisation's calls, whoever made them: what is left belongs to people and to other integrations
BELIEVED = 600.0  # seconds for which the last told figure keeps us from asking again
_SLOT = 60.0


class Budget:
    """At most `ours` calls in any 24 hours of this process, and none while the organisation is nearly out of calls."""

    def __init__(self, ours: int | None, monotonic: Callable[[], float]) -> None:
        self.ours = ours
        self._monotonic = monotonic
        self._spent: deque[tuple[float, int]] = deque()  # (when a minute began, calls in it)
        self._told: tuple[int, int, float] | None = None
        self._lock = threading.Lock()

    def told(self, used: int | None, limit: int | None) -> None:
        """What a reply said of the whole organisation."""
        if used is not None and limit:
            self._told = (used, limit, self._monotonic())

    def spend(self) -> None:
        """Takes one call; QuotaExhausted where it must not be made."""
        now = self._monotonic()
        with self._lock:
            while self._spent and self._spent[0][0] <= now - DAY:
                self._spent.popleft()
            if self.ours is not None and sum(n for _, n in self._spent) >= self.ours:
                raise QuotaExhausted(
                    f"The daily budget of {self.ours} API calls set for this connection is used up.",
                    remedy="It frees itself within 24 hours; raise `daily_budget` in sakigake.yaml if that is too small.",
                )
            if self._told is not None:
                used, limit, at = self._told
                if used >= SHARE * limit and now - at < BELIEVED:
                    raise QuotaExhausted(
                        f"The organisation has used {used} of its {limit} API calls of the last 24 hours; we stop at {SHARE:.0%}.",
                        remedy="Reading goes on by itself when calls are free again; Setup > Company Information shows who uses them.",
                    )
            if self._spent and now - self._spent[-1][0] < _SLOT:
                began, n = self._spent.pop()
                self._spent.append((began, n + 1))
            else:
                self._spent.append((now, 1))
