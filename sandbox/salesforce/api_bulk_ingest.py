"""/jobs/ingest: Bulk API 2.0 writes. A job that ends JobComplete may still hold rows that failed."""

import csv
import io
import time
from dataclasses import dataclass, field
from typing import Any

from sandbox.salesforce import checks
from sandbox.salesforce.bulk import DELIMITERS, ENDINGS, Job, Jobs
from sandbox.salesforce.errors import ApiError
from sandbox.salesforce.org import Org
from sandbox.salesforce.schema import Object
from sandbox.salesforce.wire import NO_CONTENT, Call, Reply, Route
from sandbox.salesforce.writer import Writer

OPERATIONS = ("insert", "update", "upsert", "delete", "hardDelete")
MOST_BYTES = 150_000_000
NULL = "#N/A"  # an empty cell leaves a field as it is


@dataclass(slots=True)
class _Load:
    """What became of a job's rows. They are applied when the job is first looked at as complete."""

    columns: list[str] = field(default_factory=list)
    rows: list[list[str]] = field(default_factory=list)
    uploaded: bool = False
    applied: bool = False
    succeeded: list[list[str]] = field(default_factory=list)
    failed: list[list[str]] = field(default_factory=list)


class BulkIngest:
    def __init__(self, org: Org, writer: Writer) -> None:
        self._org = org
        self._writer = writer
        self._jobs = Jobs(org, 500_000)
        self._loads: dict[str, _Load] = {}

    def routes(self) -> list[Route]:
        job = r"jobs/ingest/(\w+)"
        return [
            ("POST", "jobs/ingest", self.create),
            ("GET", "jobs/ingest", self.all),
            ("GET", job, self.get),
            ("PATCH", job, self.change),
            ("DELETE", job, self.delete),
            ("PUT", rf"{job}/batches", self.upload),
            ("GET", rf"{job}/(successfulResults|failedResults|unprocessedrecords|unprocessedRecords)", self.results),
        ]

    @property
    def _step(self) -> float:
        return self._org.settings.salesforce_bulk_step_s

    def create(self, call: Call) -> Reply:
        body = call.document()
        obj = self._org.schema.find(str(body.get("object")))
        if obj is None or not obj.in_data_api:
            raise ApiError(400, "INVALIDENTITY", f"Entity '{body.get('object')}' is not supported by the Bulk API.")
        operation = body.get("operation")
        if operation not in OPERATIONS:
            raise ApiError(400, "INVALID_INPUT", f"operation must be one of {', '.join(OPERATIONS)}")
        job = self._jobs.open(call, str(operation), obj.name, body)
        if operation == "upsert":
            key = self._org.schema.visible(obj, str(body.get("externalIdFieldName")))
            if key is None or not key.id_lookup:
                self._jobs.forget(job)
                raise ApiError(400, "INVALID_INPUT", "externalIdFieldName must name an external id field for upsert")
            job.more["externalIdFieldName"] = key.name
        job.more["contentUrl"] = f"services/data/{call.version}/jobs/ingest/{job.id}/batches"
        self._loads[job.id] = _Load()
        return Reply(body=job.describe(self._step))

    def upload(self, call: Call, job_id: str) -> Reply:
        job = self._jobs.get(job_id)
        load = self._loads[job.id]
        if job.state(self._step) != "Open" or load.uploaded:
            raise ApiError(
                400,
                "INVALIDJOBSTATE",
                f"Invalid State: {job.state(self._step)}: data can be uploaded once, while the job is Open",
            )
        if len(call.body) > MOST_BYTES:
            raise ApiError(413, "REQUEST_ENTITY_TOO_LARGE", f"more than {MOST_BYTES} bytes in one job")
        text = call.body.decode("utf-8-sig", errors="replace")
        read = csv.reader(io.StringIO(text, newline=""), delimiter=DELIMITERS[job.delimiter])
        load.rows = [row for row in read if row]
        load.columns = load.rows.pop(0) if load.rows else []
        load.uploaded = True
        return Reply(201)

    def change(self, call: Call, job_id: str) -> Reply:
        job = self._jobs.get(job_id)
        wanted, now = call.document().get("state"), job.state(self._step)
        if wanted == "UploadComplete" and now == "Open":
            job.queued = time.monotonic()
            job.more.pop("contentUrl", None)
            obj = self._org.schema.objects[job.object]
            unknown = next((c for c in self._loads[job.id].columns if self._column(obj, c) is None), None)
            if unknown is not None:
                job.settled, job.error = "Failed", f"InvalidBatch : Field name not found : {unknown}"
            described = job.describe(self._step) | {"state": "UploadComplete"}
            return Reply(body={k: v for k, v in described.items() if k not in ("lineEnding", "columnDelimiter")})
        if wanted == "Aborted" and now in ("Open", "UploadComplete", "InProgress"):
            job.settled = "Aborted"
            return Reply(body=job.describe(self._step))
        raise ApiError(400, "INVALIDJOBSTATE", f"a job that is {now} cannot become {wanted}")

    def all(self, _: Call) -> Reply:
        return Reply(
            body={
                "done": True,
                "records": [self._described(j) for j in self._jobs.all()],
                "nextRecordsUrl": None,
            }
        )

    def get(self, call: Call, job_id: str) -> Reply:
        job = self._jobs.get(job_id)
        self._apply_if_due(call, job)
        return Reply(body=self._described(job))

    def _described(self, job: Job) -> dict[str, Any]:
        load = self._loads[job.id]
        more: dict[str, Any] = {
            "jobType": "V2Ingest",
            "numberRecordsProcessed": len(load.succeeded) + len(load.failed),
            "numberRecordsFailed": len(load.failed),
            "retries": 0,
            "totalProcessingTime": int(self._step * 1000) if load.applied else 0,
            "apiActiveProcessingTime": int(self._step * 500) if load.applied else 0,
            "apexProcessingTime": 0,
        }
        return job.describe(self._step) | more | ({"errorMessage": job.error} if job.error else {})

    def delete(self, _: Call, job_id: str) -> Reply:
        job = self._jobs.get(job_id)
        self._jobs.remove(job, self._step)
        del self._loads[job.id]
        return NO_CONTENT

    def results(self, call: Call, job_id: str, kind: str) -> Reply:
        job = self._jobs.get(job_id)
        self._apply_if_due(call, job)
        load = self._loads[job.id]
        lead, rows = {
            "successfulresults": (["sf__Id", "sf__Created"], load.succeeded),
            "failedresults": (["sf__Id", "sf__Error"], load.failed),
        }.get(kind.lower(), ([], [] if load.applied else load.rows))
        out = io.StringIO()
        write = csv.writer(
            out, delimiter=DELIMITERS[job.delimiter], lineterminator=ENDINGS[job.ending], quoting=csv.QUOTE_ALL
        )
        write.writerow([*lead, *load.columns])
        write.writerows(rows)
        return Reply(raw=out.getvalue().encode(), media="text/csv;charset=UTF-8")

    def _column(self, obj: Object, name: str) -> tuple[str, str | None] | None:
        """The field a column sets, and for `Partner__r.CorporateNumber__c` the field its parent is found by."""
        relation, _, key = name.partition(".")
        if not key:
            f = self._org.schema.visible(obj, name)
            return None if f is None else (f.name, None)
        reference = obj.relation(relation)
        parent = self._org.schema.objects.get(reference.refers_to[0]) if reference else None
        found = self._org.schema.visible(parent, key) if parent else None
        return (reference.name, found.name) if reference and found and found.id_lookup else None

    def _apply_if_due(self, call: Call, job: Job) -> None:
        load = self._loads[job.id]
        if load.applied or job.settled is not None or job.state(self._step) != "JobComplete":
            return
        load.applied = True
        for row in load.rows:
            before = self._writer.mark()
            try:
                if len(row) != len(load.columns):
                    raise ApiError(
                        400, "INVALID_INPUT", f"the row has {len(row)} columns, the header {len(load.columns)}"
                    )
                record_id, created = self._apply(call, job, dict(zip(load.columns, row, strict=True)))
                load.succeeded.append([record_id, "true" if created else "false", *row])
            except ApiError as error:
                self._writer.roll_back(before)
                load.failed.append(["", f"{error.code}:{error.message}:{' '.join(error.fields or [])} --", *row])

    def _apply(self, call: Call, job: Job, row: dict[str, str]) -> tuple[str, bool]:
        obj = self._org.schema.objects[job.object]
        by, at = self._org.user_id, self._org.now()
        record_id = next((v for k, v in row.items() if k.lower() == "id"), "")
        store = self._org.store
        if job.operation in ("delete", "hardDelete"):
            record = checks.existing(self._org, obj, record_id)
            self._writer.delete(record, at, by=by)
            if job.operation == "hardDelete":
                self._writer.purge(record)
            store.log_write(record, {"IsDeleted": True}, at, call.request_id)
            return record.id, False
        sent = self._values(obj, {k: v for k, v in row.items() if k.lower() != "id"})
        key = job.more.get("externalIdFieldName")
        if key is not None and not record_id:
            value = sent.get(key)
            found = [r for r in store.live(obj.name) if value is not None and r.fields.get(key) == value]
            if len(found) > 1:
                raise ApiError(300, "DUPLICATE_EXTERNAL_ID", f"{key}: more than one record found", [key])
            record_id = found[0].id if found else ""
        if job.operation == "insert" or not record_id:
            if job.operation == "update":
                raise ApiError(400, "MISSING_ARGUMENT", "Id not specified in an update call")
            values = checks.for_create(self._org, obj, sent)
            record = self._writer.create(obj, values, at, by=by)
        else:
            record = checks.existing(self._org, obj, record_id)
            values = checks.for_update(self._org, obj, record, sent)
            self._writer.update(record, values, at, by=by)
        store.log_write(record, values, at, call.request_id)
        return record.id, record.created_at == at and job.operation != "update" and not record_id

    def _values(self, obj: Object, row: dict[str, str]) -> dict[str, Any]:
        sent: dict[str, Any] = {}
        for column, text in row.items():
            if text == "":
                continue
            resolved = self._column(obj, column)
            assert resolved is not None  # the job would have failed
            name, parent_key = resolved
            if text == NULL:
                sent[name] = None
            elif parent_key is None:
                sent[name] = text
            else:
                sent[name] = self._parent_id(obj, name, parent_key, text)
        return sent

    def _parent_id(self, obj: Object, name: str, key: str, text: str) -> str:
        for r in self._org.store.live(obj.fields[name].refers_to[0]):
            if r.fields.get(key) == text:
                return r.id
        raise ApiError(400, "INVALID_FIELD", f"Foreign key external ID: {text} not found for field {key}", [])
