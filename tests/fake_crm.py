"""A CRM in memory that keeps the Protocol's promises: pages in (version, id) order, one result a record, faults on demand."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from models.catalogue import CatalogueField
from models.vocabulary import Crm
from sync.connector import NOTHING, Greeting, KnownVersions, ProvisionStep, Rights
from sync.described import FieldDescription, FieldType, ObjectDescription
from sync.errors import ObjectMissing
from sync.record_maker import RecordMaker
from sync.records import AssociationRow, AssociationSet, CrmRecord, Cursor, Identity, LiveRecord, Page, ReadSpec
from sync.writes import BulkWriter, RecordWrite, Value, WriteOutcome, WriteResult

START = datetime(2026, 10, 1, tzinfo=UTC)


@dataclass
class FakeCrm:
    """`faults` are outcomes for the next writes of a record: each write takes one; `lose` applies it and loses the answer."""

    connection: str = "fake"
    crm: Crm = Crm.SALESFORCE
    page_size: int = 3
    batch_size: int = 2
    bulk_writer: BulkWriter | None = None
    maker: RecordMaker | None = None
    now: datetime = START
    fields: tuple[FieldDescription, ...] = (
        FieldDescription("Name", FieldType.TEXT, "Name", "string"),
        FieldDescription("Amount", FieldType.NUMBER, "Amount", "currency"),
        FieldDescription("ClosedOn", FieldType.DATE, "Closed on", "date"),
    )
    records: dict[str, CrmRecord] = field(default_factory=dict)
    applied: list[tuple[str, dict[str, Value]]] = field(default_factory=list)
    faults: dict[str, list[str]] = field(default_factory=dict)
    unlisted: set[str] = field(default_factory=set)  # alive, and left out of the list of all ids
    erased: set[str] = field(default_factory=set)  # gone for good, with all that was known of them
    linked: list[AssociationRow] = field(default_factory=list)
    miscounted: int = 0
    reads: int = 0
    writes: int = 0

    def put(self, record_id: str, *, deleted: bool = False, stamp: datetime | None = None, **values: Value) -> None:
        """A user of the CRM makes or edits a record; time moves on a second unless the stamp is given."""
        self.now += timedelta(seconds=1)
        held = self.records.get(record_id)
        merged = {**(held.values if held else {}), **values}
        self.records[record_id] = CrmRecord(record_id, stamp or self.now, merged, deleted)

    def greet(self) -> Greeting:
        return Greeting(self.crm, "fake", "user", "1.0", self.now)

    def crm_now(self) -> datetime:
        return self.now

    def calls(self) -> Mapping[str, int]:
        return {"read": self.reads, "write": self.writes}

    def quota(self) -> tuple[int | None, int | None]:
        return None, None

    def custom_objects(self) -> Sequence[tuple[str, str]]:
        return ()

    def labels(self, from_object: str, to_object: str) -> None:
        _ = from_object, to_object

    def describe(self, object_name: str) -> ObjectDescription:
        if object_name != "Thing":
            raise ObjectMissing(f"There is no object {object_name}.")
        return ObjectDescription("Thing", "Thing", self.fields)

    def pages(self, spec: ReadSpec, cursor: Cursor | None, known: KnownVersions) -> Iterator[Page]:
        _ = known
        after = (
            (datetime.fromisoformat(cursor["version"]), cursor["id"])
            if cursor
            else (datetime.min.replace(tzinfo=UTC), "")
        )
        todo = sorted((r for r in self.records.values() if (r.version, r.id) > after), key=lambda r: (r.version, r.id))
        chunks = _batched(todo, self.page_size)
        for i, chunk in enumerate(chunks):
            self.reads += 1
            wanted = tuple(replace(r, values={k: r.values.get(k) for k in spec.fields}) for r in chunk)
            last = chunk[-1]
            yield Page(
                wanted,
                {"version": last.version.isoformat(), "id": last.id},
                loaded=i == len(chunks) - 1,
                covered_until=last.version,
                expected=len(todo),
            )

    def give_up(self, cursor: Cursor) -> None:
        """Nothing is left anywhere."""

    def identities(self, object_name: str) -> Iterator[Sequence[Identity]]:
        _ = object_name
        live = sorted(r.id for r in self.records.values() if not r.deleted and r.id not in self.unlisted)
        for start in range(0, len(live), self.page_size):
            self.reads += 1
            yield [Identity(i, self.records[i].version) for i in live[start : start + self.page_size]]

    def count(self, object_name: str) -> int | None:
        _ = object_name
        return sum(not r.deleted for r in self.records.values()) + self.miscounted

    def fetch(self, spec: ReadSpec, ids: Sequence[str]) -> Iterator[Page]:
        for start in range(0, len(ids), self.page_size):
            self.reads += 1
            asked = ids[start : start + self.page_size]
            found = [self.records[i] for i in asked if i in self.records]
            yield Page(
                tuple(replace(r, values={k: r.values.get(k) for k in spec.fields}) for r in found),
                {},
                gone=tuple(i for i in asked if i not in self.records and i not in self.erased),
                forgotten=tuple(i for i in asked if i not in self.records and i in self.erased),
            )

    def links(self, spec: ReadSpec, ids: Sequence[str]) -> Sequence[AssociationSet]:
        self.reads += bool(spec.associations)
        return [
            AssociationSet(to, tuple(ids), tuple(r for r in self.linked if r.from_id in ids))
            for to in spec.associations
        ]

    def read(self, object_name: str, ids: Sequence[str], fields: Sequence[str]) -> dict[str, LiveRecord]:
        _ = object_name
        self.reads += 1
        return {
            i: LiveRecord(i, {f: self.records[i].values.get(f) for f in fields})
            if i in self.records and not self.records[i].deleted
            else LiveRecord(i, missing=True)
            for i in ids
        }

    def write(self, object_name: str, writes: Sequence[RecordWrite]) -> list[WriteResult]:
        _ = object_name
        assert len(writes) <= self.batch_size
        assert len({w.id for w in writes}) == len(writes)
        self.writes += 1
        return [self._write_one(w) for w in writes]

    def _write_one(self, write: RecordWrite) -> WriteResult:
        fault = (self.faults.get(write.id) or ["apply"]).pop(0)
        if fault == "die":
            raise KeyboardInterrupt
        if fault in ("apply", "lose", "apply and die"):
            self.put(write.id, **dict(write.values))
            self.applied.append((write.id, dict(write.values)))
        if fault == "apply and die":
            raise KeyboardInterrupt
        outcome = {
            "apply": WriteOutcome.APPLIED,
            "lose": WriteOutcome.UNKNOWN,
            "vanish": WriteOutcome.UNKNOWN,
            "lock": WriteOutcome.RETRY,
            "refuse": WriteOutcome.REFUSED,
        }[fault]
        return WriteResult(write.id, outcome, "" if outcome is WriteOutcome.APPLIED else fault)

    def api_name(self, field: CatalogueField, prefix: str) -> str:
        return f"{prefix}_{field.name}"

    def encode(self, field: CatalogueField, value: Any) -> Value:
        _ = field
        return value

    def decode(self, field: CatalogueField, value: Value) -> Any:
        _ = field
        return value

    def provision(
        self,
        object_name: str,
        fields: Iterable[CatalogueField],
        *,
        prefix: str,
        language: str,
        dry_run: bool,
        layout: bool = True,
    ) -> list[ProvisionStep]:
        _ = (language, dry_run, layout)
        return [ProvisionStep(object_name, f"field {self.api_name(f, prefix)}", "present") for f in fields]

    def unprovision(
        self, targets: Mapping[str, Sequence[CatalogueField]], *, prefix: str, dry_run: bool
    ) -> list[ProvisionStep]:
        _ = dry_run
        return [
            ProvisionStep(name, f"field {self.api_name(f, prefix)}", "removed")
            for name, fields in targets.items()
            for f in fields
        ]

    def rights(
        self,
        reads: Mapping[str, ReadSpec],
        writes: Mapping[str, Sequence[str]],
        makes: Mapping[str, Sequence[str]] = NOTHING,
    ) -> Rights:
        _ = (reads, writes, makes)
        return Rights()

    def close(self) -> None: ...


class TickingCrm(FakeCrm):
    """Its clock moves on whenever it is looked at, as a clock does."""

    def crm_now(self) -> datetime:
        self.now += timedelta(milliseconds=1)
        return self.now


def _batched(items: Sequence[CrmRecord], size: int) -> list[tuple[CrmRecord, ...]]:
    return [tuple(items[i : i + size]) for i in range(0, len(items), size)]
