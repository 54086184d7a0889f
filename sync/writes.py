"""What is written to a CRM, and what became of it: one record, one batch, a job of very many."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

Value = str | bool | int | float | list[Any] | dict[str, Any] | None


@dataclass(frozen=True, slots=True)
class RecordWrite:
    """New values for one record, by API name. None clears a field."""

    id: str
    values: Mapping[str, Value]


class WriteOutcome(StrEnum):
    APPLIED = "applied"
    REFUSED = "refused"  # for good, for this record: its cause is readable
    RETRY = "retry"  # surely not applied; may be sent again
    UNKNOWN = "unknown"  # the reply was lost: read back before sending again


@dataclass(frozen=True, slots=True)
class WriteResult:
    """What became of one record of a batch. `cause` names status codes and fields, never values."""

    id: str
    outcome: WriteOutcome
    cause: str = ""
    fields: tuple[str, ...] = ()  # API names the CRM complained of, where it said
    request_id: str | None = None  # the CRM's own name of the request, where it gives one
    ours: bool = False  # our fields or rights are at fault and not the record: every other one will be refused too
    gone: bool = False  # the record is deleted, or merged into another one


class BulkWriter(Protocol):
    """Writes of very many records by jobs, which go on in the CRM whatever becomes of us."""

    least: int  # records from which a job is made
    most: int  # records that one job takes

    def open(self, object_name: str) -> str:
        """A new job, by its id: it has no effect until it is submitted."""
        ...

    def submit(self, job_id: str, object_name: str, writes: Iterable[RecordWrite]) -> None:
        """Hands the records over; from then on they take effect. Retry where they surely never will, with this job."""
        ...

    def results(self, job_id: str, object_name: str) -> Iterator[WriteResult]:
        """Waits for the job's end; then what became of each record that it tells of. Stop at the end where the job as a whole failed.

        A job that an earlier process left is taken to its end too: one that was never submitted is ended, and tells of no record.
        """
        ...
