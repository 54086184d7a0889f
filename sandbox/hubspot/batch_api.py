"""Records by the hundred: batch read, create, update, upsert, archive. One bad row makes a 207, one bad property name a 400."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from starlette.routing import Route

from sandbox.clock import Clock
from sandbox.hubspot.api import Api, Call, Reply
from sandbox.hubspot.errors import HubspotError, bad_request, invalid_values, require
from sandbox.hubspot.object_types import ObjectType
from sandbox.hubspot.records import Records
from sandbox.hubspot.wire import APP_ID, chosen_names, iso, render_record, render_written
from sandbox.hubspot.writes import Change, Writer
from sandbox.refusals import NEW

BATCH_LIMIT, HISTORY_BATCH_LIMIT = 100, 50


def batch_body(clock: Clock, started: datetime, results: list[Any], errors: list[dict[str, Any]]) -> dict[str, Any]:
    """The envelope of every batch reply. `numErrors` counts entries, one of which can tell of many rows."""
    body: dict[str, Any] = {
        "completedAt": iso(clock.now()),
        "status": "COMPLETE",
        "startedAt": iso(started),
        "results": results,
    }
    if errors:
        body |= {"errors": errors, "numErrors": len(errors)}
    return body


def inputs_of(call: Call, most: int) -> list[dict[str, Any]]:
    """The inputs of a batch; 400 for none or too many."""
    require(call.body, "inputs")
    inputs = call.body["inputs"]
    if not isinstance(inputs, list) or not all(isinstance(item, Mapping) for item in inputs):
        raise bad_request("Invalid input JSON on line 1, column 1: inputs must be a list of objects")
    if len(inputs) > most:
        raise bad_request(
            f"The maximum number of inputs supported in a batch request is {most}. Please reduce the number of items and try again"
        )
    return inputs


class BatchApi:
    def __init__(self, api: Api, clock: Clock, records: Records, writer: Writer) -> None:
        self._api = api
        self._clock = clock
        self._records = records
        self._writer = writer

    def routes(self) -> list[Route]:
        handlers = {
            "read": self._read,
            "create": self._create,
            "update": self._update,
            "upsert": self._upsert,
            "archive": self._archive,
        }
        return [
            route
            for name, handler in handlers.items()
            for route in self._api.routes("POST", "objects", f"/{{kind}}/batch/{name}", handler)
        ]

    def _kind(self, call: Call, right: str) -> ObjectType:
        found = self._records.kinds.find(call.path("kind"))
        call.principal.need(f"crm.objects.{found.scope}.{right}")
        return found

    def _reply(self, call: Call, results: list[Any], errors: list[dict[str, Any]], good: int = 200) -> Reply:
        return Reply(207 if errors else good, batch_body(self._clock, call.now, results, errors))

    def _read(self, call: Call) -> Reply:
        kind = self._kind(call, "read")
        book = self._records.books[kind.name].live
        histories = [name for name in call.body.get("propertiesWithHistory") or [] if name in book]
        inputs = inputs_of(call, BATCH_LIMIT)
        if call.body.get("propertiesWithHistory") and len(inputs) > HISTORY_BATCH_LIMIT:
            raise bad_request(
                f"The maximum number of inputs supported in a batch request for property histories is {HISTORY_BATCH_LIMIT}. "
                "Please reduce the number of items and try again"
            )
        names = chosen_names(kind, book, call.body.get("properties"))
        id_property, archived = call.body.get("idProperty"), call.flag("archived")
        if id_property == "hs_object_id":
            id_property = None
        if archived:
            self._records.archived_rows(kind, call.now)
        results, missing = {}, []
        for item in inputs:
            require(item, "id")
            if archived and not id_property:
                record = self._records.find(kind, item["id"], archived=True)
            else:
                record = self._writer.locate(kind, item["id"], id_property)
            if record is None:
                missing.append(str(item["id"]))
            else:
                results[record.id] = render_record(kind, record, names, histories)
        return self._reply(call, list(results.values()), _missing(kind, missing))

    def _create(self, call: Call) -> Reply:
        kind = self._kind(call, "write")
        inputs = inputs_of(call, BATCH_LIMIT)
        changes = []
        for item in inputs:
            require(item, "properties")
            change = self._writer.check(kind, item["properties"], None, item.get("objectWriteTraceId"))
            if refusal := self._records.store.refusals.met(kind.name, NEW):
                change.refusal = HubspotError(400, refusal.message, refusal.code)
            changes.append(change)
        _refuse_whole(changes)
        _clashes(kind, changes, self._records)
        traced = all(change.trace is not None for change in changes)
        for change, item in zip(changes, inputs, strict=True):
            try:
                change.links = self._writer.links(kind, item.get("associations") or [])
            except HubspotError as refused:
                change.refusal = refused
            if change.failed and not traced:  # without trace ids nobody could tell which row failed
                raise change.failed
        return self._apply(call, kind, changes, 201)

    def _update(self, call: Call) -> Reply:
        kind = self._kind(call, "write")
        inputs = inputs_of(call, BATCH_LIMIT)
        _refuse_duplicates(str(item.get("id")) for item in inputs)
        changes, missing = [], []
        for item in inputs:
            require(item, "id", "properties")
            record = self._writer.locate(kind, item["id"], item.get("idProperty"))
            change = self._writer.check(kind, item["properties"], record, item.get("objectWriteTraceId"))
            if record is None:
                missing.append(str(item["id"]))
                _refuse_whole([change])
            else:
                if refusal := self._records.store.refusals.met(kind.name, record.id):
                    change.refusal = HubspotError(400, refusal.message, refusal.code)
                changes.append(change)
        _refuse_whole(changes)
        return self._apply(call, kind, changes, 200, _missing(kind, missing))

    def _upsert(self, call: Call) -> Reply:
        kind = self._kind(call, "write")
        inputs = inputs_of(call, BATCH_LIMIT)
        _refuse_duplicates(str(item.get("id")) for item in inputs)
        changes, missing = [], []
        for item in inputs:
            require(item, "id", "properties")
            id_property, trace = item.get("idProperty"), item.get("objectWriteTraceId")
            record = self._writer.locate(kind, item["id"], id_property)
            if record is None and id_property is None:
                missing.append(str(item["id"]))
                continue
            given = dict(item["properties"]) | ({id_property: item["id"]} if id_property else {})
            changes.append(self._writer.check(kind, given, record, trace))
        _refuse_whole(changes)
        return self._apply(call, kind, changes, 200, _missing(kind, missing), upsert=True)

    def _apply(
        self,
        call: Call,
        kind: ObjectType,
        changes: list[Change],
        good: int,
        errors: list[dict[str, Any]] | None = None,
        *,
        upsert: bool = False,
    ) -> Reply:
        results: list[dict[str, Any]] = []
        found = list(errors or [])
        for change in changes:
            known = change.record
            if change.failed:
                context = {"objectWriteTraceId": [change.trace]} if change.trace is not None else {}
                found.append(change.failed.row(context | ({"ids": [known.id]} if known is not None else {})))
                continue
            apply = self._writer.create if known is None else self._writer.update
            shown = render_written(kind, apply(kind, change, call.now, call.correlation_id), change.values)
            if change.trace is not None:
                shown["objectWriteTraceId"] = change.trace
            if upsert:
                shown["new"] = known is None
            results.append(shown)
        return self._reply(call, results, found, good)

    def _archive(self, call: Call) -> Reply:
        kind = self._kind(call, "write")
        for item in inputs_of(call, BATCH_LIMIT):
            record = self._records.find(kind, item.get("id"))
            if record is not None:
                self._records.archive(kind, record, call.now, APP_ID)
                self._records.store.log_write(record, {"archived": True}, call.now, call.correlation_id)
        return Reply(204)


def _refuse_whole(changes: Iterable[Change]) -> None:
    """400 for the whole batch where any row names an unknown or a read-only property."""
    fatal = [problem for change in changes for problem in change.problems if problem.refuses_whole_batch]
    if fatal:
        raise invalid_values(fatal)


def _refuse_duplicates(ids: Iterable[str]) -> None:
    seen: set[str] = set()
    twice: dict[str, None] = {}
    for record_id in ids:
        if record_id in seen:
            twice[record_id] = None
        seen.add(record_id)
    if twice:
        raise bad_request(
            f"Duplicate IDs found in batch input: [{', '.join(twice)}]. IDs must be unique",
            context={"ids": list(twice)},
        )


def _clashes(kind: ObjectType, changes: list[Change], records: Records) -> None:
    """Two rows of one batch cannot take the same unique value."""
    taken: set[tuple[str, str]] = set()
    for change in changes:
        for name, value in change.values.items():
            if value is None or not records.books[kind.name].live[name].unique:
                continue
            if (name, value.lower()) in taken and change.refusal is None:
                change.refusal = HubspotError(409, f"{kind.singular.title()} already exists", "CONFLICT")
            taken.add((name, value.lower()))


def _missing(kind: ObjectType, ids: list[str]) -> list[dict[str, Any]]:
    """One entry for all rows that were not found."""
    if not ids:
        return []
    return [
        {
            "status": "error",
            "category": "OBJECT_NOT_FOUND",
            "message": f"Could not get some {kind.constant} objects, they may be deleted or not exist. Check that ids are valid.",
            "context": {"ids": ids},
        }
    ]
