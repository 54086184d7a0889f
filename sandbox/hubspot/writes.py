"""Writes by API clients: checked as HubSpot checks them, then applied, stamped and noted in the ledger."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sandbox.hubspot.errors import HubspotError, ValueProblem, bad_request, invalid_values, not_found
from sandbox.hubspot.object_types import ObjectType
from sandbox.hubspot.owners import ACTIVE
from sandbox.hubspot.properties import Property
from sandbox.hubspot.records import Records
from sandbox.hubspot.values import check
from sandbox.hubspot.wire import APP_ID, PORTAL_ID
from sandbox.store import Record


@dataclass(slots=True)
class Change:
    """One record to create or update, as far as it was checked."""

    record: Record | None
    values: dict[str, str | None] = field(default_factory=dict)
    problems: list[ValueProblem] = field(default_factory=list)
    refusal: HubspotError | None = None
    trace: str | None = None
    links: list[tuple[ObjectType, int, list[Any]]] = field(default_factory=list)

    @property
    def failed(self) -> HubspotError | None:
        return invalid_values(self.problems) if self.problems else self.refusal


class Writer:
    """Checks and applies; the caller decides whether one failure fails the batch."""

    def __init__(self, records: Records) -> None:
        self._records = records

    def check(self, kind: ObjectType, given: Any, record: Record | None, trace: str | None = None) -> Change:
        if not isinstance(given, Mapping):
            raise bad_request("Invalid input JSON on line 1, column 1: properties must be an object")
        current = record.fields if record is not None else {}
        values, problems = check(
            kind, self._records.books[kind.name].live, given, current, lambda p, m: self.choices(kind, p, m)
        )
        change = Change(record, values, problems, trace=trace)
        for name, value in values.items():
            if value is not None and self._records.books[kind.name].live[name].unique:
                holder = self._records.holder(kind, name, value)
                if holder is not None and holder is not record:
                    change.refusal = HubspotError(
                        409,
                        f"{kind.singular.title()} already exists. Existing ID: {holder.id}",
                        "CONFLICT",
                        context={"existingId": [holder.id]},
                    )
        return change

    def choices(self, kind: ObjectType, prop: Property, values: Mapping[str, Any]) -> set[str] | None:
        """The allowed values of properties whose options live elsewhere."""
        if prop.name == "hubspot_owner_id":
            return set(ACTIVE)
        pipelines = self._records.pipelines
        if prop.name == "pipeline" and pipelines.of(kind.name):
            return set(pipelines.of(kind.name))
        if prop.name == "dealstage":
            return pipelines.stage_ids(kind.name, str(values.get("pipeline") or "default"))
        return None

    def links(self, source: ObjectType, given: Iterable[Mapping[str, Any]]) -> list[tuple[ObjectType, int, list[Any]]]:
        """The associations of a create request; 400 where a type or a record does not exist."""
        found = []
        for link in given:
            target_id = str((link.get("to") or {}).get("id"))
            specs = [(str(t["associationCategory"]), int(t["associationTypeId"])) for t in link.get("types") or []]
            target = self._target(source, specs)
            record = self._records.find(target, target_id)
            if record is None:
                raise bad_request(f"{target.constant}={target_id} is not valid")
            types = [self._records.associations.type_of(source, target, category, number) for category, number in specs]
            found.append((target, int(record.id), types))
        return found

    def _target(self, source: ObjectType, specs: list[tuple[str, int]]) -> ObjectType:
        for target in self._records.kinds.all:
            if specs and all(spec in self._records.associations.types(source, target) for spec in specs):
                return target
        raise bad_request(f"One or more association types are not valid for {source.constant}: {specs}")

    def create(self, kind: ObjectType, change: Change, at: datetime, request_id: str) -> Record:
        values = dict(change.values)
        if kind.name == "deals" and values.get("dealstage") is not None:
            values.setdefault("pipeline", "default")
        record = self._records.create(kind, values, at, APP_ID)
        for target, target_id, types in change.links:
            self._records.associations.link(kind, int(record.id), target, target_id, types)
        self._records.store.log_write(record, change.values, record.modified_at, request_id)
        return record

    def update(self, kind: ObjectType, change: Change, at: datetime, request_id: str) -> Record:
        assert change.record is not None
        self._records.update(kind, change.record, change.values, at, APP_ID)
        self._records.store.log_write(change.record, change.values, change.record.modified_at, request_id)
        return change.record

    def locate(self, kind: ObjectType, record_id: Any, id_property: str | None) -> Record | None:
        """The live record of an id or of a unique property's value; 400 where the property is not unique."""
        if id_property is None:
            return self._records.find(kind, record_id)
        prop = self._records.books[kind.name].live.get(id_property)
        if prop is None or not prop.unique:
            raise bad_request(
                f"Unable to perform update/upsert by non-unique {kind.type_id} property {id_property} in portal ID {PORTAL_ID}"
            )
        return self._records.holder(kind, id_property, str(record_id))


def object_not_found(record_id: str) -> HubspotError:
    return not_found("Object not found.  objectId are usually numeric.", id=[record_id])
