"""What both kinds of bulk job share: states that pass with time, the job's description, CSV dialects."""

import time
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sandbox.salesforce import ids, stamps
from sandbox.salesforce.errors import ApiError
from sandbox.salesforce.org import Org
from sandbox.salesforce.wire import Call

DELIMITERS = {"COMMA": ",", "TAB": "\t", "PIPE": "|", "SEMICOLON": ";", "CARET": "^", "BACKQUOTE": "`"}
ENDINGS = {"LF": "\n", "CRLF": "\r\n"}


@dataclass(slots=True)
class Job:
    """One job. Without a `settled` state it moves from UploadComplete over InProgress to JobComplete as time passes."""

    id: str
    operation: str
    object: str
    version: str
    created: datetime
    created_by: str
    delimiter: str
    ending: str
    settled: str | None = None
    queued: float | None = None  # monotonic; when it began to wait
    looked: float = 0.0  # monotonic; when it was last looked up: one reply tells one state, however long it takes
    error: str | None = None
    more: dict[str, Any] = field(default_factory=dict)

    def state(self, step_s: float) -> str:
        if self.settled is not None or self.queued is None:
            return self.settled or "Open"
        waited = max(self.looked - self.queued, 0.0)
        return ("UploadComplete", "InProgress", "JobComplete")[min(int(waited / step_s) if step_s > 0 else 2, 2)]

    def describe(self, step_s: float) -> dict[str, Any]:
        return {
            "id": self.id,
            "operation": self.operation,
            "object": self.object,
            "createdById": self.created_by,
            "createdDate": stamps.rest(self.created),
            "systemModstamp": stamps.rest(self.created),
            "state": self.state(step_s),
            **self.more,
            "concurrencyMode": "Parallel",
            "contentType": "CSV",
            "apiVersion": float(self.version.removeprefix("v")),
            "lineEnding": self.ending,
            "columnDelimiter": self.delimiter,
        }


class Jobs:
    """The jobs of one kind, by id."""

    def __init__(self, org: Org, first: int) -> None:
        self._org = org
        self._serial = first
        self._jobs: dict[str, Job] = {}

    def open(self, call: Call, operation: str, object_name: str, body: dict[str, Any]) -> Job:
        delimiter, ending = str(body.get("columnDelimiter", "COMMA")), str(body.get("lineEnding", "LF"))
        if delimiter not in DELIMITERS or ending not in ENDINGS or body.get("contentType", "CSV") != "CSV":
            raise ApiError(
                400, "INVALID_INPUT", "contentType, columnDelimiter or lineEnding is not one that Bulk API 2.0 knows"
            )
        self._serial += 1
        job_id = ids.mint("750", self._serial)
        now = self._org.now()
        job = Job(job_id, operation, object_name, call.version, now, self._org.user_id, delimiter, ending)
        self._jobs[job_id] = job
        return job

    def all(self) -> list[Job]:
        return [self.get(job_id) for job_id in self._jobs]

    def get(self, job_id: str) -> Job:
        job = self._jobs.get(ids.full(job_id) or "")
        if job is None:
            raise ApiError(404, "NOT_FOUND", "The requested resource does not exist")
        job.looked = time.monotonic()
        return job

    def remove(self, job: Job, step_s: float) -> None:
        if job.state(step_s) not in ("JobComplete", "Failed", "Aborted"):
            raise ApiError(400, "INVALIDJOBSTATE", "The job must be completed, failed or aborted before it is deleted")
        self.forget(job)

    def forget(self, job: Job) -> None:
        del self._jobs[job.id]


def same_version(call: Call, job: Job) -> None:
    if call.version != job.version:
        message = f"The job was created with API version {job.version.removeprefix('v')}; use the same version for its results"
        raise ApiError(409, "API_VERSION_MISMATCH", message)
