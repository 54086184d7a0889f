"""Bulk API 2.0 writes: a job is opened, filled, closed, waited for, and its three lists of results are read, whatever its state.

A job has no effect until it is closed, and goes on after that whatever becomes of us. Rows that its lists do not name are told of by
nobody: the live values tell. In its files an empty cell leaves a field as it is, and `#N/A` clears it.
"""

import csv
import io
import re
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from typing import IO, Any

import structlog

from sync.errors import BadReply, FieldMissing, Retry, Stop, SyncError, Unreachable
from sync.salesforce.bulk_jobs import FIRST_WAIT, GROWTH, LONGEST_WAIT, BulkSettings, JobFailed
from sync.salesforce.client import Client
from sync.salesforce.ids import is_id, long_id
from sync.salesforce.write import judged
from sync.writes import RecordWrite, Value, WriteOutcome, WriteResult

LEAST = 10_000  # records; up to there, collections cost fewer calls than a job has steps
MOST = 10_000  # records of one job: what is held in memory, and far from the 100 MB that a job may have
NULL = "#N/A"
ENDED = frozenset({"JobComplete", "Failed", "Aborted"})
_CODE = re.compile(r"[A-Z][A-Z_]+(?=:)")
_NO_FIELD = re.compile(r"Field name not found : ([A-Za-z0-9_.]+)")

log = structlog.get_logger()


class BulkIngest:
    """The BulkWriter of one organisation."""

    def __init__(self, client: Client, settings: BulkSettings, *, least: int = LEAST, most: int = MOST) -> None:
        self.least = least
        self.most = most
        self._client = client
        self._settings = settings

    def open(self, object_name: str) -> str:
        """A new job, by its id. Asked for again where the answer was lost: a job that nobody fills has no effect."""
        body = {"object": object_name, "operation": "update", "contentType": "CSV", "lineEnding": "LF"}
        made = self._client.post("jobs/ingest", body, f"bulk write of {object_name}", kind="write")
        if not isinstance(made, Mapping) or not isinstance(made.get("id"), str):
            raise BadReply(f"The bulk write of {object_name} was accepted without a job.", remedy="Try again later.")
        return str(made["id"])

    def submit(self, job_id: str, object_name: str, writes: Iterable[RecordWrite]) -> None:
        about = f"bulk write of {object_name}"
        path = f"/services/data/v{self._client.version()}/jobs/ingest/{job_id}/batches"
        with tempfile.TemporaryFile("w+b") as file:
            _write_csv(file, list(writes))
            try:
                self._client.upload(path, file, about)
            except SyncError:
                self._abort(job_id, about)
                raise
        try:
            self._client.change("PATCH", f"jobs/ingest/{job_id}", {"state": "UploadComplete"}, about)
        except SyncError:
            # whether it is closed, the job itself knows
            if self._state(job_id, about).get("state") == "Open":
                self._abort(job_id, about)
                raise

    def results(self, job_id: str, object_name: str) -> Iterator[WriteResult]:
        about = f"bulk write of {object_name}"
        told = self._wait(job_id, about)
        if told is None:
            return
        for row in self._rows(job_id, "successfulResults", about):
            yield WriteResult(_id(row), WriteOutcome.APPLIED, request_id=job_id)
        for row in self._rows(job_id, "failedResults", about):
            said = str(row.get("sf__Error") or "")
            found = _CODE.match(said)
            yield judged(_id(row), [found[0] if found else "UNKNOWN_EXCEPTION"], _fields(said), job_id)
        for row in self._rows(job_id, "unprocessedrecords", about):
            yield WriteResult(_id(row), WriteOutcome.RETRY, "Salesforce did not come to this record", request_id=job_id)
        with suppress(SyncError):  # it vanishes by itself after a week
            self._client.change("DELETE", f"jobs/ingest/{job_id}", None, f"removal of the {about}")
        if told.get("state") != "JobComplete":
            raise _failure(told, about)

    def _wait(self, job_id: str, about: str) -> Mapping[str, Any] | None:
        """The job when it has ended; None where there is none any more. One that nobody closed is ended here."""
        s = self._settings
        began, waited, pause = s.monotonic(), 0.0, FIRST_WAIT
        while True:
            try:
                told = self._state(job_id, about)
            except Stop as e:
                if e.status in (404, 410):
                    return None
                raise
            if told.get("state") in ENDED:
                return told
            if told.get("state") == "Open" or max(s.monotonic() - began, waited) >= s.deadline:
                self._abort(job_id, about)
                told = self._state(job_id, about)
                if told.get("state") in ENDED:
                    return told
                # it may still take effect: nothing is concluded
                raise Unreachable(f"The {about} has not come to its end.", remedy="The next run asks for it again.")
            s.sleep(pause)
            waited += pause
            pause = min(pause * GROWTH, LONGEST_WAIT)

    def _state(self, job_id: str, about: str) -> Mapping[str, Any]:
        told = self._client.get(f"jobs/ingest/{job_id}", f"state of the {about}")
        if not isinstance(told, Mapping):
            raise BadReply(f"The state of the {about} is none.", remedy="Try again later.")
        return told

    def _abort(self, job_id: str, about: str) -> None:
        try:
            self._client.change("PATCH", f"jobs/ingest/{job_id}", {"state": "Aborted"}, f"end of the {about}")
        except SyncError as e:  # it may have ended by itself meanwhile; its state is asked for where that matters
            log.warning("bulk_job_not_ended", job=job_id, code=e.code, status=e.status)

    def _rows(self, job_id: str, which: str, about: str) -> Iterator[dict[str, str]]:
        path = f"/services/data/v{self._client.version()}/jobs/ingest/{job_id}/{which}/"
        reply = self._client.stream(path.rstrip("/"), {}, f"{which} of the {about}")
        try:
            lines = io.TextIOWrapper(io.BufferedReader(_Raw(reply)), encoding="utf-8", newline="")
            yield from csv.DictReader(lines)
        except (csv.Error, UnicodeDecodeError, OSError) as e:
            raise Retry(f"The {which} of the {about} broke off.", remedy="The next run asks for them again.") from e
        finally:
            reply.close()


class _Raw(io.RawIOBase):
    """A reply's body as a file to read from; a connection that breaks is an OSError."""

    def __init__(self, reply: Any) -> None:
        self._blocks = reply.iter_content(1 << 16)
        self._rest = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if not self._rest:
            try:
                self._rest = next(self._blocks, b"")
            except Exception as e:
                raise OSError(type(e).__name__) from e
        count = min(len(buffer), len(self._rest))
        buffer[:count], self._rest = self._rest[:count], self._rest[count:]
        return count


def _write_csv(file: IO[bytes], writes: list[RecordWrite]) -> None:
    columns = sorted({name for w in writes for name in w.values})
    text = io.TextIOWrapper(file, encoding="utf-8", newline="", write_through=False)
    out = csv.writer(text, lineterminator="\n")
    out.writerow(["Id", *columns])
    for w in writes:
        out.writerow([long_id(w.id), *(_cell(w.values[c]) if c in w.values else "" for c in columns)])
    text.flush()
    text.detach()


def _cell(value: Value) -> str:
    if value is None or value == "":
        return NULL
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _id(row: Mapping[str, str]) -> str:
    found = row.get("Id") or row.get("sf__Id") or ""
    return long_id(found) if is_id(found) else found


def _fields(said: str) -> tuple[str, ...]:
    """The API names that the error names at its end: `CODE:message:Field__c --`."""
    named = said.rpartition(":")[2].removesuffix("--").split()
    return tuple(n for n in named if n.endswith("__c"))


def _failure(told: Mapping[str, Any], about: str) -> Stop:
    said = str(told.get("errorMessage") or "")
    if missing := _NO_FIELD.search(said):
        return FieldMissing(
            f"The field {missing[1]} is not there, or not visible to the integration user ({about}).",
            remedy="Make our fields, and the rights to see them, with: sakigake provision",
            code="INVALID_FIELD",
        )
    return JobFailed(
        f"Salesforce ended the {about} as {told.get('state')}.",
        remedy="What it had written is journalled; the next run goes on with the rest.",
        code=str(told.get("state")),
    )
