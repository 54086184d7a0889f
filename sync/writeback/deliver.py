"""Sends a plan: intent journalled, batch sent, every record's answer looked at, lost answers read back.

Which step may repeat, and why that is harmless: `mark_sent` commits before the call; a process killed after it leaves `sent` rows,
and `resolve_lost` reads those records before anything else is written. Only what the live value proves unapplied is sent again.
A bulk job is opened before its intent is journalled under its name, and submitted after: whoever finds the rows finds the job.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any

from psycopg import Connection

from models.vocabulary import ChangeStatus
from sync.connector import BulkWriter, Connector, RecordWrite, WriteOutcome, WriteResult
from sync.errors import BadReply, PermissionMissing, Retry, Stop, SyncError
from sync.writeback import journal
from sync.writeback.journal import OpenChange, Settled
from sync.writeback.live import compared, read_back, where_they_went

Connect = Callable[[], AbstractContextManager[Connection[Any]]]
TRIES = 5  # of a record that the CRM says is surely not written: locks, rates
FRESH = timedelta(minutes=1)  # older live values are read again before anything is sent
LATE = timedelta(
    minutes=5
)  # so long an unanswered write may still take effect: no other value is sent after it meanwhile
GAVE_UP = "the CRM took none of several tries"


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


def resolve_lost(delivery: Delivery) -> DeliverCounts:
    """Settles every change that was sent and never answered: by its job's own results, or by the value the CRM holds now."""
    counts = DeliverCounts()
    with delivery.connect() as conn:
        lost = journal.sent_changes(conn, delivery.workspace)
    lost.sort(key=lambda c: (c.record.connection, c.record.object, c.job_id or "", c.plan_id, c.seq))
    for (connection, _object, job_id), group in groupby(
        lost, key=lambda c: (c.record.connection, c.record.object, c.job_id)
    ):
        connector = delivery.connectors.get(connection)
        if connector is None:
            continue
        changes = list(group)
        one = _Sending(delivery, connector, counts)
        if job_id is not None and connector.bulk_writer is not None:
            changes = one.of_job(connector.bulk_writer, job_id, changes, resolving=True)
        outcomes = read_back(connector, changes, uncertain=job_id is None) if changes else []
        one.settle([_decided_anew(s) for s in outcomes])
    return counts


def _decided_anew(outcome: Settled) -> Settled:
    if outcome.status is not ChangeStatus.PLANNED:
        return outcome
    cause = outcome.cause or "it was sent, and did not take effect"
    return Settled(
        outcome.change, ChangeStatus.DROPPED, f"{cause}; the next plan decides again", uncertain=outcome.uncertain
    )


def deliver(
    delivery: Delivery,
    plan_id: str,
    *,
    recheck: bool = False,
    progress: Callable[[DeliverCounts], None] = lambda _counts: None,
) -> DeliverCounts:
    """Delivers what the plan still has open. `recheck` compares each record with its live value first, as is done for plans that waited.

    Raises Stop where a connection cannot go on, after the others came to their end; what was settled stays settled, the rest stays planned.
    """
    counts = DeliverCounts()
    with delivery.connect() as conn:
        places = journal.open_places(conn, delivery.workspace, plan_id)
        made = journal.created_at(conn, delivery.workspace, plan_id)
    failures: list[SyncError] = []
    for connection, group in groupby(places, key=lambda p: p[0]):
        connector = delivery.connectors[connection]
        sending = _Sending(delivery, connector, counts, plan_id, made, recheck=recheck, progress=progress)
        try:
            for _, object_name, records in group:
                sending.object(object_name, records)
        except SyncError as e:
            failures.append(e)
    with delivery.connect() as conn:
        journal.finish_plan(conn, delivery.workspace, plan_id)
    if failures:
        raise failures[0]
    return counts


@dataclass(slots=True)
class _Sending:
    """A plan on its way to one CRM."""

    delivery: Delivery
    connector: Connector
    counts: DeliverCounts
    plan_id: str = ""
    made: datetime | None = None  # when the old values were read
    recheck: bool = False
    progress: Callable[[DeliverCounts], None] = lambda _counts: None

    def object(self, object_name: str, records: int) -> None:
        """All that is open of one object, by job where there is very much of it."""
        writer = self.connector.bulk_writer
        jobs = writer is not None and records > writer.least
        size = writer.most if writer is not None and jobs else self.connector.batch_size
        with self.delivery.connect() as conn:
            found = journal.chunks(
                conn, self.delivery.workspace, self.plan_id, self.connector.connection, object_name, size
            )
            for chunk in found:
                open_now = self._unmoved(chunk)
                if writer is not None and jobs:
                    self._by_job(writer, object_name, open_now)
                else:
                    self._by_batch(object_name, open_now)
                self.progress(self.counts)

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
            job_id = writer.open(object_name)
            self.delivery.reached("job opened")
            at = self._begin(open_now, job_id)
            try:
                writer.submit(job_id, object_name, self._writes(open_now))
            except Retry as e:
                last = ChangeStatus.FAILED if attempt == TRIES - 1 else ChangeStatus.PLANNED
                self.settle([Settled(c, last, e.message) for c in open_now])
                continue
            self.delivery.reached("job submitted")
            open_now = self.of_job(writer, job_id, open_now, at=at, last=attempt == TRIES - 1)

    def of_job(
        self,
        writer: BulkWriter,
        job_id: str,
        changes: list[OpenChange],
        *,
        at: datetime | None = None,
        last: bool = False,
        resolving: bool = False,
    ) -> list[OpenChange]:
        """The job's results, settled. Returns what is to be sent again; `resolving`, what the job said nothing about."""
        results: list[WriteResult] = []
        failed: SyncError | None = None
        try:
            results.extend(writer.results(job_id, changes[0].record.object))
        except Stop as e:
            failed = e
        self.delivery.reached("answered")
        named = {r.id for r in results}
        if resolving:
            told = [c for c in changes if c.record.id in named]
            outcomes, _ = self._judged(told, results)
            self.settle([_decided_anew(s) for s in outcomes], at)
            return [c for c in changes if c.record.id not in named]
        left = self._looked_at(changes, results, at, last=last, uncertain=False)
        if failed is not None:
            raise failed
        return left

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
        outcomes, unknown = self._judged(changes, results)
        outcomes = [_given_up(s) if last else s for s in outcomes]
        self.settle(outcomes, at)
        self.delivery.reached("answers settled")
        if unknown:
            found = [_given_up(s) if last else s for s in read_back(self.connector, unknown, uncertain=uncertain)]
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

    def _judged(
        self, changes: Sequence[OpenChange], results: Sequence[WriteResult]
    ) -> tuple[list[Settled], list[OpenChange]]:
        """What the answers say of each change; and those of which nobody knows."""
        answered = {r.id: r for r in results}
        outcomes: list[Settled] = []
        unknown: list[OpenChange] = []
        for c in changes:
            r = answered.get(c.record.id)
            if r is None or r.outcome is WriteOutcome.UNKNOWN:
                unknown.append(c)
            elif r.outcome is WriteOutcome.APPLIED:
                outcomes.append(Settled(c, ChangeStatus.CONFIRMED, request_id=r.request_id))
            elif r.outcome is WriteOutcome.REFUSED:
                keep = not (r.ours or r.gone)
                outcomes.append(Settled(c, ChangeStatus.FAILED, r.cause, r.request_id, withhold=keep))
            else:
                outcomes.append(Settled(c, ChangeStatus.PLANNED, r.cause, r.request_id))
        lost = [c for c in changes if (r := answered.get(c.record.id)) is not None and r.gone]
        if lost:
            went = where_they_went(self.connector, lost)
            outcomes = [
                Settled(s.change, s.status, went[s.change.record.id], s.request_id)
                if s.status is ChangeStatus.FAILED and s.change.record.id in went
                else s
                for s in outcomes
            ]
        return outcomes, unknown

    def settle(self, outcomes: Sequence[Settled], at: datetime | None = None) -> None:
        """Journals what became of these changes."""
        if not outcomes:
            return
        d = self.delivery
        with d.connect() as conn, conn.transaction():
            journal.settle(conn, d.workspace, outcomes, d.clock(), crm_at=at, mapping_hash=d.mapping_hash)
        for s in outcomes:
            self.counts.add(s.status)

    def _writes(self, changes: Sequence[OpenChange]) -> list[RecordWrite]:
        by_record: dict[str, dict[str, Any]] = {}
        for c in changes:
            by_record.setdefault(c.record.id, {})[c.api_name] = self.connector.encode(c.field, c.new)
        return [RecordWrite(record_id, values) for record_id, values in by_record.items()]

    def _pause(self, attempt: int) -> None:
        if attempt:
            self.delivery.sleep(min(0.5 * 2**attempt, 8.0))


def _given_up(outcome: Settled) -> Settled:
    if outcome.status is not ChangeStatus.PLANNED:
        return outcome
    return Settled(outcome.change, ChangeStatus.FAILED, outcome.cause or GAVE_UP, outcome.request_id, outcome.uncertain)
