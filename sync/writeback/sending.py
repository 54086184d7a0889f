"""A plan on its way to one CRM: by collections and batches, or by bulk job where there is very much.

Which step may repeat, and why that is harmless: the intent commits before the call; a process killed after it leaves `sent` rows, whose
records are read before anything else is written. Only what the live value proves unapplied is sent again.
A bulk job is opened before its intent is journalled under its name, and submitted after: whoever finds the rows finds the job.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from psycopg import Connection

from models.vocabulary import ChangeStatus
from sync.connector import Connector
from sync.errors import BadReply, PermissionMissing, Retry, Stop
from sync.writeback import journal, plans
from sync.writeback.answers import given_up, judged
from sync.writeback.changes import OpenChange, Settled
from sync.writeback.live import compared, read_back
from sync.writeback.redirect import Merged, redirect
from sync.writes import BulkWriter, RecordWrite, WriteResult

Connect = Callable[[], AbstractContextManager[Connection[Any]]]
TRIES = 5  # of a record that the CRM says is surely not written: locks, rates
SETTLED = 5_000  # changes that are journalled in one transaction
FRESH = timedelta(minutes=1)  # older live values are read again before anything is sent


@dataclass(slots=True)
class DeliverCounts:
    """Fields by what became of them, and the batches it took."""

    confirmed: int = 0
    failed: int = 0
    dropped: int = 0
    batches: int = 0

    def add(self, status: ChangeStatus) -> None:
        if status is ChangeStatus.CONFIRMED:
            self.confirmed += 1
        elif status is ChangeStatus.FAILED:
            self.failed += 1
        elif status is ChangeStatus.DROPPED:
            self.dropped += 1


def _nobody(_step: str) -> None:
    """Nobody wants to know."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """What delivering needs: our database, the CRMs, a clock; who delivers, by which mapping. `reached` hears of every step."""

    connect: Connect
    connectors: Mapping[str, Connector]
    workspace: str
    clock: Callable[[], datetime]
    run_id: str = ""
    mapping_hash: str = ""
    sleep: Callable[[float], None] = time.sleep
    reached: Callable[[str], None] = field(default=_nobody)


@dataclass(slots=True)
class Sending:
    """A plan on its way to one CRM."""

    delivery: Delivery
    connector: Connector
    counts: DeliverCounts
    plan_id: str = ""
    made: datetime | None = None  # when the old values were read
    recheck: bool = False
    redirects: bool = False  # what was meant for a merged record may go to its winner
    merged: list[Merged] = field(default_factory=list)
    progress: Callable[[DeliverCounts], None] = lambda _counts: None

    def object(self, object_name: str, records: int) -> None:
        """All that is open of one object, by job where there is very much of it."""
        writer = self.connector.bulk_writer
        jobs = writer is not None and records > writer.least
        size = writer.most if writer is not None and jobs else self.connector.batch_size
        with self.delivery.connect() as conn:
            found = plans.chunks(
                conn, self.delivery.workspace, self.plan_id, self.connector.connection, object_name, size
            )
            for chunk in found:
                open_now = self._unmoved(chunk)
                if writer is not None and jobs:
                    self._by_job(writer, object_name, open_now)
                else:
                    self._by_batch(object_name, open_now)
                self.progress(self.counts)
        self.redirect(object_name)

    def settle(self, outcomes: Sequence[Settled], at: datetime | None = None) -> None:
        """Journals what became of these changes."""
        d = self.delivery
        for start in range(0, len(outcomes), SETTLED):
            some = outcomes[start : start + SETTLED]
            with d.connect() as conn, conn.transaction():
                journal.settle(
                    conn,
                    d.workspace,
                    some,
                    d.clock(),
                    crm_now=self.connector.crm_now(),
                    crm_at=at,
                    mapping_hash=d.mapping_hash,
                )
        for s in outcomes:
            self.counts.add(s.status)
            if s.merged_into is not None and s.status is ChangeStatus.FAILED:
                self.merged.append(Merged(s.change, s.merged_into, s.uncertain))

    def redirect(self, object_name: str) -> None:
        """What failed since its record was merged: to the winner, or to nobody."""
        d, merged = self.delivery, self.merged
        if not merged:
            return
        self.merged = []
        with d.connect() as conn, conn.transaction():
            done = redirect(conn, d.workspace, self.connector, merged, d.clock(), move=self.redirects)
        settled = len(merged) - done.refused
        self.counts.failed -= settled
        self.counts.dropped += settled
        for start in range(0, len(done.moved), self.connector.batch_size):
            self._by_batch(object_name, done.moved[start : start + self.connector.batch_size])

    def _unmoved(self, chunk: list[OpenChange]) -> list[OpenChange]:
        old = self.made is not None and self.delivery.clock() - self.made > FRESH
        if not (self.recheck or old):
            return chunk
        keep, outcomes = compared(self.connector, chunk)
        self.settle(outcomes)
        return keep

    def _by_batch(self, object_name: str, batch: list[OpenChange]) -> None:
        open_now = batch
        for attempt in range(TRIES):
            if not open_now:
                return
            self._pause(attempt)
            at = self._begin(open_now)
            try:
                results = self.connector.write(object_name, self._writes(open_now))
            except BadReply:
                results = []  # what was answered is no answer: the live values tell
            except Stop as e:
                self.settle([Settled(c, ChangeStatus.PLANNED, e.message) for c in open_now])
                raise
            self.delivery.reached("answered")
            open_now = self._looked_at(open_now, results, at, last=attempt == TRIES - 1)

    def _by_job(self, writer: BulkWriter, object_name: str, chunk: list[OpenChange]) -> None:
        open_now = chunk
        for attempt in range(TRIES):
            if not open_now:
                return
            self._pause(attempt)
            last = attempt == TRIES - 1
            job_id = writer.open(object_name)
            self.delivery.reached("job opened")
            at = self._begin(open_now, job_id)
            try:
                writer.submit(job_id, object_name, self._writes(open_now))
            except Retry as e:
                stands = ChangeStatus.FAILED if last else ChangeStatus.PLANNED
                self.settle([Settled(c, stands, e.message) for c in open_now])
                continue
            self.delivery.reached("job submitted")
            results, failed = results_of(writer, job_id, object_name)
            self.delivery.reached("answered")
            open_now = self._looked_at(open_now, results, at, last=last, uncertain=False)
            if failed is not None:
                raise failed

    def _begin(self, changes: list[OpenChange], job_id: str | None = None) -> datetime:
        """Journals the intent; returns the CRM's clock just before, in whole seconds as its stamps are."""
        at = self.connector.crm_now().replace(microsecond=0)
        d = self.delivery
        d.reached("before the intent")
        with d.connect() as conn, conn.transaction():
            journal.mark_sent(conn, d.workspace, changes, d.clock(), run_id=d.run_id, job_id=job_id)
        self.counts.batches += 1
        d.reached("intent journalled")
        return at

    def _looked_at(
        self,
        changes: list[OpenChange],
        results: Sequence[WriteResult],
        at: datetime | None,
        *,
        last: bool,
        uncertain: bool = True,
    ) -> list[OpenChange]:
        """Settles what was answered, then what the live values prove of the rest; returns what is to be sent again."""
        outcomes, unknown = judged(self.connector, changes, results)
        outcomes = [given_up(s) if last else s for s in outcomes]
        self.settle(outcomes, at)
        self.delivery.reached("answers settled")
        if unknown:
            found = [given_up(s) if last else s for s in read_back(self.connector, unknown, uncertain=uncertain)]
            self.delivery.reached("read back")
            self.settle(found, at)
            outcomes += found
        fault = next((r for r in results if r.ours), None)
        if fault is not None:
            raise PermissionMissing(
                f"{self.connector.connection} refuses our fields {', '.join(fault.fields) or 'on this object'}: {fault.cause}.",
                remedy="Give them back with: sakigake provision",
            )
        return [s.change for s in outcomes if s.status is ChangeStatus.PLANNED]

    def _writes(self, changes: Sequence[OpenChange]) -> list[RecordWrite]:
        by_record: dict[str, dict[str, Any]] = {}
        for c in changes:
            by_record.setdefault(c.record.id, {})[c.api_name] = self.connector.encode(c.field, c.new)
        return [RecordWrite(record_id, values) for record_id, values in by_record.items()]

    def _pause(self, attempt: int) -> None:
        if attempt:
            self.delivery.sleep(min(0.5 * 2**attempt, 8.0))


def results_of(writer: BulkWriter, job_id: str, object_name: str) -> tuple[list[WriteResult], Stop | None]:
    """What the job says of each record; and why nothing more can be asked, where that is so."""
    results: list[WriteResult] = []
    try:
        results.extend(writer.results(job_id, object_name))
    except Stop as e:
        return results, e
    return results, None
