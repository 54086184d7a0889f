"""What one CRM of the sandbox holds: records, their change history, and the ledger of every write applied.

Pure state: no HTTP, no wire formats. Both vendors' sides build their replies from it, and `/_sandbox/ledger` prints it as the truth.
"""

import itertools
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sandbox.refusals import Refusals

Fields = dict[str, Any]
_applied = itertools.count(1)  # of all CRMs: Salesforce's whole seconds cannot order its writes among HubSpot's


@dataclass(slots=True)
class FieldChange:
    """One field of one record took a new value."""

    seq: int
    field: str
    old: Any
    new: Any
    at: datetime
    by: str  # "user" for people, otherwise the id of the API client's user


@dataclass(slots=True)
class Record:
    """One row of a CRM object. `fields` holds values of the business; system fields are the attributes."""

    object: str
    id: str
    fields: Fields
    created_at: datetime
    modified_at: datetime  # the stamp that the CRM shows: SystemModstamp, hs_lastmodifieddate
    created_by: str = "user"
    modified_by: str = "user"
    visible_at: datetime | None = None  # when search or queries begin to see this version; None is at once
    deleted_at: datetime | None = None  # recycle bin, archive
    purged: bool = False  # gone from every feed (hard delete, GDPR)
    merged_into: str | None = None
    changes: list[FieldChange] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Write:
    """One write that an API client made and the CRM applied. `seq` rises over all CRMs."""

    seq: int
    at: datetime
    crm: str
    object: str
    id: str
    fields: Fields
    request_id: str


class Store:
    """The records of one CRM. `mint` makes the id of a new record of an object, as that CRM forms it."""

    def __init__(self, crm: str, mint: Callable[[str, int], str]) -> None:
        self.crm = crm
        self._mint = mint
        self._serial: dict[str, int] = {}
        self._seq = 0
        self.objects: dict[str, dict[str, Record]] = {}
        self.writes: list[Write] = []
        self.refusals = Refusals()

    def next_seq(self) -> int:
        self._seq += 1
        return self._seq

    def table(self, object_name: str) -> dict[str, Record]:
        """All records of an object by id, purged and merged ones included; made empty at first use."""
        return self.objects.setdefault(object_name, {})

    def get(self, object_name: str, record_id: str) -> Record | None:
        return self.table(object_name).get(record_id)

    def live(self, object_name: str) -> Iterator[Record]:
        """Records that are neither deleted, merged away nor purged, in order of creation."""
        return (
            r
            for r in self.table(object_name).values()
            if r.deleted_at is None and r.merged_into is None and not r.purged
        )

    def new_ids(self, object_name: str, count: int) -> list[str]:
        """Ids for records that are made in bulk beside `create`; they are used up."""
        first = self._serial.get(object_name, 0) + 1
        self._serial[object_name] = first + count - 1
        return [self._mint(object_name, serial) for serial in range(first, first + count)]

    def create(
        self, object_name: str, fields: Fields, at: datetime, *, by: str = "user", record_id: str | None = None
    ) -> Record:
        """Adds a record; its first values count as changes from None, so that a stage's first entry is in its history."""
        if record_id is None:
            serial = self._serial[object_name] = self._serial.get(object_name, 0) + 1
            record_id = self._mint(object_name, serial)
        record = Record(object_name, record_id, dict(fields), at, at, by, by)
        record.changes = [FieldChange(self.next_seq(), k, None, v, at, by) for k, v in fields.items() if v is not None]
        self.table(object_name)[record_id] = record
        return record

    def update(self, record: Record, fields: Fields, at: datetime, *, by: str = "user", silent: bool = False) -> bool:
        """Sets values and moves the stamp (also when nothing differs, as both CRMs do); `silent` keeps the stamp, as for
        formula and calculated fields. Returns whether any value changed.
        """
        changed = False
        for name, new in fields.items():
            old = record.fields.get(name)
            if old != new:
                record.changes.append(FieldChange(self.next_seq(), name, old, new, at, by))
                record.fields[name] = new
                changed = True
        if not silent:
            record.modified_at, record.modified_by = max(at, record.modified_at), by
        return changed

    def log_write(self, record: Record, fields: Fields, at: datetime, request_id: str) -> None:
        """Notes that an API client's write was applied. Call it once for each record and request that took effect."""
        self.writes.append(Write(next(_applied), at, self.crm, record.object, record.id, dict(fields), request_id))

    def delete(self, record: Record, at: datetime, *, by: str = "user", moves_stamp: bool = True) -> None:
        """Puts a record into the recycle bin or archive."""
        record.deleted_at = at
        if moves_stamp:
            record.modified_at, record.modified_by = at, by

    def undelete(self, record: Record, at: datetime, *, by: str = "user") -> None:
        record.deleted_at = None
        record.modified_at, record.modified_by = at, by

    def purge(self, record: Record) -> None:
        """Hard delete: only a count or an id sweep can notice it."""
        record.purged = True

    def ledger(self, object_name: str | None = None) -> Iterable[dict[str, Any]]:
        """The truth, one document a record."""
        for name, table in self.objects.items():
            if object_name not in (None, name):
                continue
            for r in table.values():
                yield {
                    "crm": self.crm,
                    "object": name,
                    "id": r.id,
                    "deleted": r.deleted_at is not None or r.purged,
                    "purged": r.purged,
                    "merged_into": r.merged_into,
                    "modified_at": r.modified_at.isoformat(),
                    "fields": r.fields,
                }
