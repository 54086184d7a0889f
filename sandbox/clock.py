"""The one clock of the sandbox: it starts at the world's as-of day, ticks with real seconds, and only `advance` jumps it."""

import time
from datetime import UTC, datetime, timedelta


class Clock:
    """Tells the sandbox's time. Token expiry and rate windows use `time.monotonic` instead: they run on real seconds."""

    def __init__(self, start: datetime) -> None:
        if start.tzinfo is None:
            raise ValueError(f"the clock needs an aware start, got {start.isoformat()}")
        self._start = start.astimezone(UTC)
        self._began = time.monotonic()
        self._jumped = 0.0

    def now(self) -> datetime:
        """Aware UTC, with microseconds; each CRM rounds it to the precision it has on the wire."""
        return self._start + timedelta(seconds=self.passed())

    def passed(self) -> float:
        """Seconds since the start, those that `advance` jumped over with them."""
        return time.monotonic() - self._began + self._jumped

    def advance(self, days: float) -> datetime:
        """Jumps forward; returns the new time."""
        if days < 0:
            raise ValueError("the sandbox's clock only goes forward")
        self._jumped += timedelta(days=days).total_seconds()
        return self.now()
