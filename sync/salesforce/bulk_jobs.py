"""Bulk API 2.0 queries: a job is made, waited for, read in pages that can be read again, and taken away."""

import re
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

import requests
import structlog

from sync.errors import (
    BadReply,
    FieldMissing,
    LoginRefused,
    ObjectMissing,
    QuotaExhausted,
    Stop,
    SyncError,
    Underway,
)
from sync.salesforce.client import Client

FIRST_WAIT, LONGEST_WAIT = 0.25, 30.0  # seconds between two questions whether a job is done
GROWTH = 1.7
_CODE = re.compile(r"\b[A-Z]{2,}(?:_[A-Z]+)+\b")
_UNDERWAY = {"UploadComplete", "InProgress"}
_NOT_BULK = (LoginRefused, QuotaExhausted, FieldMissing, ObjectMissing, BadReply)  # REST would not fare better

log = structlog.get_logger()


class JobFailed(Stop):
    """The CRM gave the job up, somebody aborted it, or it was not done in time."""


class JobRefused(Stop):
    """Bulk API 2.0 does not do this query; REST may."""


class JobGone(Stop):
    """There is no such job any more: they are kept for seven days."""


@dataclass(frozen=True, slots=True)
class BulkSettings:
    """`threshold` is the number of rows from which a reading goes by Bulk API 2.0; None never. `page` is rows a page of results.

    A reading waits `patience` seconds for a job, and leaves it to the next reading then; `deadline` seconds after it was made a job is given up.
    """

    threshold: int | None = 20_000
    page: int = 50_000
    patience: float = 300.0
    deadline: float = 43_200.0
    sleep: Callable[[float], None] = time.sleep
    monotonic: Callable[[], float] = time.monotonic

    def suits(self, rows: int) -> bool:
        return self.threshold is not None and rows >= self.threshold


class Job(NamedTuple):
    """A job, and the API version that made it: no other may read its results."""

    id: str
    version: str


def create(client: Client, query: str, about: str) -> Job:
    """A new job, which sees deleted and archived records too; JobRefused where Bulk does not do this query."""
    body = {
        "operation": "queryAll",
        "query": query,
        "contentType": "CSV",
        "columnDelimiter": "COMMA",
        "lineEnding": "LF",
    }
    try:
        made = client.post("jobs/query", body, f"bulk {about}")
    except _NOT_BULK:
        raise
    except Stop as e:
        raise JobRefused(
            f"Salesforce does not do the {about} by Bulk API ({e.code or 'no code'}).", status=e.status, code=e.code
        ) from e
    if not isinstance(made, Mapping) or not isinstance(made.get("id"), str):
        raise BadReply(f"The bulk {about} was accepted without a job.", remedy="Try again later.")
    return Job(made["id"], client.version())


def wait(client: Client, job: Job, about: str, settings: BulkSettings, made: datetime, *, patience: float) -> int:
    """How many records the job has, once it is done. Underway where that takes longer than `patience`; JobFailed, JobGone.

    `made` is when the job was made, by the CRM's clock.
    """
    began, asked_to_wait, pause = settings.monotonic(), 0.0, FIRST_WAIT
    while True:
        told = state(client, job, about)
        said = told.get("state")
        if said == "JobComplete":
            count = told.get("numberRecordsProcessed")
            if not isinstance(count, int):
                raise BadReply(f"The bulk {about} is complete but does not say of how many records.")
            return count
        if said not in _UNDERWAY:
            # its message may hold values of records: only a code is repeated
            cause = _CODE.search(str(told.get("errorMessage") or ""))
            raise JobFailed(
                f"Salesforce ended the bulk {about} as {said if said in {'Failed', 'Aborted'} else 'something unknown'}"
                f"{f' ({cause[0]})' if cause else ''}.",
                remedy="Nothing of it was taken for complete; the next run reads by REST.",
                code=cause[0] if cause else str(said),
            )
        # a clock that stands still must not make us wait for ever
        waited = max(settings.monotonic() - began, asked_to_wait)
        age = max((client.now() - made).total_seconds(), waited)
        if age >= settings.deadline:
            raise JobFailed(
                f"The bulk {about} was not done within {settings.deadline:.0f} seconds, and was ended.",
                remedy="The next run reads by REST; Setup > Bulk Data Load Jobs shows which other jobs the organisation runs.",
                code="deadline",
            )
        if waited >= patience:
            raise Underway(
                f"Salesforce still prepares the bulk {about}: job {job.id}, made {age / 60:.0f} minutes ago.",
                remedy="The next run asks for it again; until then the mirror holds what it held.",
                code=str(said),
            )
        settings.sleep(min(pause, patience - waited))
        asked_to_wait += min(pause, patience - waited)
        pause = min(pause * GROWTH, LONGEST_WAIT)


def state(client: Client, job: Job, about: str) -> Mapping[str, Any]:
    """The job as it stands; JobGone where there is none."""
    try:
        told = client.get(f"jobs/query/{job.id}", f"state of the bulk {about}")
    except Stop as e:
        raise _gone_or(e, job) from e
    if not isinstance(told, Mapping):
        raise BadReply(f"The state of the bulk {about} is none.", remedy="Try again later.")
    return told


def remove(client: Client, job: Job, about: str, *, running: bool = False) -> None:
    """Takes the job away, ending it first where it may still run. What goes wrong is logged: jobs vanish by themselves after a week."""
    path = f"jobs/query/{job.id}"
    if running:
        with suppress(SyncError):  # it may have ended by itself meanwhile
            client.change("PATCH", path, {"state": "Aborted"}, f"end of the bulk {about}")
    try:
        client.change("DELETE", path, None, f"removal of the bulk {about}")
    except SyncError as e:
        log.warning("bulk_job_left", job=job.id, code=e.code, status=e.status)


def results(client: Client, job: Job, about: str, locator: str | None, most: int) -> requests.Response:
    """The reply that carries a page of results, not read yet; JobGone."""
    params = {"maxRecords": str(most)} | ({"locator": locator} if locator else {})
    path = f"/services/data/v{job.version}/jobs/query/{job.id}/results"
    try:
        return client.stream(path, params, f"results of the bulk {about}")
    except Stop as e:
        raise _gone_or(e, job) from e


def _gone_or(error: Stop, job: Job) -> Stop:
    if error.status in {404, 409, 410}:
        return JobGone(f"The bulk job {job.id} is not there any more.", status=error.status, code=error.code)
    return error
