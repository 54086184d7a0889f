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

    def now(self) -> datetime:
        """Aware UTC, with microseconds; each CRM rounds it to the precision it has on the wire."""
        return self._start + timedelta(seconds=time.monotonic() - self._began)

    def advance(self, days: float) -> datetime:
        """Jumps forward; returns the new time."""
        if days < 0:
            raise ValueError("the sandbox's clock only goes forward")
        self._start += timedelta(days=days)
        return self.now()
