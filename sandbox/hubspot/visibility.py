"""Search sees late: for some seconds after a write it still answers from the version before it.

Rows keeps ids sorted, so that lists page by id without sorting; SearchLag keeps the older versions until their time is over.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from sandbox.store import Record

Fields = Mapping[str, Any]


class Rows:
    """Records of one object in the order of their numeric ids."""

    def __init__(self) -> None:
        self.ids: list[int] = []
        self.records: list[Record] = []

    def __len__(self) -> int:
        return len(self.ids)

    def __iter__(self) -> Iterator[Record]:
        return iter(self.records)

    def add(self, record: Record) -> None:
        number = int(record.id)
        if not self.ids or number > self.ids[-1]:
            self.ids.append(number)
            self.records.append(record)
            return
        place = bisect_left(self.ids, number)
        if self.ids[place] != number:
            self.ids.insert(place, number)
            self.records.insert(place, record)

    def discard(self, record: Record) -> None:
        number = int(record.id)
        place = bisect_left(self.ids, number)
        if place < len(self.ids) and self.ids[place] == number:
            del self.ids[place]
            del self.records[place]

    def page(self, after: int, limit: int) -> tuple[list[Record], bool]:
        """Up to `limit` records with an id of at least `after`, and whether more follow."""
        start = bisect_left(self.ids, after)
        return self.records[start : start + limit], start + limit < len(self.ids)


class SearchLag:
    """Which version of a record search may see now. `passed` tells seconds that only grow: the sandbox's clock, so that a jump ends the lag."""

    def __init__(self, seconds: float, passed: Callable[[], float]) -> None:
        self._seconds = seconds
        self._passed = passed
        self._versions: dict[str, dict[int, list[tuple[float, Fields | None]]]] = {}
        self._next: dict[str, float] = {}
        self.generation: dict[str, int] = {}

    @contextmanager
    def lasting(self, seconds: float | None) -> Iterator[None]:
        """Within the block, new versions stay unseen for this many seconds in place of the usual ones; None changes nothing."""
        usual = self._seconds
        self._seconds = usual if seconds is None else seconds
        try:
            yield
        finally:
            self._seconds = usual

    def touched(self, object_name: str) -> None:
        """Says that cached search results of an object are stale."""
        self.generation[object_name] = self.generation.get(object_name, 0) + 1

    def note(self, object_name: str, record_id: str, before: Fields | None, after: Fields | None) -> None:
        """A record went from one version to another; None is absent (not yet created, archived)."""
        self.touched(object_name)
        if self._seconds <= 0:
            return
        visible = self._passed() + self._seconds
        versions = self._versions.setdefault(object_name, {}).setdefault(int(record_id), [(0.0, before)])
        versions.append((visible, None if after is None else dict(after)))
        self._next[object_name] = min(visible, self._next.get(object_name, visible))

    def overlay(self, object_name: str) -> dict[int, Fields | None]:
        """By id, the versions that search sees in place of the current ones."""
        pending = self._versions.get(object_name)
        if not pending:
            return {}
        now = self._passed()
        if now >= self._next.get(object_name, 0.0):
            self._expire(object_name, pending, now)
        return {number: versions[0][1] for number, versions in pending.items()}

    def _expire(self, object_name: str, pending: dict[int, list[tuple[float, Fields | None]]], now: float) -> None:
        for number in list(pending):
            versions = pending[number]
            while len(versions) > 1 and versions[1][0] <= now:
                versions.pop(0)
            if len(versions) == 1:
                del pending[number]
        self._next[object_name] = min((v[1][0] for v in pending.values()), default=float("inf"))
        self.touched(object_name)
