"""/jobs/query: Bulk API 2.0 queries, whose results come as CSV in pages that can be read again."""

import base64
import gzip
import re
import time
from typing import Any

from sandbox.salesforce import render
from sandbox.salesforce.bulk import DELIMITERS, ENDINGS, Job, Jobs, same_version
from sandbox.salesforce.errors import ApiError
from sandbox.salesforce.limits import BULK_QUERY_JOBS, Usage
from sandbox.salesforce.org import Org
from sandbox.salesforce.soql.parse import parse
from sandbox.salesforce.soql.run import Result, execute
from sandbox.salesforce.wire import NO_CONTENT, Call, Reply, Route

PAGE = 100_000  # rows of a results page when the client does not say


class BulkQueries:
    def __init__(self, org: Org, usage: Usage) -> None:
        self._org = org
        self._usage = usage
        self._jobs = Jobs(org, 0)
        self._results: dict[str, Result] = {}

    def routes(self) -> list[Route]:
        job = r"jobs/query/(\w+)"
        return [
            ("POST", "jobs/query", self.create),
            ("GET", "jobs/query", self.all),
            ("GET", job, self.get),
            ("PATCH", job, self.abort),
            ("DELETE", job, self.delete),
            ("GET", rf"{job}/results", self.results),
        ]

    @property
    def _step(self) -> float:
        return self._org.settings.salesforce_bulk_step_s

    def create(self, call: Call) -> Reply:
        body = call.document()
        operation = body.get("operation")
        if operation not in ("query", "queryAll") or not isinstance(body.get("query"), str):
            raise ApiError(400, "INVALID_INPUT", "operation must be query or queryAll, and query must be given")
        if self._usage.query_jobs >= BULK_QUERY_JOBS:
            message = f"Max bulk v2 query jobs ({BULK_QUERY_JOBS}) per 24 hrs has been reached"
            raise ApiError(400, "LIMIT_EXCEEDED", message)
        result = self._checked(body["query"], all_rows=operation == "queryAll")
        job = self._jobs.open(call, operation, result.object.name, body)
        job.queued = time.monotonic()
        self._usage.query_jobs += 1
        self._results[job.id] = result
        return Reply(body=job.describe(self._step))

    def _checked(self, text: str, *, all_rows: bool) -> Result:
        query = parse(text)
        if query.counts or query.aggregates:
            raise ApiError(400, "API_ERROR", "Aggregate Relationships not supported in Bulk Query")
        if query.offset_pos is not None:
            raise ApiError(400, "API_ERROR", "OFFSET is not supported in Bulk Query")
        result = execute(query, self._org, all_rows=all_rows, tooling=False)
        if any(c.field.type == "address" for c in result.columns):
            raise ApiError(400, "FUNCTIONALITY_NOT_ENABLED", "Selecting compound data not supported in Bulk Query")
        return result

    def _described(self, job: Job) -> dict[str, Any]:
        state = job.state(self._step)
        done = len(self._results[job.id].rows) if state == "JobComplete" else 0
        more: dict[str, Any] = {
            "jobType": "V2Query",
            "numberRecordsProcessed": done,
            "retries": 0,
            "totalProcessingTime": int(self._step * 1000) if done else 0,
        }
        return job.describe(self._step) | more

    def all(self, _: Call) -> Reply:
        return Reply(
            body={
                "done": True,
                "records": [self._described(j) for j in self._jobs.all()],
                "nextRecordsUrl": None,
            }
        )

    def get(self, _: Call, job_id: str) -> Reply:
        return Reply(body=self._described(self._jobs.get(job_id)))

    def abort(self, call: Call, job_id: str) -> Reply:
        job = self._jobs.get(job_id)
        if call.document().get("state") != "Aborted":
            raise ApiError(400, "INVALID_INPUT", "the only state a client can set is Aborted")
        if job.state(self._step) not in ("UploadComplete", "InProgress"):
            raise ApiError(400, "INVALIDJOBSTATE", f"Aborting a {job.state(self._step)} job is not allowed")
        job.settled = "Aborted"
        return Reply(body=job.describe(self._step))

    def delete(self, _: Call, job_id: str) -> Reply:
        job = self._jobs.get(job_id)
        self._jobs.remove(job, self._step)
        del self._results[job.id]
        return NO_CONTENT

    def results(self, call: Call, job_id: str) -> Reply:
        job = self._jobs.get(job_id)
        same_version(call, job)
        if job.state(self._step) != "JobComplete":
            raise ApiError(
                412,
                "JOB_NOT_COMPLETE",
                f"The job is {job.state(self._step)}; its results can be read once it is JobComplete",
            )
        found = self._results[job.id]
        offset = _offset(call.params.get("locator"))
        size = _size(call.params.get("maxRecords"))
        if offset > len(found.rows):
            raise _bad_locator()
        delimiter, ending = DELIMITERS[job.delimiter], ENDINGS[job.ending]
        page = found.rows[offset : offset + size]
        end = offset + len(page)
        text = render.header(found.columns, delimiter, ending) + render.page(found.columns, page, delimiter, ending)
        headers = {
            "Sforce-NumberOfRecords": str(len(page)),
            "Sforce-Locator": _locator(end) if end < len(found.rows) else "null",
        }
        content = text.encode()
        if "gzip" in call.headers.get("accept-encoding", ""):
            content, headers["Content-Encoding"] = gzip.compress(content, compresslevel=1), "gzip"
        return Reply(headers=headers, raw=content, media="text/csv;charset=UTF-8")


def _locator(offset: int) -> str:
    return base64.urlsafe_b64encode(str(offset).encode()).decode().rstrip("=")


def _bad_locator() -> ApiError:
    return ApiError(400, "INVALID_QUERY_LOCATOR", "invalid query locator")


def _offset(locator: str | None) -> int:
    if not locator:
        return 0
    try:
        return int(base64.urlsafe_b64decode(locator + "=" * (-len(locator) % 4)).decode())
    except ValueError:
        raise _bad_locator() from None


def _size(text: str | None) -> int:
    if text is None:
        return PAGE
    if not re.fullmatch(r"[1-9]\d*", text):
        raise ApiError(400, "INVALID_INPUT", f"maxRecords must be a positive number, got {text}")
    return int(text)
