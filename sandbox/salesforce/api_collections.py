"""/composite/sobjects: up to 200 records a call (2,000 to read), one result for each, in order."""

from collections.abc import Callable
from typing import Any

from sandbox.salesforce import checks, ids
from sandbox.salesforce.api_sobjects import Sobjects
from sandbox.salesforce.errors import ApiError
from sandbox.salesforce.fields import is_deleted
from sandbox.salesforce.org import Org
from sandbox.salesforce.render import whole
from sandbox.salesforce.schema import Object
from sandbox.salesforce.wire import Call, Reply, Route, required
from sandbox.salesforce.writer import Writer

MOST_WRITES = 200
MOST_READS = 2000
MOST_CHUNKS = 10
_ROLLED_BACK = ApiError(
    400,
    "ALL_OR_NONE_OPERATION_ROLLED_BACK",
    "Record rolled back because not all records were valid and the request was using AllOrNone header",
)
Sent = dict[str, Any]
One = Callable[[Call, Sent], dict[str, Any]]


class Collections:
    def __init__(self, org: Org, writer: Writer, sobjects: Sobjects) -> None:
        self._org = org
        self._writer = writer
        self._sobjects = sobjects

    def routes(self) -> list[Route]:
        base = "composite/sobjects"
        return [
            ("POST", base, self.create),
            ("PATCH", base, self.update),
            ("DELETE", base, self.delete),
            ("GET", rf"{base}/(\w+)", self.get),
            ("POST", rf"{base}/(\w+)", self.retrieve),
            ("PATCH", rf"{base}/(\w+)/(\w+)", self.upsert),
        ]

    def create(self, call: Call) -> Reply:
        return self._each(call, self._create_one)

    def update(self, call: Call) -> Reply:
        return self._each(call, self._update_one)

    def upsert(self, call: Call, name: str, field: str) -> Reply:
        obj = self._sobjects.object(name)
        key = self._org.schema.visible(obj, field)
        if key is None or not key.id_lookup:
            raise ApiError(404, "NOT_FOUND", f"Provided external ID field does not exist or is not accessible: {field}")

        def one(call: Call, sent: Sent) -> dict[str, Any]:
            return self._upsert_one(call, obj, key.name, sent)

        return self._each(call, one)

    def delete(self, call: Call) -> Reply:
        wanted = [x for x in required(call, "ids").split(",") if x]
        _check_size(len(wanted))
        records = [{"id": x} for x in wanted]
        return self._run(call, records, self._delete_one, call.params.get("allOrNone", "false").lower() == "true")

    def get(self, call: Call, name: str) -> Reply:
        return self._read(call, name, required(call, "ids").split(","), required(call, "fields").split(","))

    def retrieve(self, call: Call, name: str) -> Reply:
        body = call.document()
        wanted, fields = body.get("ids"), body.get("fields")
        if not isinstance(wanted, list) or not isinstance(fields, list) or not wanted or not fields:
            raise ApiError(400, "REQUIRED_FIELD_MISSING", "ids and fields are required, each a list of at least 1")
        return self._read(call, name, [str(x) for x in wanted], [str(x) for x in fields])

    def _read(self, call: Call, name: str, wanted: list[str], names: list[str]) -> Reply:
        obj = self._sobjects.object(name)
        if len(wanted) > MOST_READS:
            message = f"record limit reached. cannot submit more than {MOST_READS} records in this request"
            raise ApiError(400, "EXCEEDED_ID_LIMIT", message)
        fields = self._sobjects.named_fields(obj, names)
        if "Id" not in {f.name for f in fields}:
            fields.append(obj.fields["Id"])
        out: list[dict[str, Any] | None] = []
        for text in wanted:
            record_id = ids.full(text)
            if record_id is None:
                raise ApiError(400, "MALFORMED_ID", f"malformed id {text}")
            record = self._org.find(obj, record_id)
            out.append(None if record is None or is_deleted(record) else whole(fields, record, call.version))
        return Reply(body=out)

    def _each(self, call: Call, one: One) -> Reply:
        body = call.document()
        records = body.get("records")
        if not isinstance(records, list) or not records:
            raise ApiError(400, "REQUIRED_FIELD_MISSING", "At least 1 record is required")
        _check_size(len(records))
        kinds = [(r.get("attributes") or {}).get("type") for r in records if isinstance(r, dict)]
        if sum(1 for a, b in zip([None, *kinds], kinds, strict=False) if a != b) > MOST_CHUNKS:
            raise ApiError(
                400, "LIMIT_EXCEEDED", f"cannot have more than {MOST_CHUNKS} chunks per operation; sort by type"
            )
        return self._run(call, records, one, bool(body.get("allOrNone", False)))

    def _run(self, call: Call, records: list[Any], one: One, all_or_none: bool) -> Reply:
        mark = self._writer.mark()
        results: list[dict[str, Any]] = []
        for sent in records:
            before = self._writer.mark()
            try:
                results.append(one(call, sent))
            except ApiError as error:
                self._writer.roll_back(before)
                results.append(error.result())
        if all_or_none and not all(r["success"] for r in results):
            self._writer.roll_back(mark)
            results = [_ROLLED_BACK.result() if r["success"] else r for r in results]
        return Reply(body=results)

    def _object(self, sent: Sent) -> Object:
        name = (sent.get("attributes") or {}).get("type") if isinstance(sent, dict) else None
        obj = self._org.schema.find(str(name)) if name else None
        if obj is None or not obj.in_data_api:
            raise ApiError(400, "INVALID_TYPE", f"sObject type '{name}' is not supported.")
        return obj

    def _create_one(self, call: Call, sent: Sent) -> dict[str, Any]:
        obj = self._object(sent)
        if not obj.createable:
            raise ApiError(400, "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", f"entity type cannot be inserted: {obj.label}")
        values = checks.for_create(self._org, obj, sent)
        at = self._org.now()
        record = self._writer.create(obj, values, at, by=self._org.user_id)
        self._org.store.log_write(record, values, at, call.request_id)
        return {"id": record.id, "success": True, "errors": []}

    def _update_one(self, call: Call, sent: Sent) -> dict[str, Any]:
        obj = self._object(sent)
        given = [k for k in sent if k.lower() == "id"]
        if not given or not sent[given[0]]:
            raise ApiError(400, "MISSING_ARGUMENT", "Id not specified in an update call")
        record = checks.existing(self._org, obj, sent[given[0]])
        values = checks.for_update(self._org, obj, record, {k: v for k, v in sent.items() if k not in given})
        at = self._org.now()
        self._writer.update(record, values, at, by=self._org.user_id)
        self._org.store.log_write(record, values, at, call.request_id)
        return {"id": record.id, "success": True, "errors": []}

    def _upsert_one(self, call: Call, obj: Object, key: str, sent: Sent) -> dict[str, Any]:
        if self._object(sent) is not obj:
            raise ApiError(400, "INVALID_TYPE", f"every record of this upsert must be of type {obj.name}")
        value = next((v for k, v in sent.items() if k.lower() == key.lower()), None)
        rest = {k: v for k, v in sent.items() if k.lower() not in (key.lower(), "id")}
        if key == "Id":
            if value is None:
                return {**self._create_one(call, rest), "created": True}
            return {**self._update_one(call, {**rest, "id": value}), "created": False}
        if value is None:
            raise ApiError(400, "MISSING_ARGUMENT", f"{key} not specified")
        found = [
            r for r in self._org.store.live(obj.name) if str(r.fields.get(key)).casefold() == str(value).casefold()
        ]
        if len(found) > 1:
            message = f"{key}: more than one record found for external id field: {[r.id for r in found]}"
            raise ApiError(300, "DUPLICATE_EXTERNAL_ID", message, [key])
        if found:
            return {**self._update_one(call, {**rest, "id": found[0].id}), "created": False}
        return {**self._create_one(call, {**rest, key: value}), "created": True}

    def _delete_one(self, call: Call, sent: Sent) -> dict[str, Any]:
        record_id = ids.full(sent["id"])
        obj = self._org.schema.by_prefix(record_id) if record_id else None
        if record_id is None or obj is None:
            raise ApiError(400, "MALFORMED_ID", f"malformed id {sent['id']}")
        record = checks.existing(self._org, obj, record_id)
        if not obj.deletable:
            raise ApiError(400, "INSUFFICIENT_ACCESS_OR_READONLY", "entity type cannot be deleted")
        at = self._org.now()
        self._writer.delete(record, at, by=self._org.user_id)
        self._org.store.log_write(record, {"IsDeleted": True}, at, call.request_id)
        return {"id": record.id, "success": True, "errors": []}


def _check_size(count: int) -> None:
    if count > MOST_WRITES:
        message = f"record limit reached. cannot submit more than {MOST_WRITES} records in this request"
        raise ApiError(400, "EXCEEDED_ID_LIMIT", message)
