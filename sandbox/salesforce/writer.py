"""Every change of the org's records, by an API client or by a person, with what follows from it.

Each change can be taken back until the next request begins, which is what allOrNone needs.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from sandbox.salesforce import checks, persons, rights
from sandbox.salesforce.fields import PEOPLE, author, is_deleted
from sandbox.salesforce.org import Org, as_it_was
from sandbox.salesforce.schema import Field, Object
from sandbox.store import Record

Values = dict[str, Any]


class Writer:
    def __init__(self, org: Org) -> None:
        self._org = org
        self._undo: list[tuple[Record, Record | None]] = []
        self._numbers: dict[str, int] = {}
        self._unlinked: dict[str, list[tuple[Record, str]]] = {}
        self._taken_along: dict[str, list[Record]] = {}

    def begin(self) -> None:
        """A new request: what came before is settled."""
        self._undo.clear()

    def mark(self) -> tuple[int, int]:
        return len(self._undo), len(self._org.store.writes)

    def roll_back(self, mark: tuple[int, int]) -> None:
        """Takes back everything since the mark, the ledger's writes included."""
        store = self._org.store
        for record, before in reversed(self._undo[mark[0] :]):
            self._org.touch(record.object)
            if before is None:
                del store.table(record.object)[record.id]
                continue
            for name in Record.__slots__:
                setattr(record, name, getattr(before, name))
        del self._undo[mark[0] :]
        del store.writes[mark[1] :]

    def create(self, obj: Object, values: Values, at: datetime, *, by: str = PEOPLE) -> Record:
        """`values` are already in stored form (checks.py)."""
        if obj.name == "Account":
            values = persons.named(values)
        record = self._org.store.create(obj.name, self._completed(obj, values, by), at, by=by)
        self._undo.append((record, None))
        if obj.name == "Account" and persons.is_person(record):
            theirs = {to: values.get(of) for of, to in persons.SHARED.items()} | {"AccountId": record.id}
            record.fields["PersonContactId"] = self.create(self._org.schema.objects["Contact"], theirs, at, by=by).id
        self._changed(record)
        return record

    def update(self, record: Record, values: Values, at: datetime, *, by: str = PEOPLE) -> None:
        self._keep(record)
        if record.object == "Opportunity" and "StageName" in values and "Probability" not in values:
            values = {**values, "Probability": checks.stage_probability(values["StageName"])}
        if record.object == "Account":
            values = persons.named(values, record.fields)
        self._org.store.update(record, values, at, by=by)
        self._changed(record)
        if (shared := persons.other_half(self._org, record, values)) is not None:
            other, theirs = shared
            self._keep(other)
            self._org.store.update(other, theirs, at, by=by)
            self._changed(other)

    def delete(self, record: Record, at: datetime, *, by: str = PEOPLE) -> None:
        """To the recycle bin, with the children that hang on it; other lookups to it are emptied."""
        self._keep(record)
        if self._org.schema.objects[record.object].system:
            self._org.store.purge(record)
            self._changed(record)
            return
        self._org.store.delete(record, at, by=by)
        self._changed(record)
        for child, f in list(self._pointing_at(record)):
            if is_deleted(child):
                continue
            if f.cascades:
                self.delete(child, at, by=by)
                self._taken_along.setdefault(record.id, []).append(child)
            else:
                self.update(child, {f.name: None}, at, by=by)
                self._unlinked.setdefault(record.id, []).append((child, f.name))

    def undelete(self, record: Record, at: datetime) -> None:
        self._keep(record)
        self._org.store.undelete(record, at)
        record.merged_into = None  # what lives was merged into nothing
        self._changed(record)
        for child in self._taken_along.pop(record.id, []):
            self.undelete(child, at)
        for child, field in self._unlinked.pop(record.id, []):
            if not child.purged and child.fields.get(field) is None:
                self.update(child, {field: record.id}, at)

    def purge(self, record: Record) -> None:
        """Out of the recycle bin, or past it: no query and no deletion log tells of it."""
        self._keep(record)
        self._org.store.purge(record)
        self._changed(record)

    def merge(self, winner: Record, losers: list[Record], at: datetime) -> None:
        """The losers go to the recycle bin and name the winner; what pointed at them points at it."""
        for loser in losers:
            halves = [self._org.store.get("Contact", r.fields.get("PersonContactId") or "") for r in (winner, loser)]
            if (kept := halves[0]) is not None and (lost := halves[1]) is not None:
                self.merge(kept, [lost], at)
            self._keep(loser)
            for child, f in list(self._pointing_at(loser)):
                self.update(child, {f.name: winner.id}, at)
            self._org.store.delete(loser, at)
            loser.merged_into = winner.id
            self._changed(loser)
        self.update(winner, {}, at)

    def _completed(self, obj: Object, values: Values, by: str) -> Values:
        whole = {f.name: f.default for f in obj.fields.values() if f.default is not None}
        whole |= {f.name: False for f in obj.fields.values() if f.type == "boolean" and f.computed is None}
        if "OwnerId" in obj.fields:
            whole["OwnerId"] = author(by)
        for f in obj.fields.values():
            if f.auto_number:
                number = self._numbers[obj.name] = self._numbers.get(obj.name, 0) + 1
                whole[f.name] = f"ALE-{number:05d}"
        whole |= values
        if obj.name == "Opportunity" and whole.get("Probability") is None:
            whole["Probability"] = checks.stage_probability(whole.get("StageName"))
        return whole

    def _pointing_at(self, record: Record) -> Iterator[tuple[Record, Field]]:
        for obj in self._org.schema.objects.values():
            if obj.rows or obj.system:
                continue
            for f in obj.fields.values():
                if f.type == "reference" and f.computed is None and record.object in f.refers_to:
                    for child in self._org.store.table(obj.name).values():
                        if child.fields.get(f.name) == record.id and not child.purged:
                            yield child, f

    def _keep(self, record: Record) -> None:
        self._undo.append((record, as_it_was(record)))

    def _changed(self, record: Record) -> None:
        self._org.touch(record.object)
        if record.object in rights.OBJECTS:
            rights.after_write(self._org, record)
