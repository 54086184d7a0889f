"""Sends a plan: intent journalled, batch sent, every record's answer looked at; first of all, lost answers of earlier runs are read back."""

from collections.abc import Callable
from datetime import timedelta
from itertools import groupby

from models.vocabulary import PlanKind
from sync.connector import Connector
from sync.errors import SyncError
from sync.writeback import journal, plans
from sync.writeback.answers import decided_anew, judged
from sync.writeback.changes import OpenChange, Settled
from sync.writeback.live import read_back
from sync.writeback.sending import DeliverCounts, Delivery, Sending, results_of
from sync.writes import BulkWriter

LATE = timedelta(
    minutes=5
)  # so long an unanswered write may still take effect: no other value is sent after it meanwhile


def resolve_lost(delivery: Delivery) -> DeliverCounts:
    """Settles every change that was sent and never answered: by its job's own results, or by the value the CRM holds now."""
    counts = DeliverCounts()
    with delivery.connect() as conn:
        lost = journal.sent_changes(conn, delivery.workspace)
    lost.sort(key=lambda c: (c.record.connection, c.record.object, c.job_id or "", c.plan_id, c.seq))
    for (connection, object_name, job_id), group in groupby(
        lost, key=lambda c: (c.record.connection, c.record.object, c.job_id)
    ):
        connector = delivery.connectors.get(connection)
        if connector is None:
            continue
        changes, outcomes = list(group), list[Settled]()
        if job_id is not None and connector.bulk_writer is not None:
            outcomes, changes = _told_by_job(connector, connector.bulk_writer, job_id, changes)
        if changes:
            outcomes += read_back(connector, changes, uncertain=job_id is None)
        sending = Sending(delivery, connector, counts)
        sending.settle([decided_anew(s) for s in outcomes])
        sending.redirect(object_name)
    return counts


def _told_by_job(
    connector: Connector, writer: BulkWriter, job_id: str, changes: list[OpenChange]
) -> tuple[list[Settled], list[OpenChange]]:
    """What the job's own results say; and those that it says nothing about."""
    results, _ = results_of(writer, job_id, changes[0].record.object)
    outcomes, unknown = judged(connector, changes, results)
    return outcomes, unknown


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
        places = plans.open_places(conn, delivery.workspace, plan_id)
        made, kind = plans.origin(conn, delivery.workspace, plan_id)
    failures: list[SyncError] = []
    for connection, group in groupby(places, key=lambda p: p[0]):
        connector = delivery.connectors[connection]
        sending = Sending(
            delivery,
            connector,
            counts,
            plan_id,
            made,
            recheck=recheck,
            redirects=kind is PlanKind.WRITE,
            progress=progress,
        )
        try:
            for _, object_name, records in group:
                sending.object(object_name, records)
        except SyncError as e:
            failures.append(e)
    with delivery.connect() as conn:
        plans.finish_plan(conn, delivery.workspace, plan_id)
    if failures:
        raise failures[0]
    return counts
