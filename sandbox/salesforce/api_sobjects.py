"""/sobjects: describes, single records, and the feeds of updated and deleted ids."""

import zlib
from datetime import datetime, timedelta
from email.utils import format_datetime, parsedate_to_datetime
from typing import Any

from sandbox.salesforce import checks, describe, ids, stamps
from sandbox.salesforce.errors import ApiError, no_such_column, not_found
from sandbox.salesforce.fields import is_deleted
from sandbox.salesforce.org import Org, scattered
from sandbox.salesforce.render import whole
from sandbox.salesforce.schema import Field, Object
from sandbox.salesforce.wire import NO_CONTENT, Call, Reply, Route, required
from sandbox.salesforce.writer import Writer
from sandbox.store import Record

MAX_IDS = 600_000


class Sobjects:
    def __init__(self, org: Org, writer: Writer) -> None:
        self._org = org
        self._writer = writer

    def routes(self) -> list[Route]:
        one, row = r"sobjects/(\w+)", r"sobjects/(\w+)/(\w+)"
        return [
            ("GET", "sobjects", self.all),
            ("GET", one, self.basics),
            ("POST", one, self.create),
            ("GET", rf"{one}/describe", self.describe),
            ("GET", rf"{one}/deleted", self.deleted),
            ("GET", rf"{one}/updated", self.updated),
            ("GET", row, self.get),
            ("PATCH", row, self.update),
            ("DELETE", row, self.delete),
            ("GET", rf"{row}/([^/]+)", self.get_by_external_id),
            ("PATCH", rf"{row}/([^/]+)", self.upsert),
        ]

    def object(self, name: str) -> Object:
        obj = self._org.schema.find(name)
        if obj is None or not obj.in_data_api:
            raise not_found()
        return obj

    def all(self, call: Call) -> Reply:
        objects = [describe.summary(o, call.version) for o in self._org.schema.objects.values() if o.in_data_api]
        return self._described(call, {"encoding": "UTF-8", "maxBatchSize": 200, "sobjects": objects})

    def basics(self, call: Call, name: str) -> Reply:
        return Reply(body={"objectDescribe": describe.summary(self.object(name), call.version), "recentItems": []})

    def describe(self, call: Call, name: str) -> Reply:
        return self._described(call, describe.full(self.object(name), self._org.schema, call.version))

    def _described(self, call: Call, body: dict[str, Any]) -> Reply:
        changed = self._org.schema.changed_at
        headers = {
            "Last-Modified": format_datetime(changed, usegmt=True),
            "ETag": f'"{zlib.crc32(changed.isoformat().encode()):08x}"',
        }
        since = call.headers.get("if-modified-since")
        if since is not None and _http_date(since) >= changed:
            return Reply(304, headers=headers)
        return Reply(body=body, headers=headers)

    def create(self, call: Call, name: str) -> Reply:
        obj = self.object(name)
        if not obj.createable:
            raise ApiError(
                400, "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", f"entity type cannot be inserted: {obj.label}", []
            )
        record = self._insert(call, obj, call.document())
        location = f"/services/data/{call.version}/sobjects/{obj.name}/{record.id}"
        return Reply(201, {"id": record.id, "success": True, "errors": []}, {"Location": location})

    def _insert(self, call: Call, obj: Object, sent: dict[str, Any]) -> Record:
        values = checks.for_create(self._org, obj, sent)
        at = self._org.now()
        record = self._writer.create(obj, values, at, by=self._org.user_id)
        self._org.store.log_write(record, values, at, call.request_id)
        return record

    def _live(self, obj: Object, record_id: str) -> Record:
        """For writes; a record that never was is a 404 of its own kind."""
        try:
            return checks.existing(self._org, obj, record_id)
        except ApiError as error:
            if error.code in ("INVALID_CROSS_REFERENCE_KEY", "MALFORMED_ID"):
                message = f"Provided external ID field does not exist or is not accessible: {record_id}"
                raise not_found(message) from None
            raise

    def get(self, call: Call, name: str, record_id: str) -> Reply:
        obj = self.object(name)
        whole_id = ids.full(record_id)
        if whole_id is None:
            raise not_found(f"Provided external ID field does not exist or is not accessible: {record_id}")
        record = self._org.find(obj, whole_id)
        if record is None or is_deleted(record):
            raise not_found()
        return Reply(body=whole(self._fields(call, obj), record, call.version))

    def _fields(self, call: Call, obj: Object) -> list[Field]:
        asked = call.params.get("fields")
        if not asked:
            return list(self._org.schema.visible_fields(obj))
        return self.named_fields(obj, asked.split(","))

    def named_fields(self, obj: Object, names: list[str]) -> list[Field]:
        """The fields of those names, once each."""
        chosen: dict[str, Field] = {}
        for name in names:
            f = self._org.schema.visible(obj, name.strip())
            if f is None:
                raise no_such_column(name.strip(), obj.name)
            chosen[f.name] = f
        return list(chosen.values())

    def update(self, call: Call, name: str, record_id: str) -> Reply:
        obj = self.object(name)
        self._change(call, obj, self._live(obj, record_id), call.document())
        return NO_CONTENT

    def _change(self, call: Call, obj: Object, record: Record, sent: dict[str, Any]) -> None:
        values = checks.for_update(self._org, obj, record, sent)
        at = self._org.now()
        self._writer.update(record, values, at, by=self._org.user_id)
        self._org.store.log_write(record, values, at, call.request_id)

    def delete(self, call: Call, name: str, record_id: str) -> Reply:
        obj = self.object(name)
        record = self._live(obj, record_id)
        if not obj.deletable:
            raise ApiError(400, "INSUFFICIENT_ACCESS_OR_READONLY", "entity type cannot be deleted", [])
        at = self._org.now()
        self._writer.delete(record, at, by=self._org.user_id)
        self._org.store.log_write(record, {"IsDeleted": True}, at, call.request_id)
        return NO_CONTENT

    def _by_external_id(self, obj: Object, field_name: str, value: str) -> list[Record]:
        f = self._org.schema.visible(obj, field_name)
        if f is None or not f.id_lookup:
            raise not_found(f"Provided external ID field does not exist or is not accessible: {field_name}")
        return [r for r in self._org.store.live(obj.name) if str(f.read(r) or "").casefold() == value.casefold()]

    def _only_one(self, call: Call, obj: Object, found: list[Record]) -> Record | Reply | None:
        if len(found) > 1:
            urls = [f"/services/data/{call.version}/sobjects/{obj.name}/{r.id}" for r in found]
            return Reply(300, urls)
        return found[0] if found else None

    def get_by_external_id(self, call: Call, name: str, field: str, value: str) -> Reply:
        obj = self.object(name)
        found = self._only_one(call, obj, self._by_external_id(obj, field, value))
        if isinstance(found, Reply):
            return found
        if found is None:
            raise not_found()
        return Reply(body=whole(self._fields(call, obj), found, call.version))

    def upsert(self, call: Call, name: str, field: str, value: str) -> Reply:
        obj = self.object(name)
        found = self._only_one(call, obj, self._by_external_id(obj, field, value))
        if isinstance(found, Reply):
            return found
        if found is not None:
            self._change(call, obj, found, call.document())
            return Reply(body={"id": found.id, "success": True, "errors": [], "created": False})
        record = self._insert(call, obj, {**call.document(), field: value})
        return Reply(201, {"id": record.id, "success": True, "errors": [], "created": True})

    def updated(self, call: Call, name: str) -> Reply:
        obj, start, end = self._window(call, name, days=30)
        index = self._org.index(obj)
        rows = (r for r in index.by_stamp[index.since(start) : index.since(end)] if not is_deleted(r))
        found = [r.id for r in scattered(list(rows))]
        _check_count(len(found))
        return Reply(body={"ids": found, "latestDateCovered": self._covered(end)})

    def deleted(self, call: Call, name: str) -> Reply:
        obj, start, end = self._window(call, name, days=15)
        earliest = self._org.delete_log_since.get(obj.name, self._org.started - timedelta(days=400))
        if start < earliest.replace(second=0):
            message = "startDate is before the earliest date of which deletions are still known"
            raise ApiError(400, "INVALID_REPLICATION_DATE", message)
        index = self._org.index(obj)
        rows = (r for r in index.by_stamp[index.since(start) : index.since(end)] if is_deleted(r))
        found = [{"id": r.id, "deletedDate": stamps.rest(r.modified_at)} for r in rows]
        _check_count(len(found))
        body = {
            "deletedRecords": found,
            "earliestDateAvailable": stamps.rest(earliest.replace(second=0)),
            "latestDateCovered": self._covered(end),
        }
        return Reply(body=body)

    def _covered(self, end: datetime) -> str:
        return stamps.rest(self._org.covered_until(end).replace(second=0, microsecond=0))

    def _window(self, call: Call, name: str, *, days: int) -> tuple[Object, datetime, datetime]:
        """Seconds are ignored; an end in the future is allowed, and covers no more than the present."""
        obj = self.object(name)
        if not obj.replicateable:
            raise ApiError(400, "INVALID_TYPE_FOR_OPERATION", f"object type '{obj.name}' is not replicateable")
        start, end = (_minute(required(call, p)) for p in ("start", "end"))
        if end - start < timedelta(minutes=1) or start >= end:
            message = "startDate must be before endDate by more than one minute"
            raise ApiError(400, "INVALID_REPLICATION_DATE", message)
        if start < (self._org.now() - timedelta(days=days)).replace(second=0):
            message = f"startDate cannot be more than {days} days ago"
            raise ApiError(400, "INVALID_REPLICATION_DATE", message)
        return obj, start, end


def _minute(text: str) -> datetime:
    try:
        return stamps.parse(text.replace(" ", "+")).replace(second=0)  # an unescaped plus arrives as a space
    except ValueError:
        raise ApiError(400, "INVALID_FIELD", f"invalid date and time: {text}") from None


def _check_count(count: int) -> None:
    if count > MAX_IDS:
        raise ApiError(400, "EXCEEDED_ID_LIMIT", f"the window holds more than {MAX_IDS} ids; ask for a shorter one")


def _http_date(text: str) -> datetime:
    try:
        return parsedate_to_datetime(text)
    except ValueError:
        raise ApiError(400, "INVALID_HEADER", f"not an HTTP date: {text}") from None
