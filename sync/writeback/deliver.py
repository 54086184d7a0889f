"""Sends a plan: intent journalled, batch sent, every record's answer looked at, lost answers read back.

Which step may repeat, and why that is harmless: `mark_sent` commits before the call; a process killed after it leaves `sent` rows,
and `resolve_lost` reads those records before anything else is written. Only what the live value proves unapplied is sent again.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any

from psycopg import Connection

from models.vocabulary import ChangeStatus, RecordRef
from sync.connector import Connector, LiveRecord, RecordWrite, WriteOutcome
from sync.writeback import journal
from sync.writeback.journal import OpenChange
from sync.writeback.plan import Stored, Wanted, same

Connect = Callable[[], AbstractContextManager[Connection[Any]]]
TRIES = 4  # of a record that the CRM says is surely not written: locks, rates


@dataclass(slots=True)
class DeliverCounts:
    """Fields by what became of them, and the batches it took."""

    confirmed: int = 0
    failed: int = 0
    dropped: int = 0
    batches: int = 0


@dataclass(frozen=True, slots=True)
class Delivery:
    """What delivering needs: our database, the CRMs, a clock."""

    connect: Connect
    connectors: Mapping[str, Connector]
    workspace: str
    clock: Callable[[], datetime]
    sleep: Callable[[float], None] = time.sleep


def live_values(
    connectors: Mapping[str, Connector], wanted: Sequence[Wanted], prefix: str
) -> dict[RecordRef, dict[str, Stored] | None]:
    """The decoded live values of the fields wanted, by record; None where the record is not there."""
    found: dict[RecordRef, dict[str, Stored] | None] = {}
    ordered = sorted(wanted, key=lambda w: (w.record.connection, w.record.object, w.record.id))
    for (connection, object_name), group in groupby(ordered, key=lambda w: (w.record.connection, w.record.object)):
        members = list(group)
        connector = connectors[connection]
        fields = {w.field.name: w.field for w in members}
        api = {name: connector.api_name(f, prefix) for name, f in fields.items()}
        ids = list(dict.fromkeys(w.record.id for w in members))
        for record_id, record in connector.read(object_name, ids, sorted(api.values())).items():
            place = RecordRef(connection, object_name, record_id)
            found[place] = (
                None
                if record.missing or record.merged_into
                else {name: connector.decode(f, record.values.get(api[name])) for name, f in fields.items()}
            )
    return found


def resolve_lost(delivery: Delivery) -> DeliverCounts:
    """Settles every change that was sent and never answered, by the value the CRM holds now."""
    counts = DeliverCounts()
    with delivery.connect() as conn:
        lost = journal.open_changes(conn, delivery.workspace, ChangeStatus.SENT)
    for object_key, changes in _by_object(lost):
        connector = delivery.connectors.get(object_key[0])
        if connector is None:
            continue
        outcomes = _read_back(connector, changes)
        settled = [
            (c, ChangeStatus.DROPPED, "the answer was lost and the value had not arrived; the next plan decides again")
            if status is ChangeStatus.PLANNED
            else (c, status, cause)
            for c, status, cause in outcomes
        ]
        _settle(delivery, settled, counts)
    return counts


def deliver(
    delivery: Delivery,
    plan_id: str,
    *,
    recheck: bool = False,
    progress: Callable[[DeliverCounts], None] = lambda _counts: None,
) -> DeliverCounts:
    """Delivers what the plan still has open. `recheck` compares each record with its live value first, for plans that have waited.

    Raises Stop where a connection cannot go on; what was settled stays settled, the rest stays planned.
    """
    counts = DeliverCounts()
    with delivery.connect() as conn:
        todo = journal.open_changes(conn, delivery.workspace, ChangeStatus.PLANNED, plan_id)
    for (connection, _object), changes in _by_object(todo):
        connector = delivery.connectors[connection]
        for batch in _batches(changes, connector.batch_size):
            _deliver_batch(
                delivery, connector, _unmoved(delivery, connector, batch, counts) if recheck else batch, counts
            )
            progress(counts)
    with delivery.connect() as conn:
        journal.finish_plan(conn, delivery.workspace, plan_id)
    return counts


def _deliver_batch(
    delivery: Delivery, connector: Connector, batch: Sequence[OpenChange], counts: DeliverCounts
) -> None:
    """One batch, until each of its records is settled."""
    open_now = list(batch)
    for attempt in range(TRIES):
        if not open_now:
            return
        if attempt:
            delivery.sleep(min(0.5 * 2**attempt, 8.0))
        with delivery.connect() as conn, conn.transaction():
            journal.mark_sent(conn, delivery.workspace, open_now, delivery.clock())
        counts.batches += 1
        by_record: dict[str, list[OpenChange]] = {}
        for c in open_now:
            by_record.setdefault(c.record.id, []).append(c)
        results = connector.write(
            open_now[0].record.object,
            [RecordWrite(i, {c.api_name: connector.encode(c.field, c.new) for c in cs}) for i, cs in by_record.items()],
        )
        outcomes: list[tuple[OpenChange, ChangeStatus, str]] = []
        answered = {r.id: r for r in results}
        unknown: list[OpenChange] = []
        for record_id, cs in by_record.items():
            result = answered.get(record_id)
            if result is None or result.outcome is WriteOutcome.UNKNOWN:
                unknown += cs
            elif result.outcome is WriteOutcome.APPLIED:
                outcomes += [(c, ChangeStatus.CONFIRMED, "") for c in cs]
            elif result.outcome is WriteOutcome.REFUSED:
                outcomes += [(c, ChangeStatus.FAILED, result.cause) for c in cs]
            else:
                outcomes += [(c, ChangeStatus.PLANNED, result.cause) for c in cs]
        if unknown:
            outcomes += _read_back(connector, unknown)
        if attempt == TRIES - 1:
            outcomes = [
                (c, ChangeStatus.FAILED, cause or "the CRM took none of several tries")
                if s is ChangeStatus.PLANNED
                else (c, s, cause)
                for c, s, cause in outcomes
            ]
        _settle(delivery, outcomes, counts)
        open_now = [c for c, status, _ in outcomes if status is ChangeStatus.PLANNED]


def _read_back(connector: Connector, changes: Sequence[OpenChange]) -> list[tuple[OpenChange, ChangeStatus, str]]:
    """What the live values prove of changes whose answer was lost: confirmed, still as before (planned), or somebody else's."""
    live = _live(connector, changes)
    outcomes: list[tuple[OpenChange, ChangeStatus, str]] = []
    for c in changes:
        record = live[c.record.id]
        if record.missing or record.merged_into:
            outcomes.append((c, ChangeStatus.FAILED, "the record is deleted or merged"))
            continue
        value = connector.decode(c.field, record.values.get(c.api_name))
        if same(c.field, value, c.new):
            outcomes.append((c, ChangeStatus.CONFIRMED, "the answer was lost; read back"))
        elif same(c.field, value, c.old):
            outcomes.append((c, ChangeStatus.PLANNED, "the answer was lost; read back as not applied"))
        else:
            outcomes.append((c, ChangeStatus.DROPPED, "the answer was lost, and the field holds a third value now"))
    return outcomes


def _unmoved(
    delivery: Delivery, connector: Connector, batch: Sequence[OpenChange], counts: DeliverCounts
) -> list[OpenChange]:
    """Those whose live value is still the one the plan saw; the others are settled as what they are."""
    live = _live(connector, batch)
    keep: list[OpenChange] = []
    outcomes: list[tuple[OpenChange, ChangeStatus, str]] = []
    for c in batch:
        record = live[c.record.id]
        value = connector.decode(c.field, record.values.get(c.api_name))
        if record.missing or record.merged_into:
            outcomes.append((c, ChangeStatus.FAILED, "the record is deleted or merged"))
        elif same(c.field, value, c.new):
            outcomes.append((c, ChangeStatus.CONFIRMED, "the CRM already held the value"))
        elif same(c.field, value, c.old):
            keep.append(c)
        else:
            outcomes.append((c, ChangeStatus.DROPPED, "somebody changed the field after the plan was made"))
    _settle(delivery, outcomes, counts)
    return keep


def _live(connector: Connector, changes: Sequence[OpenChange]) -> dict[str, LiveRecord]:
    ids = list(dict.fromkeys(c.record.id for c in changes))
    return connector.read(changes[0].record.object, ids, sorted({c.api_name for c in changes})) if ids else {}


def _settle(
    delivery: Delivery, outcomes: Sequence[tuple[OpenChange, ChangeStatus, str]], counts: DeliverCounts
) -> None:
    if not outcomes:
        return
    with delivery.connect() as conn, conn.transaction():
        journal.settle(conn, delivery.workspace, outcomes, delivery.clock())
    for _, status, _ in outcomes:
        if status is ChangeStatus.CONFIRMED:
            counts.confirmed += 1
        elif status is ChangeStatus.FAILED:
            counts.failed += 1
        elif status is ChangeStatus.DROPPED:
            counts.dropped += 1


def _by_object(changes: Sequence[OpenChange]) -> Iterator[tuple[tuple[str, str], list[OpenChange]]]:
    ordered = sorted(changes, key=lambda c: (c.record.connection, c.record.object, c.plan_id, c.seq))
    for key, group in groupby(ordered, key=lambda c: (c.record.connection, c.record.object)):
        yield key, list(group)


def _batches(changes: Sequence[OpenChange], size: int) -> Iterator[list[OpenChange]]:
    """Batches of at most `size` records, each record whole, in the order of the plan."""
    batch: list[OpenChange] = []
    records = 0
    for _, group in groupby(changes, key=lambda c: c.record.id):
        members = list(group)
        if records == size:
            yield batch
            batch, records = [], 0
        batch += members
        records += 1
    if batch:
        yield batch
