"""The org: its records, its schema, its clock, and quick ways to read an object's rows in the orders that queries ask for."""

import bisect
import copy
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cached_property

from sandbox.clock import Clock
from sandbox.salesforce import ids, stamps
from sandbox.salesforce.fields import INTEGRATION_ID, is_deleted
from sandbox.salesforce.schema import Object, Schema
from sandbox.settings import SandboxSettings
from sandbox.store import Record, Store

_NEIGHBOURS = 64
BIN_KEEPS = timedelta(days=15)


class Index:
    """An object's rows as of one version: everything that is not purged and already visible, deleted rows included."""

    def __init__(self, rows: Iterable[Record]) -> None:
        self._rows = list(rows)

    @cached_property
    def scattered(self) -> list[Record]:
        """The order of a query without ORDER BY: no order that a client could come to rely on."""
        return scattered(self._rows)

    @cached_property
    def by_stamp(self) -> list[Record]:
        return sorted(self._rows, key=lambda r: (r.modified_at, r.id))

    @cached_property
    def by_id(self) -> list[Record]:
        return sorted(self._rows, key=lambda r: r.id)

    def since(self, bound: datetime) -> int:
        """Where in `by_stamp` the rows with this stamp or a later one begin."""
        return bisect.bisect_left(self.by_stamp, bound, key=lambda r: r.modified_at)

    def from_id(self, bound: str) -> int:
        return bisect.bisect_left(self.by_id, bound, key=lambda r: r.id)


def scattered(rows: list[Record]) -> list[Record]:
    """The rows out of order, yet near their neighbours: a shuffle of the whole would read memory at random, ten times slower."""
    out: list[Record] = []
    for start in range(0, len(rows), _NEIGHBOURS):
        out += sorted(rows[start : start + _NEIGHBOURS], key=lambda r: zlib.crc32(r.id.encode()))
    return out


@dataclass(slots=True)
class _Late:
    """A version that queries do not see yet; until then they see `before`, which is None for a new record."""

    visible_at: datetime
    before: Record | None


class Org:
    def __init__(self, clock: Clock, settings: SandboxSettings) -> None:
        self.clock = clock
        self.settings = settings
        self.started = clock.now()
        self.schema = Schema(self.started)
        self.store = Store("salesforce", self._mint)
        self.delete_log_since: dict[str, datetime] = {}
        self._version: dict[str, int] = {}
        self._indexes: dict[str, tuple[tuple[int, ...], Index]] = {}
        self._late: dict[tuple[str, str], _Late] = {}
        self._bin_emptied_on = self.today()

    @property
    def organization_id(self) -> str:
        return ids.mint("00D", 1)

    @property
    def user_id(self) -> str:
        return INTEGRATION_ID

    def _mint(self, object_name: str, serial: int) -> str:
        return ids.mint(self.schema.objects[object_name].prefix, serial)

    def now(self) -> datetime:
        """The stamp of a write made at this moment."""
        return stamps.floor(self.clock.now())

    def today(self) -> date:
        return stamps.today(self.clock.now())

    def touch(self, object_name: str) -> None:
        """Must follow every change of an object's rows: what was indexed of it is read anew."""
        self._version[object_name] = self._version.get(object_name, 0) + 1

    def hold_back(self, record: Record, until: datetime, before: Record | None) -> None:
        """Lets queries see the record's present version only from `until` on."""
        record.visible_at = until
        self._late[record.object, record.id] = _Late(until, before)
        self.touch(record.object)

    def settle(self) -> None:
        """Makes visible what has become due, and empties the recycle bin of what is too old. Call it before reading."""
        if self.today() != self._bin_emptied_on:
            self._bin_emptied_on = self.today()
            self._empty_bin()
        if self._late:
            now = self.clock.now()
            for key in [k for k, late in self._late.items() if late.visible_at <= now]:
                del self._late[key]
                self.touch(key[0])

    def _empty_bin(self) -> None:
        limit = self.clock.now() - BIN_KEEPS
        for name, table in self.store.objects.items():
            old = [r for r in table.values() if r.deleted_at is not None and r.deleted_at < limit and not r.purged]
            for r in old:
                self.store.purge(r)
            if old:
                self.touch(name)

    def covered_until(self, end: datetime) -> datetime:
        """The time up to which the org vouches that a feed has shown everything: before the oldest version held back."""
        held = [r.modified_at for (o, i), _ in self._late.items() if (r := self.store.get(o, i)) is not None]
        return min([end, self.clock.now(), *held])

    def index(self, obj: Object) -> Index:
        names = obj.rows_depend_on or (obj.name,)
        version = tuple(self._version.get(n, 0) for n in names)
        known = self._indexes.get(obj.name)
        if known is None or known[0] != version:
            source = obj.rows() if obj.rows else self.store.table(obj.name).values()
            known = self._indexes[obj.name] = (version, Index(self._visible(obj, source)))
        return known[1]

    def _visible(self, obj: Object, source: Iterable[Record]) -> Iterable[Record]:
        if not self._late:
            return (r for r in source if not r.purged)
        if obj.rows:
            return (r for r in source if not r.purged and self._told(obj, r))
        return (seen for r in source if not r.purged and (seen := self._as_seen(r)) is not None)

    def _told(self, obj: Object, r: Record) -> bool:
        """Whether a row of history belongs to a version that can be seen already."""
        for of in obj.rows_depend_on:
            late = next((v for (o, i), v in self._late.items() if o == of and i in r.fields.values()), None)
            if late is not None:
                return late.before is not None and r.modified_at <= late.before.modified_at
        return True

    def _as_seen(self, r: Record) -> Record | None:
        late = self._late.get((r.object, r.id))
        return r if late is None else late.before

    def find(self, obj: Object, record_id: str) -> Record | None:
        """A record by its 18-character id as a reader sees it, deleted ones included, purged ones not."""
        if obj.rows:
            at = self.index(obj)
            place = at.from_id(record_id)
            found = at.by_id[place] if place < len(at.by_id) else None
            return found if found is not None and found.id == record_id else None
        r = self.store.get(obj.name, record_id)
        return None if r is None or r.purged else self._as_seen(r)

    def parent(self, names: tuple[str, ...], record_id: str | None) -> Record | None:
        if record_id is None:
            return None
        for name in names:
            r = self.store.get(name, record_id)
            if r is not None and not r.purged:
                return r
        return None

    def count(self, obj: Object) -> int:
        """What recordCount and COUNT() without conditions are about: rows outside the recycle bin."""
        return sum(1 for r in self.index(obj).by_id if not is_deleted(r))


def as_it_was(r: Record) -> Record:
    """A copy that later changes of the record do not reach."""
    kept = copy.copy(r)
    kept.fields = dict(r.fields)
    kept.changes = list(r.changes)
    return kept
