"""The journal of sending, in PostgreSQL: the intent before the first byte, and what became of each change."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import groupby

from models.vocabulary import ChangeStatus, RecordRef
from sync.writeback.changes import Connect, OpenChange, Settled, by_plan, open_change
from sync.writeback.plan import Cell, Stored
from sync.writeback.withheld import withhold
from sync.writeback.written import keep_written


def sent_changes(conn: Connect, workspace: str) -> list[OpenChange]:
    """What was sent and never answered, in the order it was planned."""
    rows = conn.execute(
        """select plan_id, seq, connection, object, record_id, field, api_name, old, new, job_id, sent_at from sakigake.change
        where workspace = %s and status = 'sent' order by plan_id, seq""",
        (workspace,),
    )
    return [open_change(r) for r in rows]


def mark_sent(
    conn: Connect,
    workspace: str,
    changes: Sequence[OpenChange],
    now: datetime,
    *,
    run_id: str = "",
    job_id: str | None = None,
) -> None:
    """The intent, before the first byte is sent."""
    for plan_id, seqs in by_plan(changes):
        conn.execute(
            """update sakigake.change set status = %s, sent_at = %s, run_id = nullif(%s, ''), job_id = %s, tries = tries + 1
            where workspace = %s and plan_id = %s and seq = any(%s)""",
            (ChangeStatus.SENT, now, run_id, job_id, workspace, plan_id, seqs),
        )


def settle(
    conn: Connect,
    workspace: str,
    outcomes: Sequence[Settled],
    now: datetime,
    *,
    crm_now: datetime,
    crm_at: datetime | None = None,
    mapping_hash: str = "",
) -> None:
    """What became of each change; confirmed values are remembered in the same transaction. `crm_now` is the CRM's clock, and `crm_at` what it
    said just before the sending.
    """
    for plan_id, group in groupby(sorted(outcomes, key=lambda s: s.change.plan_id), key=lambda s: s.change.plan_id):
        some = list(group)
        conn.execute(
            """update sakigake.change c set status = n.status, cause = nullif(n.cause, ''), request_id = coalesce(n.request, c.request_id),
                uncertain_at = case when n.uncertain then %s else c.uncertain_at end,
                settled_at = case when n.status in ('planned', 'sent') then null else %s end
            from unnest(%s::bigint[], %s::text[], %s::text[], %s::text[], %s::boolean[]) as n(seq, status, cause, request, uncertain)
            where c.workspace = %s and c.plan_id = %s and c.seq = n.seq""",
            (
                crm_now, now, [s.change.seq for s in some], [s.status.value for s in some], [s.cause for s in some],
                [s.request_id for s in some], [s.uncertain for s in some], workspace, plan_id,
            ),
        )  # fmt: skip
    confirmed = [s.change for s in outcomes if s.status is ChangeStatus.CONFIRMED]
    keep_written(conn, workspace, [((c.record, c.field.name), c.new, c.plan_id, crm_at) for c in confirmed], now)
    withhold(conn, workspace, [(s.change, s.cause) for s in outcomes if s.withhold], now, mapping_hash=mapping_hash)


def uncertain(conn: Connect, workspace: str, since: Mapping[str, datetime]) -> dict[Cell, Stored]:
    """Values whose answer never came, and that had not taken effect after `since`, by connection and its CRM's clock: they still may."""
    rows = conn.execute(
        """select c.connection, c.object, c.record_id, c.field, c.new from sakigake.change c
        join unnest(%s::text[], %s::timestamptz[]) as s(connection, since) on s.connection = c.connection
        where c.workspace = %s and c.uncertain_at > s.since order by c.uncertain_at""",
        (list(since), list(since.values()), workspace),
    )
    return {(RecordRef(r[0], r[1], r[2]), r[3]): r[4] for r in rows}
